//! What is known of the stack while variables are rewritten: who is called what, and what is secret.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{
    images::Role,
    known::Known,
    marks,
    ports::published,
    service::{Service, is_local},
};

/// The names of services, by what they become.
#[derive(Debug, Default)]
pub(in super::super) struct Hosts {
    pub(in super::super) database: BTreeSet<String>,
    pub(in super::super) cache: BTreeSet<String>,
    pub(in super::super) bucket: BTreeSet<String>,
    /// Services of the stack, and their keys.
    pub(in super::super) kept: BTreeMap<String, String>,
    /// Services that are left out, and whether AWS cannot run them.
    pub(in super::super) gone: BTreeMap<String, bool>,
}

/// A port of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Published {
    /// The service's key in stack.yaml, if it is part of the stack.
    pub(in super::super) key: Option<String>,
    /// The service's name in the files.
    pub(in super::super) name: String,
    pub(in super::super) target: u16,
}

/// All of it.
#[derive(Debug, Default)]
pub(in super::super) struct Facts {
    pub(in super::super) hosts: Hosts,
    pub(in super::super) has_database: bool,
    pub(in super::super) has_cache: bool,
    /// Whether a client is told of the cache by host and port, and speaks no TLS.
    pub(in super::super) is_cache_plain: bool,
    pub(in super::super) database_password: Option<String>,
    /// The keys of the store of objects.
    pub(in super::super) bucket_keys: BTreeSet<String>,
    pub(in super::super) known: Known,
    /// Ports of the machine that services publish: whose they are, and the port in the container.
    pub(in super::super) published: BTreeMap<u16, Published>,
    /// What the database is called on its server.
    pub(in super::super) database_name: Option<String>,
    /// Secrets that a server of the stack is told of.
    pub(in super::super) of_servers: BTreeSet<String>,
}

impl Facts {
    pub(in super::super) fn of(services: &[Service]) -> Self {
        let mut facts = Self::default();
        for service in services {
            let of_http = !matches!(service.role, Role::Database | Role::Cache);
            for (port, _) in published(service).into_iter().filter(|(port, _)| of_http && !port.is_udp) {
                let at = port.published.as_deref().and_then(|text| text.parse().ok());
                let (Some(at), Ok(target)) = (at, port.target.parse()) else { continue };
                let key = service.is_kept().then(|| service.key.clone());
                facts.published.insert(at, Published { key, name: service.name.clone(), target });
            }
            let hosts = service.hosts.iter().cloned();
            match service.role {
                Role::Database => {
                    facts.has_database = true;
                    facts.hosts.database.extend(hosts);
                    let password = service.variable("POSTGRES_PASSWORD").filter(|text| !text.is_empty());
                    facts.database_password = facts.database_password.or(password.map(str::to_owned));
                    let named = ["POSTGRES_DB", "POSTGRES_USER"].iter().find_map(|name| service.variable(name));
                    let named = named.filter(|name| !name.is_empty() && marks::is_whole(name));
                    facts.database_name = facts.database_name.or(named.map(str::to_owned));
                }
                Role::Cache => {
                    facts.has_cache = true;
                    facts.hosts.cache.extend(hosts);
                }
                Role::Bucket => {
                    facts.hosts.bucket.extend(hosts);
                    let keys = ["MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"];
                    facts.bucket_keys.extend(keys.iter().filter_map(|key| service.variable(key).map(str::to_owned)));
                }
                Role::Impossible(_) => facts.hosts.gone.extend(hosts.map(|host| (host, true))),
                Role::Helper(_) | Role::Scheduler => facts.hosts.gone.extend(hosts.map(|host| (host, false))),
                Role::Program | Role::Server(_) | Role::Proxy(_) => {
                    facts.hosts.kept.extend(hosts.map(|host| (host, service.key.clone())));
                }
            }
        }
        facts
    }

    /// Takes down services that are no part of the stack.
    pub(in super::super) fn leave_out(&mut self, services: &[Service]) {
        let known = [&self.hosts.database, &self.hosts.cache, &self.hosts.bucket];
        let hosts = services.iter().flat_map(|service| &service.hosts);
        let new =
            hosts.filter(|host| !self.hosts.kept.contains_key(*host) && !known.iter().any(|set| set.contains(*host)));
        let new: Vec<String> = new.cloned().collect();
        for host in new {
            self.hosts.gone.entry(host).or_insert(false);
        }
    }

    /// Whether a host is that of the database, or of the machine that the example ran on.
    pub(in super::super) fn is_database(&self, host: &str) -> bool {
        self.hosts.database.contains(host) || self.has_database && !self.is_other_store(host) && is_local(host)
    }

    pub(in super::super) fn is_cache(&self, host: &str) -> bool {
        self.hosts.cache.contains(host) || self.has_cache && is_local(host)
    }

    /// Whether a database on the server is not the first one.
    pub(in super::super) fn is_other_name(&self, name: &str) -> bool {
        self.database_name.as_deref().is_some_and(|known| known != name)
    }

    /// Whether a host is that of a store which is not the stack's database.
    pub(in super::super) fn is_other_store(&self, host: &str) -> bool {
        self.hosts.gone.contains_key(host) || self.hosts.cache.contains(host) || self.hosts.bucket.contains(host)
    }
}
