//! The sample caches for the tests over all kinds.

use super::Desired;
use crate::{
    kind::Sample,
    kinds::elasticache::model::{ElastiCache, cloud_with_own_group},
};

fn base() -> Desired {
    Desired {
        version: "8.0".into(),
        class: "cache.t4g.micro".into(),
        subnet_group: "group-given".into(),
        security_groups: vec!["sg-1".into()],
        tls_required: true,
        token: Some("arn:of:password".into()),
    }
}

/// Returns the sample. Its version is tested as drift to an older one, because ElastiCache allows no downgrade.
pub(super) fn sample() -> Sample<Desired> {
    Sample::new(cloud_with_own_group, base())
        .variant(&["class"], Desired { class: "cache.m7g.large".into(), ..base() })
        .variant(&["security_groups"], Desired { security_groups: vec!["sg-1".into(), "sg-2".into()], ..base() })
        .variant(&["subnet_group"], Desired { subnet_group: "group-other".into(), ..base() })
        .variant(&["password"], Desired { token: None, ..base() })
        .variant(&["tls", "password"], Desired { tls_required: false, token: None, ..base() })
        .drift(&["version"], |cloud| {
            cloud.with(|cache: &mut ElastiCache| cache.change(|_, node| node.engine_version = Some("7.2.6".into())));
        })
        .drift(&["class", "version", "security_groups"], |cloud| {
            let change = |cache: &mut ElastiCache| {
                cache.change(|group, node| {
                    group.cache_node_type = Some("cache.t4g.medium".into());
                    node.engine_version = Some("7.2.6".into());
                    node.security_groups = None;
                });
            };
            cloud.with(change);
        })
}
