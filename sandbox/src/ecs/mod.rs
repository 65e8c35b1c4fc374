//! ECS on Fargate: clusters, task definitions, services and tasks; what they say is run is run, as processes of this
//! computer.

mod clusters;
mod definitions;
mod exec;
mod history;
mod model;
mod on_time;
mod pages;
mod permissions;
mod rollback;
mod rootfs;
mod runner;
mod scheduler;
mod secrets;
mod services;
mod tasks;
mod tools;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{
    api::{Answer, ApiError, Call},
    region::Region,
};
use model::{Cluster, Definition, Service, Status, Task};
pub(crate) use runner::entering;
pub(crate) use scheduler::schedule;

/// How long children get to end when the sandbox stops.
const LAST_GRACE: Duration = Duration::from_secs(5);

/// ECS.
#[derive(Default)]
pub(crate) struct Ecs {
    state: Mutex<Ledger>,
    changed: Notify,
}

/// All that ECS knows.
#[derive(Default)]
struct Ledger {
    clusters: BTreeMap<String, Cluster>,
    /// The revisions of each family, the first one first.
    definitions: BTreeMap<String, Vec<Definition>>,
    services: Vec<Service>,
    tasks: BTreeMap<String, Task>,
    /// What client tokens were answered with.
    tokens: BTreeMap<String, Value>,
}

impl Ecs {
    fn state(&self) -> MutexGuard<'_, Ledger> {
        self.state.lock().expect("nobody panics while holding this")
    }

    /// Something has changed that the scheduler may have to act on.
    fn wake(&self) {
        self.changed.notify_one();
    }

    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Operations.html>
    pub(crate) async fn call(self: &Arc<Self>, region: &Arc<Region>, call: &Call) -> Result<Answer, ApiError> {
        let input = call.json()?;
        let answer = {
            let roles = match call.operation.as_str() {
                "CreateService" | "RunTask" => permissions::roles(region).await,
                _ => Value::Null,
            };
            let mut state = self.state();
            let at = &call.region;
            match call.operation.as_str() {
                "CreateCluster" => Ok(clusters::create(&mut state, at, &input)),
                "DescribeClusters" => Ok(clusters::describe(&state, &input)),
                "ListClusters" => clusters::list(&state, &input),
                "DeleteCluster" => clusters::delete(&mut state, &input),
                "RegisterTaskDefinition" => definitions::register(&mut state, at, &input),
                "DescribeTaskDefinition" => definitions::describe(&state, &input),
                "ListTaskDefinitions" => definitions::list(&state, &input),
                "ListTaskDefinitionFamilies" => definitions::families(&state, &input),
                "DeregisterTaskDefinition" => definitions::deregister(&mut state, &input),
                "DeleteTaskDefinitions" => Ok(definitions::delete(&mut state, &input)),
                "CreateService" => services::create(region, &mut state, at, &input, &roles),
                "UpdateService" => services::update(&mut state, &input),
                "DeleteService" => services::delete(&mut state, &input),
                "DescribeServices" => services::describe(&state, &input),
                "ListServiceDeployments" => history::deployments(&state, &input),
                "DescribeServiceRevisions" => history::revisions(&state, &input),
                "StopServiceDeployment" => rollback::stop(&mut state, &input),
                "ListServices" => services::list(&state, &input),
                "RunTask" => tasks::run(&mut state, &input, &roles),
                "StopTask" => tasks::stop(&mut state, &input),
                "ExecuteCommand" => exec::execute(region, &state, &input),
                "DescribeTasks" => tasks::describe(&state, &input),
                "ListTasks" => tasks::list(&state, &input),
                _ => Err(ApiError::not_implemented(call)),
            }
        }?;
        if call.is_mutating() {
            self.wake();
        }
        Ok(Answer::json(&answer))
    }

    /// Whether there is such a service.
    pub(crate) fn is_active(&self, cluster: &str, service: &str) -> bool {
        self.state().services.iter().any(|known| services::is(known, cluster, service))
    }

    /// Brings the number of a service's tasks between these limits.
    pub(crate) fn keep_within(&self, cluster: &str, service: &str, least: Option<usize>, most: Option<usize>) {
        for known in self.state().services.iter_mut().filter(|known| services::is(known, cluster, service)) {
            known.desired = known.desired.min(most.unwrap_or(usize::MAX)).max(least.unwrap_or_default());
        }
        self.wake();
    }

    /// How many tasks run, for the control endpoint.
    pub(crate) fn running_tasks(&self) -> usize {
        self.state().tasks.values().filter(|task| task.status == Status::Running).count()
    }

    /// Ends every task.
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

    /// The subnets and security groups that tasks use, which the control plane keeps for them.
    fn interfaces(&self) -> Value {
        let (mut subnets, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for task in self.state().tasks.values().filter(|task| task.status != Status::Stopped) {
            let used = task.network["awsvpcConfiguration"]["securityGroups"].as_array();
            subnets.extend(task.subnet.clone());
            groups.extend(used.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        }
        json!({ "subnets": subnets, "groups": groups })
    }
}

/// The name in an ARN or a name.
fn short(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The names in a list of names or ARNs.
fn names(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(|name| short(name).to_owned())).collect()
}

fn missing_cluster() -> ApiError {
    ApiError::client("ClusterNotFoundException", "Cluster not found.")
}
