//! Tests which image a service runs.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::kind::{Base, ImageSource};

#[test]
fn services_of_one_source_share_only_the_image() {
    let graph = drawn(
        "services:\n  web: { build: app, port: 3000, routes: [\"/*\"] }\n  api: { build: app, port: 3000, routes: [/api/*] }\n",
    );
    assert_eq!(addresses(&graph, &["image", "repository", "cluster"]), ["cluster.main", "image.app", "repository.app"]);
    for name in ["web", "api"] {
        for kind in ["log_group", "service", "target_group", "task_definition"] {
            assert!(graph.get(&Address::new(kind, name)).is_some(), "{kind}.{name}");
        }
        assert!(graph.get(&Address::new("role", format!("{name}-execution"))).is_some(), "{name}");
        assert_eq!(node(&graph, &format!("task_definition.{name}")).desired["image"], input("image.app", "image"));
    }
}

#[test]
fn named_image_has_no_repository_and_its_tag_as_version() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let pinned = format!("nginx@{digest}");
    let table = [
        ("nginx:1.27", "1.27"),
        ("nginx", "latest"),
        ("host:5000/nginx", "latest"),
        (pinned.as_str(), digest.as_str()),
    ];
    for (image, version) in table {
        let graph = drawn(&format!("services: {{ web: {{ image: \"{image}\", port: 80 }} }}\n"));
        assert_eq!(addresses(&graph, &["image", "repository"]), [""; 0]);
        let definition = &node(&graph, "task_definition.web").desired;
        assert_eq!(definition["image"], image);
        assert_eq!(definition["environment"]["APP_VERSION"], version, "{image}");
        assert_eq!(definition["read_only"], false, "its file system is not ours to close");
    }
}

#[test]
fn repository_of_a_dockerfile_is_named_after_its_folder() {
    let table = [
        ("{ dockerfile: Dockerfile }", "demo", "."),
        ("{ dockerfile: services/api/Dockerfile }", "services-api", "services/api"),
        ("{ dockerfile: docker/api.Dockerfile, context: . }", "docker-api-dockerfile", "."),
    ];
    for (build, name, context) in table {
        let graph = drawn(&format!("services: {{ web: {{ build: {build}, port: 80 }} }}\n"));
        let (image, repository) = (format!("image.{name}"), format!("repository.{name}"));
        assert_eq!(addresses(&graph, &["image", "repository"]), [image.clone(), repository]);
        assert_eq!(node(&graph, &image).desired["source"]["dockerfile"]["context"], context, "{build}");
        let definition = &node(&graph, "task_definition.web").desired;
        assert_eq!(definition["image"], input(&image, "image"));
        assert_eq!(definition["read_only"], false, "its file system is not ours to close");
    }
}

#[test]
fn release_changes_only_images_of_its_source() {
    let built = ImageSource::of(Base::Package("app".into()));
    let facts = Facts {
        zones: vec!["a".into(), "b".into()],
        releases: BTreeMap::from([(built, "sha256:new".to_owned())]),
        ..Facts::default()
    };
    let graph = try_drawn("services: { web: { build: app }, api: { build: api } }\n", &facts).expect("it is drawn");
    assert_eq!(node(&graph, "image.app").desired["digest"], "sha256:new");
    assert_eq!(node(&graph, "image.api").desired["digest"], Value::Null);
}
