//! The state of Cloud Map, and name resolution.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use crate::place::Place;

/// AWS Cloud Map.
pub(crate) struct CloudMap {
    pub(super) place: Arc<Place>,
    state: Mutex<State>,
    /// Why names do not resolve here, or `None` if they do.
    pub(super) mute: Option<String>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) namespaces: Vec<Namespace>,
    pub(super) services: Vec<Service>,
    pub(super) operations: BTreeMap<String, Operation>,
}

pub(super) struct Namespace {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) vpc: String,
    pub(super) description: Value,
    /// The caller's idempotency token.
    pub(super) token: String,
    pub(super) created: f64,
    /// The end of the creation.
    pub(super) ready: Instant,
    /// The end of the deletion, once it has begun.
    pub(super) gone: Option<Instant>,
}

pub(super) struct Service {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) description: Value,
    pub(super) dns: Value,
    pub(super) custom_health: Value,
    pub(super) token: String,
    pub(super) created: f64,
    /// The registered tasks, by id.
    pub(super) instances: BTreeMap<String, Instance>,
}

/// A registered task.
pub(super) struct Instance {
    address: Ipv4Addr,
    /// When the name stops resolving to it, once it is deregistered.
    leads_until: Option<Instant>,
}

/// How long a name still resolves to a deregistered task. A change in Route 53 takes time to spread.
/// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>
pub(crate) const LAG: Duration = Duration::from_secs(3);

pub(super) struct Operation {
    pub(super) kind: &'static str,
    pub(super) target: (&'static str, String),
    pub(super) created: f64,
    pub(super) ends: Instant,
}

/// The result of a name lookup.
pub(super) enum Answered {
    /// The addresses, and their TTL in seconds.
    Addresses(Vec<Ipv4Addr>, u32),
    /// The name is in one of the namespaces but does not exist.
    Nothing,
    /// The name is in none of the namespaces.
    Elsewhere,
}

impl CloudMap {
    /// Creates an empty Cloud Map. `closed` is the error that keeps the name server from starting, if any.
    pub(super) fn new(place: Arc<Place>, closed: Option<&std::io::Error>) -> Self {
        let mute = closed.map(|error| {
            format!(
                "this user may not listen on port 53, which the names of services need ({error}): \
                 sudo sysctl -w net.ipv4.ip_unprivileged_port_start=53"
            )
        });
        Self { place, state: Mutex::default(), mute }
    }

    /// Returns the name server for tasks, or `None` if they use the one of this computer.
    pub(crate) fn name_server(&self) -> Option<Ipv4Addr> {
        self.mute.is_none().then(|| self.place.loopback.name_server())
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().expect("nobody panics while holding this");
        let now = Instant::now();
        state.namespaces.retain(|namespace| namespace.gone.is_none_or(|gone| gone > now));
        for service in &mut state.services {
            service.instances.retain(|_, instance| instance.leads_until.is_none_or(|until| until > now));
        }
        state
    }

    /// Returns whether the service with this ARN exists.
    pub(crate) fn has(&self, service: &str) -> bool {
        self.state().services.iter().any(|known| known.arn == service)
    }

    /// Registers a task of ECS.
    pub(crate) fn register(&self, service: &str, task: &str, address: Ipv4Addr) {
        if let Some(service) = self.state().services.iter_mut().find(|known| known.arn == service) {
            service.instances.insert(task.to_owned(), Instance { address, leads_until: None });
        }
    }

    /// Deregisters a task of ECS.
    pub(crate) fn deregister(&self, service: &str, task: &str) {
        let mut state = self.state();
        let service = state.services.iter_mut().find(|known| known.arn == service);
        if let Some(instance) = service.and_then(|service| service.instances.get_mut(task)) {
            instance.leads_until.get_or_insert(Instant::now() + LAG);
        }
    }

    /// Resolves `name`, which has no trailing dot.
    pub(super) fn resolve(&self, name: &str) -> Answered {
        let state = self.state();
        let name = name.to_ascii_lowercase();
        let of = |namespace: &&Namespace| name == namespace.name || name.ends_with(&format!(".{}", namespace.name));
        let Some(namespace) = state.namespaces.iter().find(of) else { return Answered::Elsewhere };
        let service = state.services.iter().find(|service| {
            service.namespace == namespace.id && name == format!("{}.{}", service.name, namespace.name)
        });
        match service.filter(|service| !service.instances.is_empty()) {
            Some(service) => Answered::Addresses(
                service.instances.values().map(|instance| instance.address).collect(),
                service.ttl(),
            ),
            None => Answered::Nothing,
        }
    }
}

impl Service {
    fn ttl(&self) -> u32 {
        let ttl = self.dns["DnsRecords"][0]["TTL"].as_u64();
        ttl.and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default()
    }
}
