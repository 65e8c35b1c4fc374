//! Draws calls between services: a name for each called service, and a security group for each caller.
//!
//! The security group of a caller is separate from its service's group and has no inbound rules. So two services can
//! call each other without a cycle between their groups.

mod handover;

use std::collections::{BTreeMap, BTreeSet};

use super::{identity, network::Network};
use crate::{
    kinds::{
        ec2::security_group,
        ecs::task_definition::Container,
        servicediscovery::{self, namespace, registry},
    },
    model::{Address, Graph, Input},
    spec::{CalledFact, Service, Stack},
};

pub(super) use handover::{IMAGE as BUSYBOX, is_handover};

/// The resources that services call each other with.
#[derive(Default)]
pub(super) struct Calls {
    /// The registries of the called services.
    registries: BTreeMap<String, Address>,
    /// The security groups of the callers.
    callers: BTreeMap<String, Address>,
}

pub(super) fn draw(graph: &mut Graph, stack: &Stack, network: &Network) -> Calls {
    let called: BTreeSet<&String> = stack.programs().flat_map(|(_, program)| &program.calls).collect();
    if called.is_empty() {
        return Calls::default();
    }
    let desired = namespace::Desired { vpc: network.vpc.clone() };
    let namespace = graph.add(Address::new("namespace", servicediscovery::NAMESPACE), &desired);
    let registries = called.into_iter().map(|name| {
        let desired = registry::Desired { namespace: Input::output(&namespace, "id"), ttl: handover::TTL };
        (name.clone(), graph.add(Address::new("registry", name), &desired))
    });
    let registries = registries.collect();
    let calling = stack.programs().filter(|(_, program)| !program.calls.is_empty());
    let callers = calling.map(|(name, _)| {
        let desired = security_group::Desired {
            vpc: network.vpc.clone(),
            description: format!("The tasks of {name}, admitted by the services that it calls"),
            ingress: Vec::new(),
        };
        (name.clone(), graph.add(Address::new("security_group", format!("caller-{name}")), &desired))
    });
    let callers = callers.collect();
    Calls { registries, callers }
}

impl Calls {
    /// Returns the rules that let callers reach the service `name`.
    pub(super) fn ingress(&self, stack: &Stack, name: &str, service: &Service) -> Vec<security_group::Ingress> {
        let calls =
            |caller: &str| stack.program(caller).is_some_and(|program| program.calls.iter().any(|to| to == name));
        let callers = self.callers.iter().filter(|(caller, _)| calls(caller));
        let ports = || at(name, service).into_iter().chain(service.expose.iter().copied());
        let admitted = callers.flat_map(|(_, group)| {
            let from = || security_group::Source::Group(Input::output(group, "id"));
            ports().map(move |port| security_group::Ingress { port, from: from() })
        });
        admitted.collect()
    }

    /// Returns the registry that gives the service `name` its host name, if the service is called.
    pub(super) fn registry(&self, name: &str) -> Option<Input> {
        self.registries.get(name).map(|registry| Input::output(registry, "arn"))
    }

    /// Returns the additional containers for tasks of the service `name`. They prevent failed calls when its tasks
    /// start and stop.
    pub(super) fn containers(&self, name: &str, service: &Service, log_group: &Input) -> BTreeMap<String, Container> {
        let port = at(name, service).or_else(|| service.expose.first().copied());
        match port.filter(|_| self.registries.contains_key(name)) {
            Some(port) => handover::containers(name, port, service.stop_timeout, log_group),
            None => BTreeMap::new(),
        }
    }

    /// Returns the security groups that tasks of the service `name` get in addition to the service's group: the
    /// caller's group, and existing groups.
    pub(super) fn other_groups(&self, name: &str, service: &Service) -> Vec<Input> {
        let caller = self.callers.get(name).map(|group| Input::output(group, "id"));
        caller.into_iter().chain(service.security_groups.iter().map(|id| id.as_str().into())).collect()
    }
}

/// Returns a fact about the called service `name`; none for the port of a service without one.
fn of(stack: &Stack, name: &str, fact: CalledFact) -> Option<Input> {
    let host = format!("{name}.{}", servicediscovery::namespace_name(&identity::id(stack)));
    let port = || at(name, stack.services.get(name)?);
    match fact {
        CalledFact::Host => Some(host.into()),
        CalledFact::Port => Some(port()?.to_string().into()),
        CalledFact::Url => Some(format!("http://{host}:{}", port()?).into()),
    }
}

/// Returns the fact that a value refers to about the service `name`.
pub(super) fn referred(stack: &Stack, name: &str, fact: CalledFact) -> Input {
    of(stack, name, fact).expect("the decoder refuses a reference to a port that is not there")
}

/// Returns the variables with which `service` finds the services that it calls: `API_HOST`, and `API_URL` if the called
/// service has a `port`.
pub(super) fn variables(stack: &Stack, service: &Service) -> impl Iterator<Item = (String, Input)> {
    service.calls.iter().flat_map(move |name| {
        let prefix = name.to_ascii_uppercase().replace('-', "_");
        let facts = [("HOST", CalledFact::Host), ("URL", CalledFact::Url)];
        facts.into_iter().filter_map(move |(word, fact)| Some((format!("{prefix}_{word}"), of(stack, name, fact)?)))
    })
}

/// Returns the port on which others call the service `name`: the port that a load balancer would use.
fn at(name: &str, service: &Service) -> Option<u16> {
    service.served(name).map(|(_, port)| port)
}
