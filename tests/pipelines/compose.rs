//! Checks compose.yaml against the keys of Compose and the application that it runs.

use serde_json::Value;

use super::{
    read, repository,
    yaml::{keys, parse},
};

/// The top-level keys that this file uses. <https://docs.docker.com/reference/compose-file/>
const TOP: &[&str] = &["name", "services", "volumes", "x-environment"];

/// The service keys that this file uses. <https://docs.docker.com/reference/compose-file/services/>
const SERVICE: &[&str] = &[
    "build",
    "command",
    "depends_on",
    "environment",
    "healthcheck",
    "image",
    "ports",
    "read_only",
    "restart",
    "stop_grace_period",
    "volumes",
];

const CONDITIONS: &[&str] = &["service_started", "service_healthy", "service_completed_successfully"];

fn file() -> Value {
    parse(&read(repository().join("compose.yaml")))
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn compose_file_has_only_known_keys() {
    let file = file();
    assert!(keys(&file).iter().all(|key| TOP.contains(key)), "{:?}", keys(&file));
    let services = &file["services"];
    for name in keys(services) {
        let service = &services[name];
        assert!(keys(service).iter().all(|key| SERVICE.contains(key)), "{name}: {:?}", keys(service));
        assert!(service["image"].is_string() != service["build"].is_object(), "{name} has an image or builds one");
        for needed in service["depends_on"].as_object().into_iter().flat_map(|map| map.iter()) {
            let (other, how) = needed;
            let condition = how["condition"].as_str().unwrap_or_else(|| panic!("{name} says how it needs {other}"));
            assert!(CONDITIONS.contains(&condition), "{name}: {condition}");
            assert!(keys(services).contains(&other.as_str()), "{name} needs {other}");
            let can_be_healthy = services[other.as_str()]["healthcheck"]["test"].is_array();
            assert!(condition != "service_healthy" || can_be_healthy, "{other} cannot be healthy");
        }
        for volume in texts(&service["volumes"]) {
            let (source, _) = volume.split_once(':').expect("from and to");
            assert!(file["volumes"].get(source).is_some(), "{name}: {volume}");
        }
        if let Some(image) = service["image"].as_str() {
            let (_, tag) = image.split_once(':').unwrap_or_else(|| panic!("{image} has no version"));
            assert!(tag.starts_with(|c: char| c.is_ascii_digit()), "{image} is not one version");
        }
        // A database with a well-known password must be reachable only from this computer.
        assert!(texts(&service["ports"]).iter().all(|port| port.starts_with("127.0.0.1:")), "{name}");
    }
}

#[test]
fn application_gets_exactly_the_variables_it_reads() {
    let file = file();
    let config = read(repository().join("app/src/config.rs"));
    let main = read(repository().join("app/src/main.rs"));
    let services = &file["services"];
    let own: Vec<&str> = keys(services).into_iter().filter(|name| services[*name]["build"].is_object()).collect();
    assert_eq!(own, ["web", "migrate"]);
    for name in own {
        let service = &services[name];
        for variable in keys(&service["environment"]) {
            let reads = ["variable(", "or("].iter().any(|call| config.contains(&format!("{call}\"{variable}\"")));
            assert!(reads, "{name}: nothing reads {variable}");
        }
        let build = &service["build"];
        assert_eq!(build["context"], ".", "app/Dockerfile copies from the repository's folder");
        assert!(repository().join(build["dockerfile"].as_str().expect("it names one")).is_file());
        for word in texts(&service["command"]) {
            assert!(main.contains(&format!("[\"{word}\"]")), "the application has no command {word}");
        }
    }
    let port = services["web"]["environment"]["PORT"].as_str().expect("it has one");
    assert_eq!(texts(&services["web"]["ports"]), [format!("127.0.0.1:{port}:{port}")]);
    let stack = parse(&read(repository().join("stack.yaml")));
    assert_eq!(stack["services"]["web"]["port"].to_string(), port, "as on AWS");
    let grace = format!("{}s", stack["services"]["web"]["stop_timeout"]);
    assert_eq!(services["web"]["stop_grace_period"], grace.as_str(), "as on AWS");
}

#[test]
fn urls_contain_the_service_names_and_passwords() {
    let file = file();
    let environment = &file["services"]["web"]["environment"];
    let database = &file["services"]["database"]["environment"];
    let part = |name: &str| database[name].as_str().expect("it is given");
    let (user, password, name) = (part("POSTGRES_USER"), part("POSTGRES_PASSWORD"), part("POSTGRES_DB"));
    let url = format!("postgresql://{user}:{password}@database:5432/{name}");
    assert_eq!(environment["DATABASE_URL"], url.as_str());
    assert_eq!(environment["REDIS_URL"], "redis://cache:6379");
    assert!(file["services"]["cache"].is_object());
}
