//! Compares the schema with the decoder: both have the same keys, and the schema accepts every valid file.

use std::{fs, path::Path};

use serde_json::Value;

use super::validator::errors;
use crate::spec::{
    self,
    problem::Collector,
    yaml::{self, Node},
};

const TOP: &str = "name: demo\nregion: eu-west-1\n";
const SERVICES: &str = "services: { web: { build: app, port: 80 } }\n";

fn schema() -> Value {
    serde_json::from_str(&super::schema()).expect("it is JSON")
}

/// Returns what an editor would report for `text`.
fn complaints(text: &str) -> Vec<String> {
    let root = yaml::parse(text, &mut Collector::default()).unwrap_or_else(|| panic!("no YAML:\n{text}"));
    let schema = schema();
    errors(&schema, &schema, &plain(&root), "")
}

/// Converts YAML to JSON.
fn plain(node: &Node) -> Value {
    match &node.value {
        _ if node.is_null() => Value::Null,
        yaml::Value::Map(entries) => {
            entries.iter().map(|(key, node)| (key.text.clone(), plain(node))).collect::<serde_json::Map<_, _>>().into()
        }
        yaml::Value::List(items) => items.iter().map(plain).collect(),
        yaml::Value::Scalar { text, .. } if ["a number", "a boolean"].contains(&node.what()) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))
        }
        yaml::Value::Scalar { text, .. } => Value::from(text.as_str()),
    }
}

fn valid(text: &str) -> bool {
    spec::parse("stack.yaml", text, spec::DEFAULT_ENVIRONMENT, &|_| Some("x".to_owned())).is_ok()
}

/// Returns every stack.yaml of the documentation and the tests, and the example file.
fn examples() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut examples = vec![read(&root.join("stack.yaml"))];
    for page in ["README.md", "docs/reference/stack-yaml.md"] {
        let text = read(&root.join(page));
        let blocks = text.split("```yaml stack.yaml\n").skip(1).filter_map(|rest| rest.split("\n```").next());
        examples.extend(blocks.map(str::to_owned));
    }
    let cases = fs::read_dir(root.join("tests/cases")).expect("there are cases").flatten();
    let files = cases.map(|case| case.path().join("stack.yaml")).filter(|file| file.is_file());
    examples.extend(files.map(|file| read(&file)));
    examples
}

#[test]
fn every_stack_yaml_of_the_repository_matches_the_schema() {
    let examples = examples();
    assert!(examples.len() > 15, "{} were found", examples.len());
    for example in examples {
        assert!(valid(&example), "{example}");
        assert_eq!(complaints(&example), [""; 0], "{example}");
    }
}

#[test]
fn variables_null_and_alternative_forms_match_the_schema() {
    for text in [
        format!("{TOP}database:\nalarms: ~\n{SERVICES}"),
        "name: ${NAME}\nregion: ${REGION}\nservices: { web: { image: \"${IMAGE}\", port: \"${PORT}\" } }\n".to_owned(),
        format!(
            "{TOP}services: {{ web: {{ build: {{ dockerfile: Dockerfile }}, stop_timeout: 1m, env: {{ A: 1, B: true }} }} }}\n"
        ),
        format!("{TOP}{SERVICES}load_balancer: {{ tls: \"arn:aws:acm:eu-west-1:123456789012:certificate/1-2\" }}\n"),
        format!("{TOP}{SERVICES}environments: {{ test: {{ services: {{ web: {{ replicas: null }} }} }}, other: }}\n"),
    ] {
        assert_eq!(complaints(&text), [""; 0], "{text}");
    }
}

/// Returns the keys that the decoder allows in place of `qqqqqqqqqqqq`, from its hint.
fn keys(text: &str) -> Vec<String> {
    let problems = spec::parse("stack.yaml", text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect_err("it is unknown");
    let mut hints =
        problems.list().iter().filter_map(|problem| problem.hint.as_deref()?.strip_prefix("use one of these keys: "));
    let mut keys: Vec<String> =
        hints.next_back().unwrap_or_else(|| panic!("{text}")).split(", ").map(str::to_owned).collect();
    keys.sort();
    keys
}

#[test]
fn schema_and_decoder_have_the_same_keys() {
    let unknown = "qqqqqqqqqqqq: 1";
    let service = |inside: &str| format!("{TOP}services: {{ web: {{ build: app, port: 80, {inside} }} }}\n");
    let places = [
        ("/properties", format!("{TOP}{SERVICES}{unknown}\n")),
        ("/$defs/network/properties", format!("{TOP}{SERVICES}network: {{ {unknown} }}\n")),
        ("/$defs/database/properties", format!("{TOP}{SERVICES}database: {{ {unknown} }}\n")),
        ("/$defs/cache/properties", format!("{TOP}{SERVICES}cache: {{ {unknown} }}\n")),
        ("/$defs/load_balancer/properties", format!("{TOP}{SERVICES}load_balancer: {{ {unknown} }}\n")),
        ("/$defs/alarms/properties", format!("{TOP}{SERVICES}alarms: {{ email: a@b.de, {unknown} }}\n")),
        ("/$defs/job/properties", format!("{TOP}{SERVICES}jobs: {{ report: {{ {unknown} }} }}\n")),
        ("/$defs/bastion/properties", format!("{TOP}{SERVICES}bastion: {{ {unknown} }}\n")),
        (
            "/$defs/bastion_user/properties",
            format!("{TOP}{SERVICES}bastion: {{ users: {{ ada: {{ {unknown} }} }} }}\n"),
        ),
        ("/$defs/service/properties", service(unknown)),
        ("/$defs/secret/properties", service(&format!("secrets: {{ A: {{ from: x, {unknown} }} }}"))),
        ("/$defs/statement/properties", service(&format!("permissions: [{{ actions: [a:b], {unknown} }}]"))),
        ("/$defs/scale/properties", service(&format!("scale: {{ max: 2, cpu: 60, {unknown} }}"))),
        ("/$defs/dockerfile/properties", format!("{TOP}services: {{ web: {{ build: {{ {unknown} }} }} }}\n")),
    ];
    let schema = schema();
    for (place, text) in places {
        let properties = schema.pointer(place).and_then(Value::as_object).unwrap_or_else(|| panic!("{place}"));
        let mut known: Vec<&String> = properties.keys().collect();
        known.sort();
        assert_eq!(known, keys(&text).iter().collect::<Vec<_>>(), "{place}");
        assert_ne!(complaints(&text), [""; 0], "{text}");
    }
    let mut of_environment: Vec<&String> =
        schema["$defs"]["environment"]["properties"].as_object().expect("a mapping").keys().collect();
    of_environment.extend(["name", "required_version", "environments"].map(String::from).iter().map(|key| {
        schema["properties"].as_object().and_then(|top| top.get_key_value(key)).expect("it is at the top").0
    }));
    of_environment.sort();
    let top = keys(&format!("{TOP}{SERVICES}{unknown}\n"));
    assert_eq!(of_environment, top.iter().collect::<Vec<_>>());
}

#[test]
fn schema_rejects_values_that_the_decoder_rejects() {
    for text in [
        format!("name: Demo\nregion: eu-west-1\n{SERVICES}"),
        format!("name: demo\nregion: europe\n{SERVICES}"),
        TOP.to_owned(),
        format!("{TOP}{SERVICES}network: {{ zones: 5 }}\n"),
        format!("{TOP}{SERVICES}network: {{ nat: both }}\n"),
        format!("{TOP}{SERVICES}network: {{ cidr: 10.0.0.0/8 }}\n"),
        format!("{TOP}{SERVICES}database: {{ version: 16 }}\n"),
        format!("{TOP}{SERVICES}database: {{ protect: \"yes\" }}\n"),
        format!("{TOP}{SERVICES}database: {{ users: {{ app: admin }} }}\n"),
        format!("{TOP}{SERVICES}cache: {{ version: \"6.0\" }}\n"),
        format!("{TOP}{SERVICES}load_balancer: {{ tls: on }}\n"),
        format!("{TOP}{SERVICES}alarms: {{ email: ops }}\n"),
        format!("{TOP}{SERVICES}bastion: {{ users: {{ a: {{ ssh_key: secret }} }}, allow: [everywhere] }}\n"),
        format!("{TOP}services: {{ web: {{ build: app, port: 70000 }} }}\n"),
        format!("{TOP}services: {{ web: {{ build: app, cpu: 300 }} }}\n"),
        format!("{TOP}services: {{ web: {{ build: app, port: 80, routes: [api] }} }}\n"),
        format!("{TOP}services: {{ web: {{ build: app, release: [] }} }}\n"),
        format!("{TOP}services: {{ web: {{ build: app, secrets: {{ KEY: abc }} }} }}\n"),
        format!("{TOP}services: {{ web: {{ build: app, env: {{ 1A: x }} }} }}\n"),
        format!(
            "{TOP}services: {{ web: {{ build: app, permissions: [{{ actions: [\"*\"], resources: [\"*\"] }}] }} }}\n"
        ),
        format!(
            "{TOP}services: {{ web: {{ build: app, permissions: [{{ actions: [a:b], resources: [bucket] }}] }} }}\n"
        ),
        format!("{TOP}{SERVICES}jobs: {{ report: {{ service: web, command: [], schedule: rate(1 hour) }} }}\n"),
        format!("{TOP}{SERVICES}jobs: {{ report: {{ service: web, command: [a], schedule: daily }} }}\n"),
        format!("{TOP}{SERVICES}environments: {{ staging: {{ name: other }} }}\n"),
    ] {
        assert!(!valid(&text), "{text}");
        assert_ne!(complaints(&text), [""; 0], "{text}");
    }
}
