//! ECS: its state, and the other parts of the sandbox that it uses.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::Value;
use tokio::sync::Notify;

use super::{ledger::Ledger, model::Status};
use crate::{
    alb::Alb, authority::Authorities, cloud_map::CloudMap, credentials::Credentials, ecr::Ecr, moto::Moto, permissions,
    place::Place, rds::Postgres, sessions::Sessions,
};

/// How long child processes may take to end when the sandbox stops.
const LAST_GRACE: Duration = Duration::from_secs(5);

/// The parts of the sandbox that ECS uses.
pub(crate) struct Works {
    pub(crate) place: Arc<Place>,
    pub(crate) moto: Arc<Moto>,
    pub(crate) alb: Arc<Alb>,
    pub(crate) cloud_map: Arc<CloudMap>,
    pub(crate) ecr: Arc<Ecr>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) authorities: Arc<Authorities>,
    pub(crate) credentials: Arc<Credentials>,
    /// The source of the client programs in the official `postgres` image.
    pub(crate) postgres: Postgres,
}

pub(crate) struct Ecs {
    pub(super) works: Works,
    state: Mutex<Ledger>,
    pub(super) changed: Notify,
}

impl Ecs {
    pub(crate) fn new(works: Works) -> Self {
        Self { works, state: Mutex::default(), changed: Notify::new() }
    }

    /// Returns all roles with their policies.
    pub(super) async fn roles(&self) -> Value {
        permissions::roles(&self.works.moto, &self.works.place.settings).await
    }

    /// Returns whether this service can assume the role now.
    pub(crate) async fn may_be_assumed(&self, role: &str, principal: &str) -> bool {
        permissions::may_be_assumed(&self.roles().await, role, principal)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, Ledger> {
        self.state.lock().expect("nobody panics while holding this")
    }

    /// Wakes the scheduler after a change.
    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// Returns whether the service exists and is active.
    pub(crate) fn is_active(&self, cluster: &str, service: &str) -> bool {
        self.state().services.iter().any(|known| known.is(cluster, service))
    }

    /// Moves the desired count of a service between these limits.
    pub(crate) fn keep_within(&self, cluster: &str, service: &str, least: Option<usize>, most: Option<usize>) {
        for known in self.state().services.iter_mut().filter(|known| known.is(cluster, service)) {
            known.desired = known.desired.min(most.unwrap_or(usize::MAX)).max(least.unwrap_or_default());
        }
        self.wake();
    }

    /// Returns the number of running tasks, for the control endpoint.
    pub(crate) fn running_tasks(&self) -> usize {
        self.state().tasks.values().filter(|task| task.status == Status::Running).count()
    }

    /// Stops every task.
    pub(crate) async fn shutdown(&self) {
        for task in self.state().tasks.values_mut() {
            task.stop("the sandbox stops", "UserInitiated");
        }
        let all_gone = async {
            while self.state().tasks.values().any(|task| task.status != Status::Stopped) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        drop(tokio::time::timeout(LAST_GRACE, all_gone).await);
    }
}
