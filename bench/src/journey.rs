//! One stack's life: up, up with nothing to do, plan after one change, deploy, status, destroy.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::{
    baseline,
    needs::{self, Chain},
    project,
    region::{Pace, Region, Run},
    rounds::rounds,
};

/// What one command has cost.
pub(crate) struct Cost {
    pub(crate) command: &'static str,
    pub(crate) calls: usize,
    pub(crate) rounds: usize,
    pub(crate) wall: Duration,
    pub(crate) peak_kib: u64,
}

impl Cost {
    fn of(command: &'static str, run: &Run) -> Self {
        Self {
            command,
            calls: run.calls.len(),
            rounds: rounds(run.calls.iter().map(|call| (call.started_ms, call.ended_ms))),
            wall: run.wall,
            peak_kib: run.peak_kib,
        }
    }
}

/// The costs of one stack.
pub(crate) struct Journey {
    pub(crate) services: usize,
    pub(crate) costs: Vec<Cost>,
    /// The first `up`, and the longest chain of what it had to do.
    pub(crate) first_up: Duration,
    pub(crate) chain: Chain,
    /// The calls and the time of a script that makes the same stack, one call after the other.
    pub(crate) script: Option<(usize, Duration)>,
}

/// Lives through the life of a stack of so many services.
pub(crate) async fn measure(pace: Pace, services: usize, scripted: bool) -> Result<Journey> {
    let region = Region::start(pace).await?;
    let folder = region.project();
    project::lay_out(&folder, services)?;
    let up = region.run(&["up", "--yes"]).await?;
    let again = region.run(&["up", "--yes"]).await?;
    ensure!(!again.lines.iter().any(|(_, line)| line["event"] == "started"), "a second `up` has nothing to do");
    project::change_one(&folder)?;
    let plan = region.run(&["plan"]).await?;
    project::change_back(&folder, services)?;
    let status = region.run(&["status"]).await?;
    let image = status.lines.first().and_then(|(_, status)| status["services"][0]["image"].as_str());
    let image = image.context("the first service has an image")?.to_owned();
    project::change_program(&folder)?;
    let deploy = region.run(&["deploy", "--yes"]).await?;
    let script = if scripted {
        region.forget_calls().await?;
        let took = baseline::make(&region.endpoint, services, &image).await?;
        Some((region.calls().await?.len(), took))
    } else {
        None
    };
    let destroy = region.run(&["destroy", "--confirm", "bench"]).await?;
    Ok(Journey {
        services,
        costs: vec![
            Cost::of("first `up`", &up),
            Cost::of("`up`, nothing to do", &again),
            Cost::of("`plan`, one change", &plan),
            Cost::of("`deploy`, one line", &deploy),
            Cost::of("`status`", &status),
            Cost::of("`destroy`", &destroy),
        ],
        first_up: up.wall,
        chain: needs::longest(&up)?,
        script,
    })
}
