//! `stackctl db`: what can be done about the database's contents, from a machine that does not reach it.

mod connect;
mod load;

use clap::{Args, Subcommand};
use serde::de::DeserializeOwned;

use super::{Global, Stop, project::Project};
use crate::{
    blueprint,
    model::{Address, Failure},
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

/// What AWS has at `address`, in its kind's own type, for the command `command`.
///
/// # Errors
/// If AWS has none, or cannot be asked.
pub(super) async fn find<L: DeserializeOwned>(
    project: &Project,
    command: &str,
    address: &Address,
) -> Result<L, Failure> {
    let found = project.observe_kind(address.kind()).await?.into_iter().find(|one| one.address == *address);
    found
        .ok_or_else(|| {
            Failure::refused(command, format!("{} has no {address} yet", project.cx.id))
                .hint("bring it up first: stackctl up")
        })?
        .decoded()
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
