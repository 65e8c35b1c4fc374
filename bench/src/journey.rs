//! Measures the commands in the life of a stack: up, up without changes, plan after one change, deploy, status,
//! destroy.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::{
    baseline,
    needs::{self, Chain},
    project,
    region::{Pace, Region, Run},
    rounds::rounds,
};

/// The cost of one command.
pub(crate) struct Cost {
    pub(crate) command: &'static str,
    pub(crate) calls: usize,
    /// The calls of each AWS service.
    pub(crate) by_service: BTreeMap<String, usize>,
    /// The number of throttled calls.
    pub(crate) throttled: usize,
    /// The number of sequential rounds of calls; only for commands that only read.
    pub(crate) rounds: Option<usize>,
    pub(crate) wall: Duration,
    pub(crate) peak_kib: u64,
}

impl Cost {
    fn of(command: &'static str, run: &Run) -> Self {
        let mut by_service = BTreeMap::new();
        for call in &run.calls {
            *by_service.entry(call.service.clone()).or_default() += 1;
        }
        let throttled = run.calls.iter().filter(|call| call.is_throttled()).count();
        let (calls, wall, peak_kib) = (run.calls.len(), run.wall, run.peak_kib);
        Self { command, calls, by_service, throttled, rounds: None, wall, peak_kib }
    }

    /// Runs a command that only reads. Returns its cost, including the rounds, and its output.
    async fn of_a_look(region: &Region, command: &'static str, args: &[&str]) -> Result<(Self, Run)> {
        let run = region.run(args).await?;
        let far = region.run_far_away(args).await?;
        let rounds = rounds(far.calls.iter().map(|call| (call.started_ms, call.ended_ms)));
        Ok((Self { rounds: Some(rounds), ..Self::of(command, &run) }, run))
    }
}

/// The costs of the commands for one stack.
pub(crate) struct Journey {
    pub(crate) services: usize,
    pub(crate) costs: Vec<Cost>,
    /// The duration of the first `up`; `chain` is the longest chain of its steps.
    pub(crate) first_up: Duration,
    pub(crate) chain: Chain,
    /// The number of calls and the duration of a script that creates the same stack sequentially.
    pub(crate) script: Option<(usize, Duration)>,
}

/// Runs all commands for a stack with this number of services.
pub(crate) async fn measure(pace: Pace, services: usize, scripted: bool) -> Result<Journey> {
    let region = Region::start(pace).await?;
    let folder = region.project();
    project::lay_out(&folder, services)?;
    let up = region.run(&["up", "--yes"]).await?;
    let (again, said) = Cost::of_a_look(&region, "`up`, nothing to do", &["up", "--yes"]).await?;
    ensure!(!said.lines.iter().any(|(_, line)| line["event"] == "started"), "a second `up` has nothing to do");
    project::change_one(&folder)?;
    let (plan, _) = Cost::of_a_look(&region, "`plan`, one change", &["plan"]).await?;
    project::change_back(&folder, services)?;
    let (status, said) = Cost::of_a_look(&region, "`status`", &["status"]).await?;
    let image = said.lines.first().and_then(|(_, status)| status["services"][0]["image"].as_str());
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
    let destroy = region.run(&["destroy", "--confirm", "bench/default"]).await?;
    Ok(Journey {
        services,
        costs: vec![
            Cost::of("first `up`", &up),
            again,
            plan,
            Cost::of("`deploy`, one line", &deploy),
            status,
            Cost::of("`destroy`", &destroy),
        ],
        first_up: up.wall,
        chain: needs::longest(&up)?,
        script,
    })
}

/// The costs of the commands for one stack within AWS's request limits.
pub(crate) struct Limited {
    pub(crate) services: usize,
    pub(crate) costs: Vec<Cost>,
}

/// Runs the commands for a stack with this number of services within AWS's request limits. No command may fail.
pub(crate) async fn within_limits(pace: Pace, services: usize) -> Result<Limited> {
    let region = Region::start(Pace { limits: true, ..pace }).await?;
    let folder = region.project();
    project::lay_out(&folder, services)?;
    let up = Cost::of("first `up`", &region.run(&["up", "--yes"]).await?);
    let again = Cost::of("`up`, nothing to do", &region.run(&["up", "--yes"]).await?);
    project::change_program(&folder)?;
    let deploy = Cost::of("`deploy`, one line", &region.run(&["deploy", "--yes"]).await?);
    let destroy = Cost::of("`destroy`", &region.run(&["destroy", "--confirm", "bench/default"]).await?);
    Ok(Limited { services, costs: vec![up, again, deploy, destroy] })
}
