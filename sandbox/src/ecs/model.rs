//! The data model of clusters, task definitions, services and tasks.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::{input::text, ordering::Phase};
use crate::{alb::Target, api::now, sessions::Inside};

/// The settings that belong to a service revision. A rollback restores them together with the task definition.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html>
const REVISION: [&str; 3] = ["networkConfiguration", "loadBalancers", "serviceRegistries"];

/// The number of events that a service keeps.
const EVENTS: usize = 100;

pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) active: bool,
    pub(super) tags: Value,
    pub(super) capacity_providers: Value,
}

pub(super) struct Definition {
    pub(super) arn: String,
    pub(super) active: bool,
    /// The document that `DescribeTaskDefinition` returns.
    pub(super) document: Value,
    pub(super) tags: Value,
}

/// The status of a service. Deletion leads to `DRAINING` and then `INACTIVE`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Active,
    Draining,
    Inactive,
}

pub(super) struct Service {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) cluster: String,
    pub(super) life: Life,
    pub(super) definition: String,
    pub(super) desired: usize,
    /// Network, load balancers, deployment configuration, and settings that are only returned unchanged.
    pub(super) settings: Value,
    pub(super) tags: Value,
    pub(super) created: f64,
    /// The current deployments, the primary one first.
    pub(super) deployments: Vec<Deployment>,
    /// All deployments ever, oldest first.
    pub(super) history: Vec<Past>,
    pub(super) events: VecDeque<(f64, String, String)>,
    /// The earliest time of the next task start. It moves further out with each failure.
    pub(super) next_start: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rollout {
    InProgress,
    Completed,
    Failed,
}

pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) definition: String,
    /// The settings that a rollback restores.
    pub(super) revision: Value,
    pub(super) rollout: Rollout,
    pub(super) reason: String,
    pub(super) failed: usize,
    pub(super) created: f64,
    pub(super) updated: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Provisioning,
    Pending,
    Running,
    Deactivating,
    Stopping,
    Stopped,
}

pub(super) struct Task {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) cluster_arn: String,
    pub(super) definition: String,
    pub(super) service: Option<String>,
    pub(super) deployment: Option<String>,
    pub(super) status: Status,
    pub(super) started_by: String,
    pub(super) group: String,
    pub(super) tags: Value,
    pub(super) overrides: Value,
    pub(super) network: Value,
    /// The subnet of its network interface.
    pub(super) subnet: Option<String>,
    pub(super) created: f64,
    pub(super) started: Option<f64>,
    pub(super) running_since: Option<Instant>,
    pub(super) stopped: Option<f64>,
    pub(super) stopped_at: Option<Instant>,
    pub(super) stop_code: Option<&'static str>,
    pub(super) stopped_reason: Option<String>,
    /// The containers in the order of the definition.
    pub(super) containers: Vec<Container>,
    /// The target group and the target of the task.
    pub(super) target: Option<(String, Target)>,
    /// Whether ECS Exec is enabled.
    pub(super) exec: bool,
    /// The capacity provider, or `None` for a task that was started with a launch type.
    pub(super) provider: Option<&'static str>,
    /// Signals that the task must stop.
    pub(super) stopping: watch::Sender<bool>,
    /// Whether the scheduler has counted its end.
    pub(super) counted: bool,
    /// Whether EventBridge has received its end.
    pub(super) told: bool,
}

/// A container of a task.
pub(super) struct Container {
    pub(super) name: String,
    pub(super) essential: bool,
    /// Whether it has a container health check.
    pub(super) is_checked: bool,
    pub(super) phase: Phase,
    /// The view of the container for sessions, once it runs.
    pub(super) inside: Option<Inside>,
    /// Signals that all its processes have ended.
    pub(super) gone: watch::Sender<bool>,
}

impl Container {
    /// Returns a container that has not started.
    pub(super) fn of(definition: &Value) -> Self {
        Self {
            name: text(definition, "name").to_owned(),
            essential: definition["essential"] != false,
            is_checked: !definition["healthCheck"].is_null(),
            phase: Phase::Waiting,
            inside: None,
            gone: watch::channel(false).0,
        }
    }

    fn health(&self) -> &'static str {
        match self.phase {
            Phase::Running(Some(true)) => "HEALTHY",
            Phase::Running(Some(false)) => "UNHEALTHY",
            _ => "UNKNOWN",
        }
    }

    fn status(&self) -> &'static str {
        match self.phase {
            Phase::Waiting => "PENDING",
            Phase::Running(_) => "RUNNING",
            Phase::Ended(_) => "STOPPED",
        }
    }
}

/// A service deployment.
pub(super) struct Past {
    /// The id of the deployment in the service.
    pub(super) deployment: String,
    pub(super) arn: String,
    pub(super) revision: String,
    pub(super) definition: String,
    pub(super) status: Outcome,
    pub(super) reason: Option<String>,
    pub(super) created: f64,
    pub(super) finished: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    InProgress,
    Successful,
    Stopped,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Stopped => "STOPPED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::InProgress | Self::RollbackInProgress)
    }
}

impl Past {
    pub(super) fn end_as(&mut self, status: Outcome, reason: &str) {
        self.status = status;
        self.reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
        self.finished = (!status.is_open()).then(now);
    }
}

impl Service {
    /// Returns whether this is the active service with these names.
    pub(super) fn is(&self, cluster: &str, name: &str) -> bool {
        self.life == Life::Active && self.cluster == cluster && self.name == name
    }

    pub(super) fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    pub(super) fn say(&mut self, message: impl Into<String>) {
        let message = format!("(service {}) {}", self.name, message.into());
        self.events.push_front((now(), uuid::Uuid::new_v4().to_string(), message));
        self.events.truncate(EVENTS);
    }

    /// Starts the rollout of a task definition.
    pub(super) fn deploy(&mut self, definition: &str) {
        let id = format!("ecs-svc/{}", rand::random_range(1_000_000_000_000_000_000_u64..u64::MAX));
        let reason = format!("ECS deployment {id} in progress.");
        definition.clone_into(&mut self.definition);
        let deployment = Deployment {
            id,
            definition: definition.to_owned(),
            revision: REVISION.iter().map(|key| ((*key).to_owned(), self.settings[*key].clone())).collect(),
            rollout: Rollout::InProgress,
            reason,
            failed: 0,
            created: now(),
            updated: now(),
        };
        self.remember(&deployment);
        self.deployments.insert(0, deployment);
        self.next_start = Instant::now();
    }
}

impl Task {
    /// Returns whether the task is starting or running, and not stopping.
    pub(super) fn is_alive(&self) -> bool {
        self.status <= Status::Running && !*self.stopping.borrow()
    }

    /// Asks the task to stop. If several callers do so, the first reason is kept.
    pub(super) fn stop(&mut self, reason: impl Into<String>, code: &'static str) {
        if self.status < Status::Stopped && !*self.stopping.borrow() {
            self.stopped_reason.get_or_insert(reason.into());
            self.stop_code.get_or_insert(code);
            self.stopping.send_replace(true);
        }
    }

    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attachment.html>
    fn attachments(&self) -> Value {
        let status = if self.status == Status::Stopped { "DELETED" } else { "ATTACHED" };
        let interface = |subnet: &String| {
            json!({
                "id": uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, self.id.as_bytes()),
                "type": "ElasticNetworkInterface", "status": status,
                "details": [{ "name": "subnetId", "value": subnet }],
            })
        };
        self.subnet.iter().map(interface).collect()
    }

    /// Returns the container that GuardDuty adds to each task when Runtime Monitoring is on. Its exit code is 0
    /// however the task ends.
    /// <https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html>
    fn guard(&self, status: &str) -> Value {
        let exit_code = (self.status == Status::Stopped && self.started.is_some()).then_some(0);
        let name = format!("aws-guardduty-agent-{}", &self.id[..7]);
        json!({ "name": name, "lastStatus": status, "exitCode": exit_code, "taskArn": self.arn })
    }

    /// Returns the health status of the task, from the health checks of its essential containers.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>
    pub(super) fn health(&self) -> &'static str {
        let checked = self.containers.iter().filter(|container| container.essential && container.is_checked);
        let all: Vec<&str> = checked.map(Container::health).collect();
        if all.contains(&"UNHEALTHY") {
            "UNHEALTHY"
        } else if all.is_empty() || all.contains(&"UNKNOWN") {
            "UNKNOWN"
        } else {
            "HEALTHY"
        }
    }

    /// Returns whether an essential container has a health check.
    pub(super) fn is_checked(&self) -> bool {
        self.containers.iter().any(|container| container.essential && container.is_checked)
    }

    /// Returns the task in the form of `DescribeTasks`.
    pub(super) fn document(&self, with_tags: bool) -> Value {
        let status = format!("{:?}", self.status).to_uppercase();
        let desired = if self.is_alive() { "RUNNING" } else { "STOPPED" };
        let own = self.containers.iter().map(|container| {
            let exit_code = if let Phase::Ended(code) = container.phase { code } else { None };
            json!({
                "name": container.name, "lastStatus": container.status(), "exitCode": exit_code, "taskArn": self.arn,
                "healthStatus": container.health(), "runtimeId": self.runtime(container),
                "managedAgents": self.agents(container),
            })
        });
        let containers: Vec<Value> = std::iter::once(self.guard(&status)).chain(own).collect();
        let mut document = json!({
            "taskArn": self.arn, "clusterArn": self.cluster_arn, "taskDefinitionArn": self.definition,
            "lastStatus": status, "desiredStatus": desired, "startedBy": self.started_by, "group": self.group,
            "launchType": "FARGATE", "capacityProviderName": self.provider, "createdAt": self.created, "overrides": self.overrides,
            "containers": containers, "healthStatus": self.health(),
            "enableExecuteCommand": self.exec,
            "attachments": self.attachments(), "stoppedReason": self.stopped_reason, "stopCode": self.stop_code,
            "startedAt": self.started, "stoppedAt": self.stopped, "version": 1,
        });
        if with_tags {
            document["tags"] = self.tags.clone();
        }
        without_nulls(&mut document);
        document
    }
}

/// Removes nulls: AWS omits fields without a value.
pub(super) fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}
