//! `stackctl secrets`: what can be done about the secrets that stackctl keeps. Another value of one is followed by a plan
//! like any other, because task definitions name the versions of what they were made with.

mod list;
mod rotate;
mod set;

use std::time::Duration;

use clap::{Args, Subcommand};
use tokio::time::{Instant, sleep};

use super::{
    Global, Stop,
    project::{Project, View},
};
use crate::{
    model::{Address, Failure},
    output::Output,
};

/// How long `ListSecrets` may go on showing what was there before, and how often to look.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>
const LAG: (Duration, Duration) = (Duration::from_mins(6), Duration::from_secs(2));

/// Arguments of `stackctl secrets`.
#[derive(Debug, Args)]
pub(super) struct Secrets {
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

/// Puts the version that was just written into the view, which may not show it yet.
fn show(view: &mut View, address: &Address, version: &str) {
    for live in view.live.iter_mut().filter(|live| &live.address == address) {
        live.live["version"] = version.into();
    }
}

/// Until every run of stackctl sees the version: before that, one would take the new value for drift.
async fn shown(project: &Project, address: &Address, version: &str, output: &Output) -> Result<(), Failure> {
    let deadline = Instant::now() + LAG.0;
    let mut said = false;
    loop {
        let found = project.observe_kind("secret").await?;
        let there = found.iter().any(|live| &live.address == address && live.live["version"] == version);
        if there || Instant::now() > deadline {
            return Ok(());
        }
        if !std::mem::replace(&mut said, true) {
            output.status("Waiting for Secrets Manager to list the new version …");
        }
        sleep(LAG.1).await;
    }
}
