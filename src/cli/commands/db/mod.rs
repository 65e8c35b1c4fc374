//! `stackctl db`: works on the contents of the private database from this machine.

mod connect;
mod load;
pub(super) mod reach;

use clap::{Args, Subcommand};

use crate::{
    cli::{error::Stop, global::Global},
    output::Output,
};

/// Arguments of `stackctl db`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Db {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load a dump into the database in one transaction.
    Load(load::Load),
    /// Connect to the private database with psql.
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
