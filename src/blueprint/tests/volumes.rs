//! Tests the resources of volumes: file systems, mount targets, security groups and role statements.

use serde_json::{Value, json};

use super::*;

const STACK: &str = "volumes: { uploads: {}, media: { owner: \"1000:1000\" }, scratch: { shared: task } }
services:
  web:
    build: app
    port: 3000
    release: [migrate]
    volumes: { uploads: /data, media: { path: /media, read_only: true }, scratch: /scratch }
    sidecars: { proxy: { image: nginx, volumes: { uploads: { path: /srv, read_only: true } } }, again: { command: [again] } }
  worker: { build: app, volumes: { media: /media } }
  other: { build: app }
";

#[test]
fn only_tasks_that_mount_a_volume_can_reach_it() {
    let graph = drawn(STACK);
    let admitted = |volume: &str| {
        let rules = node(&graph, &format!("security_group.volume-{volume}")).desired["ingress"].clone();
        rules.as_array().expect("it is a list").iter().map(|rule| rule["from"]["group"].clone()).collect::<Vec<_>>()
    };
    let of = |service: &str| input(&format!("security_group.service-{service}"), "id");
    assert_eq!(admitted("uploads"), [of("web")]);
    assert_eq!(admitted("media"), [of("web"), of("worker")]);
    assert!(graph.get(&Address::new("file_system", "scratch")).is_none(), "it is on the disk of the task");
    for zone in ["a", "b"] {
        let target = &node(&graph, &format!("mount_target.uploads-{zone}")).desired;
        assert_eq!(target["subnet"], input(&format!("subnet.private-{zone}"), "id"));
        for address in ["service.web", "release.web"] {
            let needs = &node(&graph, address).needs;
            assert!(needs.contains(&Address::new("mount_target", format!("uploads-{zone}"))), "{address}: {needs:?}");
        }
    }
}

#[test]
fn task_has_the_volumes_of_all_its_containers() {
    let graph = drawn(STACK);
    let definition = &node(&graph, "task_definition.web").desired;
    assert_eq!(
        definition["volumes"],
        json!({
            "uploads": { "efs": { "file_system": input("file_system.uploads", "id"), "access_point": input("access_point.uploads", "id") } },
            "media": { "efs": { "file_system": input("file_system.media", "id"), "access_point": input("access_point.media", "id") } },
            "scratch": "task",
        })
    );
    assert_eq!(definition["sidecars"]["proxy"]["mounts"], json!({ "uploads": { "path": "/srv", "read_only": true } }));
    assert_eq!(definition["sidecars"]["again"]["mounts"], definition["mounts"], "another process of the application");
    assert_eq!(node(&graph, "task_definition.other").desired["volumes"], Value::Null);
}

#[test]
fn role_allows_what_its_containers_do_with_a_volume() {
    let graph = drawn(STACK);
    let statements = |role: &str| node(&graph, role).desired["statements"].clone();
    let arn = |volume: &str| json!([input(&format!("file_system.{volume}"), "arn")]);
    let [mount, write, root] =
        ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"];
    assert_eq!(
        statements("role.web-task"),
        json!([
            { "actions": [mount], "resources": arn("media") },
            { "actions": [mount, write, root], "resources": arn("uploads") },
        ])
    );
    assert_eq!(statements("role.worker-task"), json!([{ "actions": [mount, write], "resources": arn("media") }]));
    assert!(graph.get(&Address::new("role", "other-task")).is_none());
}
