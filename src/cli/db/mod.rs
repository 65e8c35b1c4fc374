//! `stackctl db`: what can be done about the database's contents, from a machine that does not reach it.

mod connect;
mod load;

use clap::{Args, Subcommand};

use super::{Global, Stop};
use crate::{output::Output, spec::Stack};

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

/// # Errors
/// If the stack has no database.
fn has_database(stack: &Stack) -> Result<(), Stop> {
    if stack.database.is_some() {
        return Ok(());
    }
    Err(Stop::usage("stack.yaml has no `database:`", "add one, and bring it up: stackctl up"))
}
