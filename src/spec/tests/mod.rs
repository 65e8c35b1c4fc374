//! Tests reading stack.yaml as a whole: valid files, and errors with their positions.

mod calls;
mod domains;
mod files;
mod fuzz;
mod health;
mod internal;
mod jobs;
mod listener;
mod mistakes;
mod parts;
mod permissions;
mod reach;
mod references;
mod scale;
mod services;
mod sidecars;
mod volumes;

use super::*;

const GOOD: &str = include_str!("../../../stack.yaml");

/// A stack with one service. Tests append keys of the service.
const ONE_SERVICE: &str = "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    port: 80\n";

fn none(_: &str) -> Option<String> {
    None
}

fn read(text: &str) -> Result<Stack, Problems> {
    parse("stack.yaml", text, DEFAULT_ENVIRONMENT, &none)
}

fn problems(text: &str) -> Vec<String> {
    let found = read(text).expect_err("it is wrong");
    found
        .list()
        .iter()
        .map(|one| format!("{}:{} {} [{}]", one.line, one.column, one.message, one.hint.as_deref().unwrap_or("")))
        .collect()
}

#[test]
fn repository_stack_yaml_is_valid_in_every_environment() {
    for environment in ["default", "staging", "production"] {
        let stack = parse("stack.yaml", GOOD, environment, &none).expect("it is valid");
        assert_eq!((stack.name.as_str(), stack.environment.as_str()), ("demo", environment));
    }
}

#[test]
fn environments_are_merged_deeply() {
    let stack = parse("stack.yaml", GOOD, "production", &none).expect("it is valid");
    assert_eq!(stack.network.zones, 3);
    assert_eq!(stack.network.nat, Nat::PerZone);
    assert_eq!(stack.services["web"].replicas, 3);
    assert_eq!(stack.services["web"].port, Some(3000), "what it does not say stays");
}

#[test]
fn misspelled_key_is_reported_with_the_nearest_one() {
    let text = "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    memmory: 512\n";
    assert_eq!(problems(text), ["6:5 unknown key `memmory` [did you mean `memory`?]"]);
}

#[test]
fn key_of_another_tool_is_reported_with_the_right_one() {
    let table = [
        ("environment: {}", "6:5 unknown key `environment` [use `env` for environment variables]"),
        ("variables: {}", "6:5 unknown key `variables` [use `env` for environment variables]"),
        (
            "count: 2",
            "6:5 unknown key `count` [use `replicas` for a fixed number of tasks, or `scale` for autoscaling]",
        ),
        (
            "desired_count: 2",
            "6:5 unknown key `desired_count` [use `replicas` for a fixed number of tasks, or `scale` for autoscaling]",
        ),
        (
            "healthcheck: { path: / }",
            "6:5 unknown key `healthcheck` [use `health` for the path that returns 200 if a task is healthy]",
        ),
        (
            "links: [db]",
            "6:5 unknown key `links` [remove it; services start in parallel, `calls` lets one call another, and `release` runs a command before new tasks start]",
        ),
    ];
    for (line, problem) in table {
        let text = format!("name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    {line}\n");
        assert_eq!(problems(&text), [problem]);
    }
}

#[test]
fn port_below_image_is_the_only_problem_reported() {
    let text =
        "name: demo\nregion: eu-west-1\nservices:\n  web:\n    image: { location: nginx, port: 80 }\n    memory: 512\n";
    assert_eq!(
        problems(text),
        [
            "5:14 unknown key `location` [write the image itself: `image: nginx:1.27`]",
            "5:31 unknown key `port` [use `port` in the service itself, beside `image` or `build`]",
        ]
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = "name: Demo\nregion: europe\nservices:\n  web: { build: app, cpu: 300, port: 0 }\n";
    let lines: Vec<usize> = read(text).expect_err("it is wrong").list().iter().map(|one| one.line).collect();
    assert_eq!(lines, [1, 2, 4, 4]);
}

#[test]
fn invalid_task_size_lists_the_sizes_of_fargate() {
    let text = "name: demo\nregion: eu-west-1\nservices: { web: { build: app, cpu: 256, memory: 1536 } }\n";
    assert_eq!(
        problems(text),
        [
            "3:50 Fargate does not support `memory: 1536` with `cpu: 256` [with `cpu: 256`, use 512, 1024, 2048; the nearest is 1024]"
        ]
    );
}

#[test]
fn problems_of_other_environments_are_reported() {
    let text = "name: demo\nregion: eu-west-1\nservices: { web: { build: app } }\nenvironments:\n  staging:\n    services: { web: { replicas: many } }\n";
    assert_eq!(problems(text), ["6:34 expected a whole number from 0 to 1000, found `many` []"]);
}

#[test]
fn required_version_mismatch_is_the_only_problem_reported() {
    let text = |wanted: &str| {
        format!(
            "required_version: {wanted}\nname: demo\nregion: eu-west-1\nservices: {{ web: {{ image: nginx, new: 1 }} }}\n"
        )
    };
    let own = env!("CARGO_PKG_VERSION");
    assert_eq!(
        problems(&text("\">=99.1\"")),
        [format!(
            "1:19 the file requires stackctl >=99.1, and this is stackctl {own} [install a version that matches, or change required_version]"
        )]
    );
    assert_eq!(problems(&text("0.1")), ["1:19 expected text, found a number [put it in quotes: \">=0.1\"]"]);
    assert_eq!(problems(&text("latest")).len(), 1);
    assert!(problems(&text("\">=0.1\""))[0].contains("`new`"), "then the rest counts");
}

#[test]
fn variables_are_replaced_and_missing_ones_reported() {
    let text = "name: demo\nregion: ${REGION}\nservices: { web: { build: app, env: { A: \"$${B}\" } } }\n";
    let stack = parse("f", text, "default", &|name| (name == "REGION").then(|| "eu-west-1".to_owned())).expect("valid");
    assert_eq!(
        (stack.region.as_str(), stack.services["web"].env["A"].as_text().as_deref()),
        ("eu-west-1", Some("${B}"))
    );
    let found = problems(text);
    assert_eq!(found.len(), 1, "an unknown value has no other problem: {found:?}");
    assert!(found[0].starts_with("2:9 the environment variable REGION is not set"));
}

#[test]
fn two_services_cannot_have_the_same_route() {
    let text = "name: demo\nregion: eu-west-1\nservices:\n  aa: { build: app, port: 80, routes: [/x] }\n  bb: { build: app, port: 80, routes: [/x] }\n";
    assert!(problems(text)[0].starts_with("5:3 `bb` and `aa` both have the route /x"));
}

#[test]
fn rendered_problem_has_the_line_and_a_hint() {
    let text = "name: demo\nregion: eu-west-1\nservices:\n  web: { build: app, prot: 3000 }\n";
    let shown = read(text).expect_err("it is wrong").render(false);
    assert!(shown.contains("stack.yaml:4:22"), "{shown}");
    assert!(shown.contains("prot: 3000"), "{shown}");
    assert!(shown.contains("did you mean `port`?"), "{shown}");
}

#[test]
fn tab_in_the_indentation_has_its_own_hint() {
    let told = problems("name: demo\nregion: eu-west-1\nnetwork:\n\tzones: 2\n");
    assert!(told[0].contains("invalid YAML") && told[0].ends_with("[indent with spaces instead of tabs]"), "{told:?}");
    let told = problems("name: [demo\nregion: eu-west-1\n");
    assert!(told[0].contains("invalid YAML") && !told[0].contains("spaces"), "{told:?}");
}
