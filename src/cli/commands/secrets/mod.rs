//! `stackctl secrets`: manages the secrets that stackctl stores. A plan applies a new value, because task definitions
//! contain the versions of secrets.

mod list;
mod rotate;
mod set;

use clap::{Args, Subcommand};

use crate::{
    cli::{error::Stop, global::Global},
    output::Output,
};

/// Arguments of `stackctl secrets`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Secrets {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the secrets, who uses each one, and when it last changed; values are never shown.
    List(list::List),
    /// Set a secret to a value from the terminal or standard input.
    Set(set::Set),
    /// Change the password of a database user and redeploy the services that use it.
    Rotate(rotate::Rotate),
}

impl Secrets {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        match &self.command {
            Command::List(list) => list.run(global, output).await,
            Command::Set(set) => set.run(global, output).await,
            Command::Rotate(rotate) => rotate.run(global, output).await,
        }
    }
}
