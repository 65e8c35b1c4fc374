//! What ECS keeps of clusters, task definitions, services and tasks.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::{input::text, ordering::Phase};
use crate::{alb::Target, api::now, sessions::Inside};

/// What of a service's settings belongs to its revision: a rollback brings it back with the task definition.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html>
const REVISION: [&str; 3] = ["networkConfiguration", "loadBalancers", "serviceRegistries"];

/// How many events of a service are kept.
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
    /// As `DescribeTaskDefinition` has it.
    pub(super) document: Value,
    pub(super) tags: Value,
}

/// `DRAINING` and `INACTIVE` come with its deletion.
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
    /// Network, load balancers, deployment configuration and all that is only handed back.
    pub(super) settings: Value,
    pub(super) tags: Value,
    pub(super) created: f64,
    /// The primary one first.
    pub(super) deployments: Vec<Deployment>,
    /// All there ever were, the first one first.
    pub(super) history: Vec<Past>,
    pub(super) events: VecDeque<(f64, String, String)>,
    /// Not before then is another task started: one that keeps failing is started ever more rarely.
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
    /// Those of the service's settings that a rollback brings back.
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
    /// The subnet in which its network interface stands.
    pub(super) subnet: Option<String>,
    pub(super) created: f64,
    pub(super) started: Option<f64>,
    pub(super) running_since: Option<Instant>,
    pub(super) stopped: Option<f64>,
    pub(super) stopped_at: Option<Instant>,
    pub(super) stop_code: Option<&'static str>,
    pub(super) stopped_reason: Option<String>,
    /// As its definition has them.
    pub(super) containers: Vec<Container>,
    /// Where the load balancer finds it, and in which group.
    pub(super) target: Option<(String, Target)>,
    /// Whether it was started with the agent of ECS Exec.
    pub(super) exec: bool,
    /// Its capacity provider; none for one that was started with a launch type.
    pub(super) provider: Option<&'static str>,
    /// Says that it is to stop.
    pub(super) stopping: watch::Sender<bool>,
    /// Whether its end was counted by the scheduler.
    pub(super) counted: bool,
    /// Whether EventBridge has heard of its end.
    pub(super) told: bool,
}

/// One container of a task.
pub(super) struct Container {
    pub(super) name: String,
    pub(super) essential: bool,
    /// Whether it has a health check of its own.
    pub(super) is_checked: bool,
    pub(super) phase: Phase,
    /// What a session finds in it, once it runs.
    pub(super) inside: Option<Inside>,
    /// Says that its processes are no more.
    pub(super) gone: watch::Sender<bool>,
}

impl Container {
    /// As it is before it starts.
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

/// One service deployment.
pub(super) struct Past {
    /// The deployment as the service shows it while it lasts.
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
    /// Whether this is the active service of these names.
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

    /// Begins to roll out a task definition.
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
    /// Whether it is on its way or serving, and not on its way out.
    pub(super) fn is_alive(&self) -> bool {
        self.status <= Status::Running && !*self.stopping.borrow()
    }

    /// Asks it to stop; the first reason stays.
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

    /// The container that GuardDuty adds to each task where Runtime Monitoring is on. It ends well however the task ends.
    /// <https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html>
    fn guard(&self, status: &str) -> Value {
        let exit_code = (self.status == Status::Stopped && self.started.is_some()).then_some(0);
        let name = format!("aws-guardduty-agent-{}", &self.id[..7]);
        json!({ "name": name, "lastStatus": status, "exitCode": exit_code, "taskArn": self.arn })
    }

    /// What the health checks of its essential containers say together.
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

    /// Whether an essential container has a health check of its own.
    pub(super) fn is_checked(&self) -> bool {
        self.containers.iter().any(|container| container.essential && container.is_checked)
    }

    /// As `DescribeTasks` has it.
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

/// AWS leaves out what there is not.
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
