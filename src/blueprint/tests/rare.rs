//! Tests the record of missing rare kinds on the cluster.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{SERVICE, drawn, needs, node, try_drawn};
use crate::blueprint::Facts;

/// The longest value of a tag, in characters.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html>
const LONGEST_TAG: usize = 256;

fn without(graph: &super::Graph) -> Vec<&str> {
    let kinds = node(graph, "cluster.main").desired["without"].as_array().map(Vec::as_slice).unwrap_or_default();
    kinds.iter().filter_map(Value::as_str).collect()
}

#[test]
fn cluster_records_the_rare_kinds_that_a_stack_lacks() {
    let bare = drawn(SERVICE);
    let all = [
        "access_point",
        "alarm",
        "cache",
        "cache_subnet_group",
        "db_parameter_group",
        "event_rule",
        "file_system",
        "instance",
        "mount_target",
        "namespace",
        "registry",
        "scaling",
        "schedule",
        "schedule_group",
        "topic",
    ];
    assert_eq!(without(&bare), all);
    assert!(all.join(" ").len() <= LONGEST_TAG, "the tag has no more room");
    let with = drawn(&format!("cache: {{}}\n{SERVICE}alarms: {{ email: ops@example.com }}\n"));
    let had = ["alarm", "cache", "cache_subnet_group", "topic"];
    assert_eq!(without(&with), all.into_iter().filter(|kind| !had.contains(kind)).collect::<Vec<_>>());
    for address in ["alarm.service-web-cpu", "cache.main", "cache_subnet_group.main", "topic.alarms"] {
        assert!(needs(&with, address).contains(&"cluster.main".to_owned()), "{address} comes after the word of it");
    }
}

#[test]
fn kinds_with_live_resources_are_not_recorded_as_missing() {
    let zones = ["a", "b"].map(str::to_owned).to_vec();
    let there = BTreeSet::from(["schedule".to_owned(), "service".to_owned()]);
    let graph = try_drawn(SERVICE, &Facts { zones, there, ..Facts::default() }).expect("it is drawn");
    assert!(!without(&graph).contains(&"schedule") && without(&graph).contains(&"schedule_group"));
}
