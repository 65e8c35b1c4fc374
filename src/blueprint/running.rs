//! What the services run, read from what AWS has. It is what they go on running: after a rollback, by ECS or by hand, the
//! newest image is not the one that is wanted.

use std::collections::BTreeMap;

use crate::{
    kinds::{ecr::image, ecs::service},
    model::{Address, Failure, LiveResource},
};

/// An image that a service runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningImage {
    /// The address of the images that it is one of.
    pub of: Address,
    /// The image, with its repository and tag.
    pub image: String,
    /// The version and build number.
    pub version: String,
    /// The digest.
    pub digest: String,
}

/// The images that services run, by service: those that stackctl built, as far as their repositories still have them.
///
/// # Errors
/// If what was seen of one cannot be read: without it, another image would take its place.
pub fn running(live: &[LiveResource]) -> Result<BTreeMap<String, RunningImage>, Failure> {
    let images: Vec<(&Address, image::Live)> = of_kind(live, "image")?;
    let services = of_kind::<service::Live>(live, "service")?.into_iter();
    let running = services
        .filter_map(|(address, service)| {
            let (uri, tag) = service.image.as_deref()?.rsplit_once(':')?;
            let (of, kept) = images.iter().find(|(_, image)| image.uri == uri)?;
            let (version, build) = tag.rsplit_once('-')?;
            let running = RunningImage {
                of: (*of).clone(),
                image: format!("{uri}:{tag}"),
                version: format!("{version}+{build}"),
                digest: kept.kept.get(tag)?.clone(),
            };
            Some((address.name().to_owned(), running))
        })
        .collect();
    Ok(running)
}

fn of_kind<'a, L: serde::de::DeserializeOwned>(
    live: &'a [LiveResource],
    kind: &str,
) -> Result<Vec<(&'a Address, L)>, Failure> {
    let of_kind = live.iter().filter(|resource| resource.address.kind() == kind);
    of_kind.map(|resource| Ok((&resource.address, resource.decoded()?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        blueprint::{Facts, graph},
        kind::ImageSource,
        model::Graph,
        spec,
    };

    const SERVICES: &str = "services: { web: { build: app }, worker: { build: app }, other: { build: other } }\n";

    fn running(of: &str, build: u32) -> RunningImage {
        RunningImage {
            of: Address::new("image", of),
            image: format!("host/{of}:1.0.0-{build}"),
            version: format!("1.0.0+{build}"),
            digest: format!("sha256:{build}"),
        }
    }

    fn drawn(running: &[(&str, RunningImage)], release: Option<u32>) -> Graph {
        let text = format!("name: demo\nregion: eu-west-1\n{SERVICES}");
        let stack = spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
        let release = release.map(|build| (ImageSource::Package("app".into()), format!("sha256:{build}")));
        let facts = Facts {
            zones: vec!["a".into(), "b".into()],
            releases: release.into_iter().collect(),
            running: running.iter().map(|(name, running)| ((*name).to_owned(), running.clone())).collect(),
            ..Facts::default()
        };
        graph(&stack, &facts).expect("it is drawn")
    }

    fn desired<'a>(graph: &'a Graph, address: &str) -> &'a Value {
        &graph.get(&address.parse().expect("it is one")).expect("it is there").desired
    }

    fn newest(of: &str) -> Value {
        json!({ "$from": format!("image.{of}"), "output": "image" })
    }

    #[test]
    fn services_of_one_source_stay_each_with_its_own_image() {
        let graph = drawn(&[("web", running("app", 1)), ("worker", running("app", 2))], None);
        assert_eq!(desired(&graph, "task_definition.web")["image"], "host/app:1.0.0-1");
        assert_eq!(desired(&graph, "task_definition.web")["environment"]["APP_VERSION"], "1.0.0+1");
        assert_eq!(desired(&graph, "task_definition.worker")["image"], "host/app:1.0.0-2");
        assert_eq!(desired(&graph, "task_definition.other")["image"], newest("other"), "it does not run yet");
    }

    #[test]
    fn a_release_moves_the_services_that_run_something_else() {
        let graph = drawn(&[("web", running("app", 1)), ("worker", running("app", 2))], Some(2));
        assert_eq!(desired(&graph, "task_definition.web")["image"], newest("app"));
        assert_eq!(desired(&graph, "task_definition.worker")["image"], "host/app:1.0.0-2");
        assert_eq!(desired(&graph, "image.app")["digest"], "sha256:2");
        let graph = drawn(&[("web", running("app", 1)), ("worker", running("app", 1))], Some(1));
        assert_eq!(desired(&graph, "image.app")["digest"], Value::Null, "all run it, so it need not be the newest");
    }

    #[test]
    fn a_service_with_another_source_does_not_stay() {
        let graph = drawn(&[("web", running("other", 7))], None);
        assert_eq!(desired(&graph, "task_definition.web")["image"], newest("app"));
    }

    #[test]
    fn an_image_that_is_no_longer_kept_is_not_stayed_with() {
        let live = |address: &str, live: Value| LiveResource {
            address: address.parse().expect("it is one"),
            id: "id".into(),
            live,
        };
        let image = |kept: Value| {
            let image = json!({
                "repository": "app", "uri": "host/app", "digest": "sha256:2", "tag": "1.0.0-2", "version": "1.0.0",
                "build": 2, "kept": kept,
            });
            live("image.app", image)
        };
        let service = json!({
            "name": "web", "arn": "arn", "cluster": "c", "status": "ACTIVE", "task_definition": "web:1",
            "image": "host/app:1.0.0-1", "version": "1.0.0+1", "replicas": 1, "running": 1, "subnets": [],
            "security_groups": [], "public_ip": false, "target_groups": [], "grace_seconds": 0,
            "circuit_breaker": true, "rollouts": [], "events": [],
        });
        let both = json!({ "1.0.0-1": "sha256:1", "1.0.0-2": "sha256:2" });
        let found = super::running(&[image(both), live("service.web", service.clone())]).expect("it can be read");
        assert_eq!(found["web"], RunningImage { of: Address::new("image", "app"), ..running("app", 1) });
        let newest_alone = json!({ "1.0.0-2": "sha256:2" });
        assert_eq!(super::running(&[image(newest_alone), live("service.web", service)]), Ok(BTreeMap::new()));
        // What cannot be read is not taken for what does not run.
        assert!(super::running(&[live("service.web", json!({}))]).is_err());
    }
}
