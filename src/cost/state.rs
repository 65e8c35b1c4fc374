//! What there is to pay for: of a graph, or of a plan before and after.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Charge;
use crate::model::{Action, Address, Graph, LiveResource, Plan};

/// The resources of a stack, as they are asked for or as they are.
#[derive(Clone, Debug, Default)]
pub struct State {
    resources: BTreeMap<(Address, String), Value>,
}

/// What stack.yaml asks for.
pub fn asked_for(graph: &Graph) -> State {
    let resources = graph.nodes().map(|node| ((node.address.clone(), String::new()), node.desired.clone()));
    State { resources: resources.collect() }
}

/// What is there before `plan`.
pub fn before(plan: &Plan) -> State {
    let of_steps = plan.steps.iter().filter(|step| step.action != Action::Create).filter_map(|step| step.live.as_ref());
    State { resources: of_steps.chain(&plan.unchanged).map(live).collect() }
}

/// What is there after `plan`.
pub fn after(plan: &Plan) -> State {
    let mut resources: BTreeMap<(Address, String), Value> = plan.unchanged.iter().map(live).collect();
    for step in &plan.steps {
        match (step.action, &step.desired, &step.live) {
            (Action::Delete | Action::DeleteReplaced | Action::Run, ..) | (_, None, None) => {}
            (_, Some(desired), _) => {
                resources.insert((step.address.clone(), String::new()), desired.clone());
            }
            (_, None, Some(found)) => {
                resources.extend([live(found)]);
            }
        }
    }
    State { resources }
}

fn live(found: &LiveResource) -> ((Address, String), Value) {
    ((found.address.clone(), found.id.clone()), found.live.clone())
}

// What follows are the fields that a kind's `Desired` and `Live` have in common, as far as they cost something.

#[derive(Deserialize)]
struct Database {
    class: String,
    storage: u32,
    multi_az: bool,
}

#[derive(Deserialize)]
struct Class {
    class: String,
    #[serde(default)]
    disk: Option<u32>,
}

#[derive(Deserialize)]
struct Balancer {
    subnets: Vec<Value>,
}

#[derive(Deserialize)]
struct Service {
    replicas: u32,
    public_ip: bool,
    /// The ARN of the revision that runs, of what is there.
    task_definition: Value,
}

#[derive(Deserialize)]
struct Scaling {
    #[serde(default)]
    min: u32,
    policies: Vec<Value>,
}

/// A task's CPU units and MiB: numbers of their own where they are asked for, words among others where they are there.
#[derive(Deserialize)]
struct Size {
    cpu: Option<u32>,
    memory: Option<u32>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

impl State {
    /// What there is to pay for, in the order of the addresses.
    pub(super) fn charges(&self) -> Vec<Charge> {
        self.resources.iter().filter_map(|((address, _), state)| self.charge(address, state)).collect()
    }

    fn charge(&self, address: &Address, state: &Value) -> Option<Charge> {
        let (what, parts) = match address.kind() {
            "nat_gateway" => ("a NAT gateway".to_owned(), vec![("nat_gateway hour".to_owned(), 1.0)]),
            "elastic_ip" => ("a public address".to_owned(), vec![public_addresses(1)]),
            "secret" => ("a secret".to_owned(), vec![("secret month".to_owned(), 1.0)]),
            "alarm" => ("an alarm".to_owned(), vec![("alarm month".to_owned(), 1.0)]),
            "scaling" => {
                let scaling: Scaling = read(state)?;
                // AWS makes one alarm to add tasks and one to take them away.
                let alarms = 2 * u32::try_from(scaling.policies.len()).unwrap_or(u32::MAX / 2);
                (format!("{alarms} alarms"), vec![("alarm month".to_owned(), f64::from(alarms))])
            }
            "load_balancer" => {
                let addresses = read::<Balancer>(state)?.subnets.len();
                let addresses = u32::try_from(addresses).unwrap_or(u32::MAX);
                (
                    format!("a load balancer, {addresses} public addresses"),
                    vec![("load_balancer hour".to_owned(), 1.0), public_addresses(addresses)],
                )
            }
            "db_instance" => {
                let Database { class, storage, multi_az } = read(state)?;
                let (times, standby) = if multi_az { (2.0, ", with a standby") } else { (1.0, "") };
                (
                    format!("{class}, {storage} GiB{standby}"),
                    vec![
                        (format!("database {class} hour"), times),
                        ("database GB month".to_owned(), f64::from(storage) * times),
                    ],
                )
            }
            "cache" => {
                let Class { class, .. } = read(state)?;
                (class.clone(), vec![(format!("cache {class} hour"), 1.0)])
            }
            "instance" => {
                let Class { class, disk } = read(state)?;
                // What is there does not say how large its disk is: stackctl makes it of one size.
                let disk = disk.unwrap_or(crate::blueprint::BASTION_DISK);
                (
                    format!("{class}, {disk} GiB, a public address"),
                    vec![
                        (format!("instance {class} hour"), 1.0),
                        ("disk GB month".to_owned(), f64::from(disk)),
                        public_addresses(1),
                    ],
                )
            }
            "service" => self.service(address, &read(state)?)?,
            _ => return None,
        };
        Some(Charge { address: address.to_string(), what, parts })
    }

    fn service(&self, address: &Address, service: &Service) -> Option<(String, Vec<(String, f64)>)> {
        let definition = Address::new("task_definition", address.name());
        // Of several revisions, the one that runs; of what is asked for there is one.
        let runs = self.of(&definition).find(|state| state["arn"] == service.task_definition);
        let size: Size = read(runs.or_else(|| self.of(&definition).next())?)?;
        let (cpu, memory) = size.numbers()?;
        let scaling = self.of(&Address::new("scaling", address.name())).find_map(read::<Scaling>);
        let tasks = scaling.map_or(service.replicas, |scaling| scaling.min);
        let plural = if tasks == 1 { "" } else { "s" };
        let mut parts = vec![
            ("task vCPU hour".to_owned(), f64::from(tasks) * f64::from(cpu) / 1024.0),
            ("task GB hour".to_owned(), f64::from(tasks) * f64::from(memory) / 1024.0),
        ];
        let mut what = format!("{tasks} task{plural} of {cpu} / {memory}");
        if service.public_ip {
            parts.push(public_addresses(tasks));
            what.push_str(if tasks == 1 { ", a public address" } else { ", a public address each" });
        }
        Some((what, parts))
    }

    fn of(&self, address: &Address) -> impl Iterator<Item = &Value> {
        self.resources.iter().filter(move |((own, _), _)| own == address).map(|(_, state)| state)
    }
}

impl Size {
    fn numbers(&self) -> Option<(u32, u32)> {
        let field = |name: &str| self.fields.get(name)?.parse().ok();
        Some((self.cpu.or_else(|| field("cpu"))?, self.memory.or_else(|| field("memory"))?))
    }
}

fn public_addresses(count: u32) -> (String, f64) {
    ("public_ipv4 hour".to_owned(), f64::from(count))
}

fn read<T: for<'a> Deserialize<'a>>(state: &Value) -> Option<T> {
    T::deserialize(state).ok()
}
