//! Calls between services: a name for each service that is called, and a security group for each that calls.
//!
//! A caller has a group of its own for it, which admits nobody. So two services can call each other, and neither group waits
//! for the other.

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

/// What services call each other by.
#[derive(Default)]
pub(super) struct Calls {
    /// The registries of the services that are called.
    registries: BTreeMap<String, Address>,
    /// The security groups of the services that call.
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
    /// Who may call the service `name`, by its security group.
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

    /// The registry that gives the service `name` its name, if it is called.
    pub(super) fn registry(&self, name: &str) -> Option<Input> {
        self.registries.get(name).map(|registry| Input::output(registry, "arn"))
    }

    /// The containers beside that of the service `name`, which see to it that no call fails when its tasks come and go.
    pub(super) fn containers(&self, name: &str, service: &Service, log_group: &Input) -> BTreeMap<String, Container> {
        let port = at(name, service).or_else(|| service.expose.first().copied());
        match port.filter(|_| self.registries.contains_key(name)) {
            Some(port) => handover::containers(name, port, service.stop_timeout, log_group),
            None => BTreeMap::new(),
        }
    }

    /// The security groups that the tasks of the service `name` have beside its own: that of a caller, and those of others.
    pub(super) fn other_groups(&self, name: &str, service: &Service) -> Vec<Input> {
        let caller = self.callers.get(name).map(|group| Input::output(group, "id"));
        caller.into_iter().chain(service.security_groups.iter().map(|id| id.as_str().into())).collect()
    }
}

/// What of the service `name`, which is called; none of a port that it has not.
fn of(stack: &Stack, name: &str, fact: CalledFact) -> Option<Input> {
    let host = format!("{name}.{}", servicediscovery::namespace_name(&identity::id(stack)));
    let port = || at(name, stack.services.get(name)?);
    match fact {
        CalledFact::Host => Some(host.into()),
        CalledFact::Port => Some(port()?.to_string().into()),
        CalledFact::Url => Some(format!("http://{host}:{}", port()?).into()),
    }
}

/// What a value refers to of the service `name`.
pub(super) fn referred(stack: &Stack, name: &str, fact: CalledFact) -> Input {
    of(stack, name, fact).expect("the decoder refuses a reference to a port that is not there")
}

/// The variables by which `service` finds those that it calls: `API_HOST`, and `API_URL` where it has a `port`.
pub(super) fn variables(stack: &Stack, service: &Service) -> impl Iterator<Item = (String, Input)> {
    service.calls.iter().flat_map(move |name| {
        let prefix = name.to_ascii_uppercase().replace('-', "_");
        let facts = [("HOST", CalledFact::Host), ("URL", CalledFact::Url)];
        facts.into_iter().filter_map(move |(word, fact)| Some((format!("{prefix}_{word}"), of(stack, name, fact)?)))
    })
}

/// The port at which others call the service `name`, as the load balancer does.
fn at(name: &str, service: &Service) -> Option<u16> {
    service.served(name).map(|(_, port)| port)
}
