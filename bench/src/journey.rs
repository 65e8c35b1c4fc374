//! One stack's life: up, up with nothing to do, plan after one change, deploy, status, destroy.

use std::{collections::BTreeMap, time::Duration};

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
    /// The calls of each AWS service.
    pub(crate) by_service: BTreeMap<String, usize>,
    /// The calls that AWS asked to slow down.
    pub(crate) throttled: usize,
    /// How often one waits for answers; of commands that only look.
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

    /// Of a command that only looks, with its rounds; and what it has said.
    async fn of_a_look(region: &Region, command: &'static str, args: &[&str]) -> Result<(Self, Run)> {
        let run = region.run(args).await?;
        let far = region.run_far_away(args).await?;
        let rounds = rounds(far.calls.iter().map(|call| (call.started_ms, call.ended_ms)));
        Ok((Self { rounds: Some(rounds), ..Self::of(command, &run) }, run))
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

/// The costs of one stack where AWS's request limits apply.
pub(crate) struct Limited {
    pub(crate) services: usize,
    pub(crate) costs: Vec<Cost>,
}

/// Lives through the life of a stack of so many services within AWS's request limits. No command may fail.
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
