//! Estimates the remaining time of a plan from its critical path, the usual duration of each kind and the speed of this
//! run so far.

use std::time::Duration;

use crate::{
    kind::{AnyKind, Registry},
    model::{Action, Address, Plan, StepId},
};

/// Shorter steps say little about the speed of AWS today.
const TELLING: Duration = Duration::from_secs(20);

/// The time that a step is still expected to take once it is past its usual duration.
pub const OVERDUE: Duration = Duration::from_secs(5);

/// The highest factor by which a run is assumed to be slower than usual.
const SLOWEST: f64 = 3.0;

/// The expected duration of a plan.
#[derive(Clone, Debug, Default)]
pub struct Forecast {
    steps: Vec<Expected>,
}

#[derive(Clone, Debug)]
struct Expected {
    address: Address,
    action: Action,
    usual: Duration,
    needs: Vec<StepId>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ahead,
    /// Running since this time after the start of the run.
    Running(Duration),
    Took(Duration),
    /// Failed or skipped: no step waits for it any more.
    Gone,
}

/// The remaining work of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The estimated remaining time.
    pub time: Duration,
    /// The running step at the start of the longest chain.
    pub longest: Address,
}

impl Forecast {
    /// Returns the forecast for a plan of which no step has started.
    pub fn of(kinds: &Registry, plan: &Plan) -> Self {
        let usual = |kind: &str| kinds.named(kind).map_or(Duration::ZERO, AnyKind::usual);
        let steps = plan.steps.iter().map(|step| Expected {
            address: step.address.clone(),
            action: step.action,
            usual: usual(step.address.kind()),
            needs: step.needs.clone(),
            state: State::Ahead,
        });
        Self { steps: steps.collect() }
    }

    /// How long the whole plan usually takes on AWS: its critical path.
    pub fn usual(&self) -> Duration {
        let mut ends: Vec<Duration> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let before = step.needs.iter().filter_map(|need| ends.get(*need)).max().copied().unwrap_or_default();
            ends.push(before + step.usual);
        }
        ends.into_iter().max().unwrap_or_default()
    }

    /// How many steps are done, and of how many.
    pub fn done(&self) -> (usize, usize) {
        let done = self.steps.iter().filter(|step| matches!(step.state, State::Took(_))).count();
        (done, self.steps.len())
    }

    /// Records that a step started at `now`, measured from the start of the run.
    pub fn began(&mut self, address: &Address, action: Action, now: Duration) {
        self.set(address, action, State::Running(now));
    }

    /// Records that a step finished after `elapsed`.
    pub fn took(&mut self, address: &Address, action: Action, elapsed: Duration) {
        self.set(address, action, State::Took(elapsed));
    }

    /// Records that a step failed or was skipped.
    pub fn gone(&mut self, address: &Address, action: Action) {
        self.set(address, action, State::Gone);
    }

    fn set(&mut self, address: &Address, action: Action, state: State) {
        let found = self.steps.iter_mut().find(|step| step.address == *address && step.action == action);
        if let Some(step) = found {
            step.state = state;
        }
    }

    /// Returns the remaining work at `now`, or `None` if no step is running.
    pub fn left(&self, now: Duration) -> Option<Left> {
        let pace = self.pace();
        // For each step: when it ends, and the running step that starts its longest chain. A step follows those it
        // needs.
        let mut ends: Vec<(Duration, Option<StepId>)> = Vec::with_capacity(self.steps.len());
        for (id, step) in self.steps.iter().enumerate() {
            let takes = step.usual.mul_f64(pace);
            let (before, first) =
                step.needs.iter().filter_map(|need| ends.get(*need)).copied().max().unwrap_or_default();
            ends.push(match step.state {
                State::Took(_) | State::Gone => (Duration::ZERO, None),
                State::Running(since) => (takes.saturating_sub(now.saturating_sub(since)).max(OVERDUE), Some(id)),
                State::Ahead => (before + takes, first),
            });
        }
        let (time, first) = ends.into_iter().filter(|(_, first)| first.is_some()).max()?;
        let longest = self.steps.get(first?)?.address.clone();
        Some(Left { time, longest })
    }

    /// Returns the speed of this run: the time taken divided by the usual time.
    fn pace(&self) -> f64 {
        let told = self.steps.iter().filter(|step| step.usual >= TELLING);
        let (usual, took) = told.fold((0.0, 0.0), |(usual, took), step| match step.state {
            State::Took(elapsed) => (usual + step.usual.as_secs_f64(), took + elapsed.as_secs_f64()),
            _ => (usual, took),
        });
        if usual > 0.0 { (took / usual).min(SLOWEST) } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(kind: &'static str, usual: u64, needs: &[StepId]) -> Expected {
        Expected {
            address: Address::new(kind, "one"),
            action: Action::Create,
            usual: Duration::from_secs(usual),
            needs: needs.to_vec(),
            state: State::Ahead,
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A plan with a service that needs a database and a NAT gateway.
    fn forecast() -> Forecast {
        let steps = vec![
            expected("vpc", 2, &[]),
            expected("nat_gateway", 90, &[0]),
            expected("db_instance", 300, &[0]),
            expected("service", 150, &[1, 2]),
        ];
        Forecast { steps }
    }

    #[test]
    fn the_longest_unfinished_chain_sets_the_remaining_time() {
        let mut forecast = forecast();
        assert_eq!(forecast.left(Duration::ZERO), None, "nothing runs");
        forecast.took(&Address::new("vpc", "one"), Action::Create, seconds(1));
        forecast.began(&Address::new("nat_gateway", "one"), Action::Create, seconds(1));
        forecast.began(&Address::new("db_instance", "one"), Action::Create, seconds(1));
        let left = forecast.left(seconds(101)).expect("two run");
        assert_eq!((left.time, left.longest.kind()), (seconds(200 + 150), "db_instance"));
        assert_eq!(forecast.done(), (1, 4));
    }

    #[test]
    fn finished_steps_scale_the_remaining_time() {
        let mut forecast = forecast();
        forecast.took(&Address::new("vpc", "one"), Action::Create, seconds(1));
        forecast.took(&Address::new("nat_gateway", "one"), Action::Create, seconds(180));
        forecast.began(&Address::new("db_instance", "one"), Action::Create, seconds(1));
        assert_eq!(forecast.left(seconds(1)).expect("one runs").time, seconds(600 + 300));
        // Steps that need a failed step never start.
        forecast.gone(&Address::new("db_instance", "one"), Action::Create);
        forecast.gone(&Address::new("service", "one"), Action::Create);
        assert_eq!(forecast.left(seconds(2)), None);
    }

    #[test]
    fn an_overdue_step_always_has_a_few_seconds_left() {
        let mut forecast = forecast();
        forecast.began(&Address::new("service", "one"), Action::Create, Duration::ZERO);
        assert_eq!(forecast.left(seconds(9000)).expect("one runs").time, OVERDUE);
    }
}
