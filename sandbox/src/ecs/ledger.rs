//! The state of ECS.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::model::{Cluster, Definition, Life, Service, Status, Task};

/// Clusters, task definitions, services and tasks.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) clusters: BTreeMap<String, Cluster>,
    /// The revisions of each family, oldest first.
    pub(super) definitions: BTreeMap<String, Vec<Definition>>,
    pub(super) services: Vec<Service>,
    pub(super) tasks: BTreeMap<String, Task>,
    /// The responses to calls with client tokens.
    pub(super) tokens: BTreeMap<String, Value>,
}

impl Ledger {
    /// Takes a service out of the ledger, so that it and the tasks can be changed together.
    pub(super) fn take(&mut self, index: usize) -> Service {
        let empty = Service {
            name: String::new(),
            arn: String::new(),
            cluster: String::new(),
            life: Life::Inactive,
            definition: String::new(),
            desired: 0,
            settings: Value::Null,
            tags: Value::Null,
            created: 0.0,
            deployments: Vec::new(),
            history: Vec::new(),
            events: VecDeque::new(),
            next_start: Instant::now(),
        };
        std::mem::replace(&mut self.services[index], empty)
    }

    /// Returns the subnets and security groups that tasks use. The control plane refuses to delete them.
    pub(super) fn interfaces(&self) -> Value {
        let (mut subnets, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for task in self.tasks.values().filter(|task| task.status != Status::Stopped) {
            let used = task.network["awsvpcConfiguration"]["securityGroups"].as_array();
            subnets.extend(task.subnet.clone());
            groups.extend(used.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        }
        json!({ "subnets": subnets, "groups": groups })
    }
}
