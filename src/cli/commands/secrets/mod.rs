//! `stackctl secrets`: what can be done about the secrets that stackctl keeps. Another value of one is followed by a plan
//! like any other, because task definitions name the versions of what they were made with.

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
    /// Show the secrets by name: who uses each, and when it was changed; never a value.
    List(list::List),
    /// Give a secret the value that is typed in, or comes from standard input.
    Set(set::Set),
    /// Give a database user another password, and whatever uses it too.
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
