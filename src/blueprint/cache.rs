//! Draws the cache: private, encrypted and reachable only from the services. Its password is generated once and stored
//! in a secret.

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

/// The outputs of the cache that services use.
pub(super) struct Cache {
    /// The secret with the password; none if the cache has no password.
    pub(super) token: Option<Address>,
    /// The cache.
    pub(super) cache: Address,
    tls_required: bool,
}

impl Cache {
    /// Returns the URL of a cache without a password, which is not a secret.
    pub(super) fn open_url(&self) -> Input {
        let of = |output: &str| Input::output(&self.cache, output);
        let (before, after) =
            if self.tls_required { ("rediss://", "/0?ssl_cert_reqs=required") } else { ("redis://", "/0") };
        Input::joined(vec![before.into(), of("host"), ":".into(), of("port"), after.into()])
    }
}

/// The secret with the cache's password.
pub(super) fn token() -> Address {
    Address::new("secret", "cache-token")
}

/// The secret with the cache's URL.
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
    let token = wanted.password.then(|| {
        // ElastiCache accepts 16 to 128 characters. Letters and digits need no escaping in a URL.
        // <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html>
        let source = secret::Source::Generated { length: PASSWORD_LENGTH };
        graph.add(token(), &secret::Desired { source })
    });
    let cache = graph.add(
        Address::new("cache", elasticache::MAIN),
        &cache::Desired {
            version: wanted.version.clone(),
            class: wanted.class.clone(),
            subnet_group: Input::output(&subnets, "name"),
            security_groups: groups,
            tls_required: wanted.tls_required,
            token: token.as_ref().map(|token| Input::output(token, "arn")),
        },
    );
    if let Some(token) = &token {
        let source = secret::Source::CacheUrl {
            token: Input::output(token, "arn"),
            host: Input::output(&cache, "host"),
            port: Input::output(&cache, "port"),
        };
        graph.add(url(), &secret::Desired { source });
    }
    Some(Cache { token, cache, tls_required: wanted.tls_required })
}
