//! The targets of all groups, with the health state and the requests in flight of each.

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

/// The address of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) ip: String,
    pub(crate) port: u16,
}

/// The health state of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Initial,
    Healthy,
    /// AWS's reason code and its description.
    Unhealthy(&'static str, String),
    Draining,
}

impl State {
    /// Returns state, reason and description as `DescribeTargetHealth` has them.
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
    /// Becomes true when the deregistration delay is over and requests in flight must end.
    over: watch::Sender<bool>,
}

/// A request in flight at a target. Dropping it marks the request as done.
pub(super) struct InFlight(Arc<Load>);

impl InFlight {
    /// Completes when the deregistration delay of the target is over.
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

/// The target groups.
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

    /// Sets the state of a target. A draining target stays draining.
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

    /// Returns the next target and a request in flight at it. A healthy `kept` target wins over round robin. If no
    /// target is healthy, all targets that do not drain take turns: an ALB fails open.
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

    /// Drains a target and removes it. An ALB ends the drain early when nothing is in flight. Requests that are still
    /// in flight at the end of the delay are cut off, and so is an open WebSocket.
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
