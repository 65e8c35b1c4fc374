//! The targets of all groups: how each is, and how many requests it has in flight.

use std::{
    collections::HashMap,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

/// Where a target listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) ip: String,
    pub(crate) port: u16,
}

/// How a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Initial,
    Healthy,
    /// AWS's reason code and its description.
    Unhealthy(&'static str, String),
    Draining,
}

impl State {
    /// State, reason and description as `DescribeTargetHealth` has them.
    pub(super) fn words(&self) -> (&'static str, Option<&'static str>, &str) {
        match self {
            Self::Initial => ("initial", Some("Elb.InitialHealthChecking"), "Initial health checks in progress"),
            Self::Healthy => ("healthy", None, ""),
            Self::Unhealthy(reason, description) => ("unhealthy", Some(reason), description),
            Self::Draining => {
                ("draining", Some("Target.DeregistrationInProgress"), "Target deregistration is in progress")
            }
        }
    }
}

struct Member {
    state: State,
    load: Arc<Load>,
}

#[derive(Default)]
struct Load {
    in_flight: AtomicUsize,
    ended: Notify,
    /// Whether the target is deregistered, and nothing may be in flight any more.
    over: watch::Sender<bool>,
}

/// A request in flight at a target; it ends when this is dropped.
pub(super) struct InFlight(Arc<Load>);

impl InFlight {
    /// Ends when the deregistration delay of the target is over.
    pub(super) fn cut_off(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut over = self.0.over.subscribe();
        async move {
            if over.wait_for(|over| *over).await.is_err() {
                pending::<()>().await;
            }
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.notify_waiters();
    }
}

/// The groups.
#[derive(Default)]
pub(super) struct Targets {
    groups: Mutex<HashMap<String, HashMap<Target, Member>>>,
    turn: AtomicUsize,
}

impl Targets {
    fn groups(&self) -> std::sync::MutexGuard<'_, HashMap<String, HashMap<Target, Member>>> {
        self.groups.lock().expect("nobody panics while holding this")
    }

    pub(super) fn add(&self, group: &str, target: &Target) {
        let member = Member { state: State::Initial, load: Arc::default() };
        self.groups().entry(group.to_owned()).or_default().insert(target.clone(), member);
    }

    pub(super) fn state(&self, group: &str, target: &Target) -> Option<State> {
        Some(self.groups().get(group)?.get(target)?.state.clone())
    }

    /// Sets how a target is; a draining one stays so.
    pub(super) fn set(&self, group: &str, target: &Target, state: State) {
        if let Some(member) = self.groups().get_mut(group).and_then(|group| group.get_mut(target))
            && member.state != State::Draining
        {
            member.state = state;
        }
    }

    pub(super) fn of(&self, group: &str) -> Vec<(Target, State)> {
        let groups = self.groups();
        let members = groups.get(group).into_iter().flatten();
        members.map(|(target, member)| (target.clone(), member.state.clone())).collect()
    }

    /// The target whose turn it is, and a request in flight at it. If none is healthy, all that do not drain take turns:
    /// an ALB fails open.
    /// One that is `kept` and healthy has it instead.
    pub(super) fn choose(&self, group: &str, kept: Option<&Target>) -> Option<(Target, InFlight)> {
        let groups = self.groups();
        let members = groups.get(group)?;
        let with = |wanted: &dyn Fn(&State) -> bool| {
            let mut chosen: Vec<(&Target, &Member)> =
                members.iter().filter(|(_, member)| wanted(&member.state)).collect();
            chosen.sort_by_key(|(target, _)| *target);
            chosen
        };
        let mut candidates = with(&|state| *state == State::Healthy);
        if candidates.is_empty() {
            candidates = with(&|state| matches!(state, State::Unhealthy(..)));
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let kept = candidates.iter().find(|(target, member)| Some(*target) == kept && member.state == State::Healthy);
        let (target, member) = kept.or_else(|| candidates.get(turn.checked_rem(candidates.len())?))?;
        member.load.in_flight.fetch_add(1, Ordering::SeqCst);
        Some(((*target).clone(), InFlight(Arc::clone(&member.load))))
    }

    /// Drains a target and takes it out. An ALB does not wait out the delay once nothing is in flight. What is in flight at
    /// the end of the delay, an open WebSocket too, is cut off.
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#deregistration-delay>
    pub(super) async fn drain(&self, group: &str, target: &Target, delay: Duration) {
        let load = {
            let mut groups = self.groups();
            let Some(member) = groups.get_mut(group).and_then(|group| group.get_mut(target)) else { return };
            member.state = State::Draining;
            Arc::clone(&member.load)
        };
        let deadline = Instant::now() + delay;
        loop {
            let ended = load.ended.notified();
            if load.in_flight.load(Ordering::SeqCst) == 0 || tokio::time::timeout_at(deadline, ended).await.is_err() {
                break;
            }
        }
        load.over.send_replace(true);
        if let Some(group) = self.groups().get_mut(group) {
            group.remove(target);
        }
    }
}
