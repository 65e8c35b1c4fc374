//! The version of a secret that was just written, which lists may not show yet.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    cli::project::{Project, View},
    model::{Address, Failure},
    output::Output,
};

/// How long `ListSecrets` may go on showing what was there before, and how often to look.
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>
const LAG: (Duration, Duration) = (Duration::from_mins(6), Duration::from_secs(2));

/// Puts the version that was just written into the view, which may not show it yet.
pub(super) fn show(view: &mut View, address: &Address, version: &str) {
    for live in view.live.iter_mut().filter(|live| &live.address == address) {
        live.live["version"] = version.into();
    }
}

/// Until every run of stackctl sees the version: before that, one would take the new value for drift.
pub(super) async fn shown(project: &Project, address: &Address, version: &str, output: &Output) -> Result<(), Failure> {
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
