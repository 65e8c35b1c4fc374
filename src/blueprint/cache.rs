//! The cache: private, encrypted, reached by the services alone; its password made once and kept in a secret.

use std::collections::BTreeMap;

use super::{
    constants::PASSWORD_LENGTH,
    guards::{self, Guarded},
    network::Network,
};
use crate::{
    kinds::{
        elasticache::{self, cache, cache_subnet_group},
        secretsmanager::secret,
    },
    model::{Address, Graph, Input},
    spec::Stack,
};

/// What the services need of the cache.
pub(super) struct Cache {
    /// The secret whose value is the connection URL.
    pub(super) url: Address,
    /// The secret with the password.
    pub(super) token: Address,
    /// The cache itself.
    pub(super) cache: Address,
}

/// The secret with the cache's password.
pub(super) fn token() -> Address {
    Address::new("secret", "cache-token")
}

/// The secret whose value is the cache's URL.
pub(super) fn url() -> Address {
    Address::new("secret", "cache-url")
}

pub(super) fn draw(
    graph: &mut Graph,
    stack: &Stack,
    network: &Network,
    clients: &BTreeMap<String, Address>,
) -> Option<Cache> {
    let wanted = stack.cache.as_ref()?;
    let guarded = Guarded { name: "cache", description: "The cache, reached from the services", port: cache::PORT };
    let groups = guards::draw(graph, network, &guarded, &clients.values().collect::<Vec<_>>(), &[]);
    let subnets = graph.add(
        Address::new("cache_subnet_group", elasticache::MAIN),
        &cache_subnet_group::Desired { subnets: network.private.clone() },
    );
    let token = graph.add(
        token(),
        // Letters and digits, at least 16 and at most 128: what ElastiCache takes, and a URL needs no escaping for.
        // <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html>
        &secret::Desired { source: secret::Source::Generated { length: PASSWORD_LENGTH } },
    );
    let cache = graph.add(
        Address::new("cache", elasticache::MAIN),
        &cache::Desired {
            version: wanted.version.clone(),
            class: wanted.class.clone(),
            subnet_group: Input::output(&subnets, "name"),
            security_groups: groups,
            token: Input::output(&token, "arn"),
        },
    );
    let url = graph.add(
        url(),
        &secret::Desired {
            source: secret::Source::CacheUrl {
                token: Input::output(&token, "arn"),
                host: Input::output(&cache, "host"),
                port: Input::output(&cache, "port"),
            },
        },
    );
    Some(Cache { url, token, cache })
}
