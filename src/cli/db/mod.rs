//! `stackctl db`: what can be done about the database's contents, from a machine that does not reach it.

mod connect;
mod load;

use clap::{Args, Subcommand};

use super::{Global, Stop, project::Project};
use crate::{
    blueprint, engine,
    model::{Address, Failure, LiveResource},
    output::Output,
    spec::Stack,
};

/// Arguments of `stackctl db`.
#[derive(Debug, Args)]
pub(super) struct Db {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load a dump into the database, whole or not at all.
    Load(load::Load),
    /// Open the way to the database that the stack has, and psql on it.
    Connect(connect::Connect),
}

impl Db {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        match &self.command {
            Command::Load(load) => load.run(global, output).await,
            Command::Connect(connect) => connect.run(global, output).await,
        }
    }
}

/// The resource at `address`, for the command `command`.
///
/// # Errors
/// If AWS has none, or cannot be asked.
pub(super) async fn find(
    project: &Project,
    command: &str,
    kind: &str,
    address: &Address,
) -> Result<LiveResource, Failure> {
    let found = engine::observe_kind(&project.cx, kind).await?.into_iter().find(|one| one.address == *address);
    found.ok_or_else(|| {
        Failure::refused(command, format!("{} has no {address} yet", project.cx.id))
            .hint("bring it up first: stackctl up")
    })
}

/// What AWS has of it, in its kind's own type.
///
/// # Errors
/// If it is not that kind's.
pub(super) fn decoded<T: serde::de::DeserializeOwned>(found: LiveResource) -> Result<T, Failure> {
    serde_json::from_value(found.live).map_err(|error| Failure::internal(error.to_string()))
}

/// psql on the database, where this machine has it on `port`.
pub(super) fn psql_command(port: u16, user: &str) -> String {
    let database = blueprint::DATABASE_NAME;
    format!("psql 'host=127.0.0.1 port={port} user={user} dbname={database} sslmode=require'")
}

/// What shows the value of the secret `name`.
pub(super) fn password_command(name: &str) -> String {
    format!("aws secretsmanager get-secret-value --secret-id {name} --query SecretString --output text")
}

/// # Errors
/// If the stack has no database.
fn has_database(stack: &Stack) -> Result<(), Stop> {
    if stack.database.is_some() {
        return Ok(());
    }
    Err(Stop::usage("stack.yaml has no `database:`", "add one, and bring it up: stackctl up"))
}
