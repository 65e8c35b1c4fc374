//! Finds the image that each service runs from the state on AWS. Services keep that image unless a run releases another
//! one: after a rollback by ECS or by hand, the newest image is not the wanted one.

use std::collections::BTreeMap;

use crate::{
    kind::authorities,
    kinds::{
        ecr::image,
        ecs::{service, task_definition},
        scheduler::schedule,
    },
    model::{Address, Failure, LiveResource, StackId},
};

/// An image that a service runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningImage {
    /// The address of the image resource.
    pub of: Address,
    /// The image, with its repository and tag.
    pub image: String,
    /// The version, with the build number.
    pub version: String,
    /// The build number.
    pub build: u64,
    /// Whether the image has Amazon's certificate authorities for RDS; images pushed by older versions of stackctl do
    /// not.
    pub has_authorities: bool,
    /// The number of newer images in the repository.
    pub newer: usize,
    /// The image's digest; none if the repository no longer has the image, so that ECS cannot start another task from
    /// it.
    pub digest: Option<String>,
}

/// The images that services run, and their sidecars, by [`spec::Imaged::name`](crate::spec::Imaged::name): those that stackctl built, whether
/// their repositories still have them or not.
///
/// # Errors
/// If the state of a service cannot be read: treating its image as unknown would replace it.
pub fn running(id: &StackId, live: &[LiveResource]) -> Result<BTreeMap<String, RunningImage>, Failure> {
    let images: Vec<(&Address, image::Live)> = of_kind(live, "image")?;
    let services = of_kind::<service::Live>(live, "service")?.into_iter().flat_map(|(address, service)| {
        let has_authorities = service.authorities == service::Authorities::Present;
        let sidecars = service.sidecars.into_iter();
        let sidecars = sidecars.map(|(name, image)| (format!("{}/{name}", address.name()), Some(image)));
        let all = std::iter::once((address.name().to_owned(), service.image)).chain(sidecars);
        all.map(|(name, image)| (name, image, has_authorities)).collect::<Vec<_>>()
    });
    let running = services.chain(of_jobs(live)?).filter_map(|(name, image, has_authorities)| {
        let named = image::tagged(image.as_deref()?)?;
        let of = image::address(id, named.uri)?;
        let there = images.iter().find(|(address, _)| **address == of).map(|(_, image)| image);
        // An image from another registry is not one that this stack has pushed.
        if there.is_some_and(|image| image.uri != named.uri) {
            return None;
        }
        let running = RunningImage {
            of,
            image: format!("{}:{}", named.uri, named.tag),
            version: format!("{}+{}", named.version, named.build),
            build: named.build,
            has_authorities,
            newer: there.map_or(0, |image| image.newer_than(named.build)),
            digest: there.and_then(|image| image.kept.get(named.tag).cloned()),
        };
        Some((name, running))
    });
    Ok(running.collect())
}

/// The name of what runs, its image, and whether that has Amazon's authorities for RDS in it.
type Runs = (String, Option<String>, bool);

/// What runs jobs, and is no service.
fn of_jobs(live: &[LiveResource]) -> Result<Vec<Runs>, Failure> {
    let schedules: Vec<schedule::Live> = of_kind(live, "schedule")?.into_iter().map(|(_, live)| live).collect();
    let is_service = |name: &str| live.iter().any(|one| one.address == Address::new("service", name));
    let definitions = of_kind::<task_definition::Live>(live, "task_definition")?.into_iter();
    let of_jobs = definitions.filter(|(address, definition)| {
        !is_service(address.name()) && schedules.iter().any(|schedule| schedule.runs(&definition.family))
    });
    Ok(of_jobs
        .map(|(address, definition)| {
            let image = definition.fields.get(task_definition::Field::Image.name()).cloned();
            let has_authorities = definition.fields.values().any(|value| value == authorities::PATH);
            (address.name().to_owned(), image, has_authorities)
        })
        .collect())
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
        kind::{Base, ImageSource},
        model::Graph,
        spec,
    };

    const SERVICES: &str = "services: { web: { build: app }, worker: { build: app }, other: { build: other } }\n";

    fn running(of: &str, build: u64) -> RunningImage {
        RunningImage {
            of: Address::new("image", of),
            image: format!("host/demo/default/{of}:1.0.0-{build}"),
            version: format!("1.0.0+{build}"),
            build,
            has_authorities: true,
            newer: 0,
            digest: Some(format!("sha256:{build}")),
        }
    }

    fn gone(of: &str, build: u64) -> RunningImage {
        RunningImage { digest: None, ..running(of, build) }
    }

    fn drawn(running: &[(&str, RunningImage)], release: Option<u64>) -> Graph {
        drawn_of(&format!("name: demo\nregion: eu-west-1\n{SERVICES}"), running, release)
    }

    fn drawn_of(text: &str, running: &[(&str, RunningImage)], release: Option<u64>) -> Graph {
        let stack = spec::parse("stack.yaml", text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
        let release = release.map(|build| (ImageSource::of(Base::Package("app".into())), format!("sha256:{build}")));
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
    fn services_of_one_source_each_keep_their_image() {
        let graph = drawn(&[("web", running("app", 1)), ("worker", running("app", 2))], None);
        assert_eq!(desired(&graph, "task_definition.web")["image"], "host/demo/default/app:1.0.0-1");
        assert_eq!(desired(&graph, "task_definition.web")["environment"]["APP_VERSION"], "1.0.0+1");
        assert_eq!(desired(&graph, "task_definition.worker")["image"], "host/demo/default/app:1.0.0-2");
        assert_eq!(desired(&graph, "task_definition.other")["image"], newest("other"), "it does not run yet");
    }

    #[test]
    fn release_updates_services_that_run_another_image() {
        let graph = drawn(&[("web", running("app", 1)), ("worker", running("app", 2))], Some(2));
        assert_eq!(desired(&graph, "task_definition.web")["image"], newest("app"));
        assert_eq!(desired(&graph, "task_definition.worker")["image"], "host/demo/default/app:1.0.0-2");
        assert_eq!(desired(&graph, "image.app")["digest"], "sha256:2");
        let graph = drawn(&[("web", running("app", 1)), ("worker", running("app", 1))], Some(1));
        assert_eq!(desired(&graph, "image.app")["digest"], Value::Null, "all run it, so it need not be the newest");
    }

    /// Returns the TLS settings that `service` gets in its environment, in a stack with a database.
    fn told(region: &str, running: &[(&str, RunningImage)], release: Option<u64>, service: &str) -> Vec<String> {
        let text = format!("name: demo\nregion: {region}\ndatabase: {{}}\n{SERVICES}");
        let graph = drawn_of(&text, running, release);
        let environment = &desired(&graph, &format!("task_definition.{service}"))["environment"];
        let names = ["PGSSLMODE", "PGSSL", "PGSSLROOTCERT", "NODE_EXTRA_CA_CERTS"];
        names.into_iter().filter_map(|name| Some(environment[name].as_str()?.to_owned())).collect()
    }

    #[test]
    fn only_images_with_the_authorities_verify_certificates() {
        const FILE: &str = "/etc/stackctl/rds-ca.pem";
        let verifies = ["verify-full", "verify-full", FILE, FILE];
        let old = |build| RunningImage { has_authorities: false, ..running("app", build) };
        let told = |running: &[(&str, RunningImage)], release, service| told("eu-west-1", running, release, service);
        assert_eq!(told(&[], None, "web"), verifies, "it is built now");
        assert_eq!(told(&[("web", running("app", 2))], None, "web"), verifies);
        let by_an_earlier_one = [("web", RunningImage { newer: 1, ..old(1) }), ("worker", old(2))];
        assert_eq!(told(&by_an_earlier_one, None, "web"), ["require", "require"]);
        assert_eq!(told(&[("worker", old(2))], None, "web"), ["require", "require"], "it gets the same image");
        assert_eq!(told(&by_an_earlier_one, Some(3), "web"), verifies, "it gets a new one");
        assert_eq!(told(&by_an_earlier_one, Some(2), "worker"), verifies, "the same has been built again");
    }

    #[test]
    fn certificates_are_not_verified_in_unknown_regions() {
        assert_eq!(told("mx-central-1", &[], None, "web"), ["require", "require"]);
    }

    #[test]
    fn service_with_a_new_source_does_not_keep_its_image() {
        let graph = drawn(&[("web", running("other", 7))], None);
        assert_eq!(desired(&graph, "task_definition.web")["image"], newest("app"));
    }

    #[test]
    fn missing_image_is_kept_until_a_release() {
        let graph = drawn(&[("web", gone("app", 3)), ("worker", running("app", 2))], None);
        assert_eq!(desired(&graph, "task_definition.web")["image"], "host/demo/default/app:1.0.0-3");
        let graph = drawn(&[("web", gone("app", 3)), ("worker", running("app", 2))], Some(3));
        assert_eq!(desired(&graph, "task_definition.web")["image"], newest("app"), "the same source is built again");
        assert_eq!(desired(&graph, "image.app")["digest"], "sha256:3");
        assert_eq!(desired(&graph, "image.app")["numbered_above"], 3);
        assert_eq!(desired(&graph, "image.other")["numbered_above"], Value::Null);
    }

    #[test]
    fn repository_keeps_the_running_image() {
        let with = |newer| RunningImage { newer, ..running("app", 5) };
        let graph = drawn(&[("web", with(31)), ("worker", RunningImage { newer: 0, ..running("app", 36) })], None);
        assert_eq!(desired(&graph, "repository.app")["keep"], 60);
        assert_eq!(desired(&graph, "image.app")["kept_from"], 5);
        assert_eq!(desired(&graph, "repository.other")["keep"], 30);
        assert_eq!(desired(&drawn(&[("web", with(29))], None), "repository.app")["keep"], 30);
    }

    fn live(address: &str, live: Value) -> LiveResource {
        LiveResource { address: address.parse().expect("it is one"), id: "id".into(), live }
    }

    fn service(image: &str) -> LiveResource {
        let service = json!({
            "name": "web", "arn": "arn", "cluster": "c", "status": "ACTIVE", "task_definition": "web:1",
            "image": image, "version": "1.0.0+1", "replicas": 1, "running": 1, "subnets": [],
            "security_groups": [], "public_ip": false, "target_groups": [], "grace_seconds": 0,
            "circuit_breaker": true, "rollouts": [], "events": [],
        });
        live("service.web", service)
    }

    fn image(kept: &Value) -> LiveResource {
        let image = json!({
            "repository": "demo/default/app", "uri": "host/demo/default/app", "digest": "sha256:2", "tag": "1.0.0-2",
            "version": "1.0.0", "build": 2, "kept": kept,
        });
        live("image.app", image)
    }

    fn seen(live: &[LiveResource]) -> Option<RunningImage> {
        let id = StackId { stack: "demo".into(), environment: "default".into() };
        super::running(&id, live).expect("it can be read").remove("web")
    }

    #[test]
    fn running_image_is_found_even_if_deleted() {
        let runs = service("host/demo/default/app:1.0.0-1");
        let both = json!({ "1.0.0-1": "sha256:1", "1.0.0-2": "sha256:2" });
        assert_eq!(seen(&[image(&both), runs.clone()]), Some(RunningImage { newer: 1, ..running("app", 1) }));
        let one = json!({ "1.0.0-2": "sha256:2" });
        assert_eq!(seen(&[image(&one), runs.clone()]), Some(RunningImage { newer: 1, ..gone("app", 1) }));
        assert_eq!(seen(&[runs]), Some(gone("app", 1)), "all images are gone");
    }

    #[test]
    fn images_from_elsewhere_are_ignored() {
        let both = json!({ "1.0.0-1": "sha256:1" });
        for other in ["nginx:1.27-2", "host/demo/staging/app:1.0.0-1", "elsewhere/demo/default/app:1.0.0-1"] {
            assert_eq!(seen(&[image(&both), service(other)]), None, "{other}");
        }
        // An unreadable service is an error, not a service that does not run.
        let id = StackId { stack: "demo".into(), environment: "default".into() };
        assert!(super::running(&id, &[live("service.web", json!({}))]).is_err());
    }
}
