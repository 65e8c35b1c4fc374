//! Tests of the differences between caches and of their phase.

use aws_sdk_elasticache::types::{Endpoint, NodeGroup, SecurityGroupMembership};

use super::*;
use crate::model::How;

fn desired() -> Desired {
    Desired {
        version: "8.0".into(),
        class: "cache.t4g.micro".into(),
        subnet_group: "group".into(),
        security_groups: vec!["sg-1".into()],
        tls_required: true,
        token: Some("arn".into()),
    }
}

fn as_desired() -> Live {
    Live {
        identifier: "demo-default-main".into(),
        arn: "arn".into(),
        host: Some("host".into()),
        port: Some(6379),
        class: "cache.t4g.micro".into(),
        tls: "required".into(),
        password: true,
        node: Some(node("8.0.1", "sg-1")),
        status: "available".into(),
    }
}

fn node(version: &str, security_group: &str) -> Node {
    Node { version: version.into(), subnet_group: "group".into(), security_groups: vec![security_group.to_owned()] }
}

fn fields(desired: &Desired, live: &Live) -> Vec<(String, How)> {
    Cache::diff(desired, live).into_iter().map(|change| (change.field, change.how)).collect()
}

#[test]
fn changed_cache_fields_are_updated_in_place() {
    let live = as_desired();
    let unknown = Input::output(&Address::new("cache_subnet_group", "main"), "name");
    let table = [
        (desired(), live.clone(), vec![]),
        (Desired { class: "cache.m7g.large".into(), ..desired() }, live.clone(), vec!["class"]),
        (Desired { version: "8.2".into(), ..desired() }, live.clone(), vec!["version"]),
        (Desired { version: "9.0".into(), ..desired() }, live.clone(), vec!["version"]),
        (Desired { security_groups: vec!["sg-2".into()], ..desired() }, live.clone(), vec!["security_groups"]),
        (Desired { subnet_group: unknown, ..desired() }, live.clone(), vec![]),
        // AWS upgraded the minor version automatically.
        (desired(), Live { node: Some(node("8.2.0", "sg-1")), ..live.clone() }, vec![]),
        // While AWS shows no node, there is nothing to compare.
        (Desired { version: "9.0".into(), ..desired() }, Live { node: None, ..live }, vec![]),
    ];
    for (desired, live, expected) in table {
        let expected: Vec<(String, How)> = expected.into_iter().map(|field| (field.to_owned(), How::InPlace)).collect();
        assert_eq!(fields(&desired, &live), expected, "{desired:?} {live:?}");
    }
}

#[test]
fn changed_subnet_group_replaces_the_cache() {
    let elsewhere = Desired { subnet_group: "another".into(), ..desired() };
    assert_eq!(fields(&elsewhere, &as_desired()), [("subnet_group".to_owned(), How::Replace)]);
}

#[test]
fn removing_password_or_tls_replaces_the_cache_and_warns() {
    let open = Desired { token: None, ..desired() };
    assert_eq!(fields(&open, &as_desired()), [("password".to_owned(), How::Replace)]);
    let plain = Desired { tls_required: false, ..open.clone() };
    let live = Live { password: false, ..as_desired() };
    assert_eq!(fields(&plain, &live), [("tls".to_owned(), How::Replace)]);
    assert_eq!(fields(&plain, &Live { tls: "optional".into(), ..live }), []);
    assert_eq!(Cache::caution(&desired()), None);
    assert!(Cache::caution(&open).is_some_and(|what| what.starts_with("requires no password: ")));
    assert!(Cache::caution(&plain).is_some_and(|what| what.contains("in plain text")));
}

#[test]
fn cache_is_ready_once_available_with_an_endpoint() {
    let live = as_desired();
    let pending = |status: &str| Phase::Pending(status.to_owned());
    let table = [
        (live.clone(), Phase::Ready),
        (Live { status: "snapshotting".into(), ..live.clone() }, Phase::Ready),
        (Live { status: "creating".into(), host: None, node: None, ..live.clone() }, pending("creating")),
        (Live { status: "modifying".into(), ..live.clone() }, pending("modifying")),
        (Live { host: None, ..live.clone() }, pending("available")),
        (Live { node: None, ..live.clone() }, pending("available")),
        (Live { status: "deleting".into(), ..live.clone() }, Phase::Deleting("deleting".into())),
        (Live { status: "create-failed".into(), ..live }, Phase::Failed("create-failed".into())),
    ];
    for (live, expected) in table {
        assert_eq!(Cache::phase(&live, None), expected, "{live:?}");
    }
}

#[test]
fn pending_modifications_count_as_applied() {
    let endpoint = Endpoint::builder().address("host").port(6379).build();
    let group = ReplicationGroup::builder()
        .replication_group_id("demo-default-main")
        .arn("arn")
        .status("modifying")
        .cache_node_type("cache.t4g.micro")
        .transit_encryption_enabled(true)
        .auth_token_enabled(true)
        .node_groups(NodeGroup::builder().primary_endpoint(endpoint).build())
        .build();
    let member = SecurityGroupMembership::builder().security_group_id("sg-1").build();
    let asked = PendingModifiedValues::builder().cache_node_type("cache.t4g.small").engine_version("8.2").build();
    let node = CacheCluster::builder()
        .replication_group_id("demo-default-main")
        .engine_version("8.0.1")
        .cache_subnet_group_name("group")
        .security_groups(member)
        .pending_modified_values(asked)
        .build();
    let expected = Live {
        class: "cache.t4g.small".into(),
        node: Some(self::node("8.2", "sg-1")),
        status: "modifying".into(),
        ..as_desired()
    };
    assert_eq!(live(&group, Some(&node)), expected);
}

#[test]
fn cache_downgrade_is_rejected_with_a_fix() {
    let desired = Desired { version: "8.0".into(), ..desired() };
    let live = Live { node: Some(node("9.0.1", "sg-1")), ..as_desired() };
    let address = Address::new(Cache::NAME, "main");
    let what = Cache::by_hand(&address, &desired, Some(&live)).expect("it cannot go back");
    assert!(what.contains("set `cache.version` to \"9.0\""), "{what}");
    assert_eq!(Cache::by_hand(&address, &desired, None), None);
}
