//! Tests the mistakes of new users: each is reported at its position, with a fix.

use super::*;

/// Returns the problems of a stack.yaml with one service that has these keys.
fn of_service(keys: &str) -> Vec<String> {
    problems(&format!("name: demo\nregion: eu-west-1\nservices:\n  web: {{ build: app, {keys} }}\n"))
}

/// Returns the problems of a stack.yaml that begins with these lines.
fn of_top(lines: &str) -> Vec<String> {
    problems(&format!("{lines}\nname: demo\nregion: eu-west-1\nservices: {{ web: {{ build: app, port: 80 }} }}\n"))
}

#[test]
fn values_of_other_tools_are_converted_in_the_hint() {
    for (keys, told) in [
        ("memory: 512MB", "4:30 expected a whole number from 512 to 122880, found `512MB` [write 512 or 512 MiB]"),
        (
            "cpu: 0.25 vCPU",
            "4:27 expected a whole number from 256 to 16384, found `0.25 vCPU` [1 vCPU is 1024 CPU units: write 256]",
        ),
        (
            "port: 80:3000",
            "4:28 expected a whole number from 1 to 65535, found `80:3000` [write only the port that the container \
             listens on: 3000]",
        ),
        ("environment: { A: b }", "4:22 unknown key `environment` [use `env` for environment variables]"),
        (
            "count: 2",
            "4:22 unknown key `count` [use `replicas` for a fixed number of tasks, or `scale` for autoscaling]",
        ),
        (
            "healthcheck: /x",
            "4:22 unknown key `healthcheck` [use `health` for the path that returns 200 if a task is healthy]",
        ),
    ] {
        assert_eq!(of_service(keys), [told]);
    }
}

#[test]
fn boolean_for_a_choice_lists_the_words() {
    for (line, told) in [
        (
            "network: { nat: true }",
            "1:17 expected `none`, `single` or `per-zone`, found a boolean [write one of these words, such as `nat: \
             single`]",
        ),
        (
            "load_balancer: { tls: true }",
            "1:23 expected `off`, `self-signed` or `acm`, found a boolean [write one of these words, such as `tls: \
             self-signed`]",
        ),
        (
            "database: true",
            "1:11 expected a mapping for `database`, found a boolean [write `database: {}` for the defaults]",
        ),
        ("cache: false", "1:8 expected a mapping for `cache`, found a boolean [remove `cache`]"),
    ] {
        assert_eq!(of_top(line), [told]);
    }
}

#[test]
fn keys_without_a_value_are_reported() {
    assert_eq!(
        of_top("database:"),
        ["1:1 `database` has no value [write `database: {}` for the defaults, or remove the line]"]
    );
    assert_eq!(
        problems("name: demo\nregion:\nservices: { web: { build: app } }\n"),
        ["2:1 `region` has no value [write a value, such as `region: eu-west-1`]"]
    );
    let empty = |name: &str| {
        format!("the variable {name} has no value [write `{name}: \"\"` for an empty value, or remove the line]")
    };
    let told = of_service("env: { A: null, B: , C: \"\" }");
    assert_eq!(told, [format!("4:32 {}", empty("A")), format!("4:39 {}", empty("B"))]);
    let over = "environments: { prod: { database: null, cache: } }";
    let text = format!("{over}\n{ONE_SERVICE}");
    assert!(parse("stack.yaml", &text, "prod", &none).is_ok(), "in an environment, null takes away");
}

#[test]
fn misspelled_required_key_is_reported_once() {
    let told = problems("name: demo\nregion: eu-west-1\nservice: { web: { build: app } }\n");
    assert_eq!(told, ["3:1 unknown key `service` [did you mean `services`?]"]);
}

#[test]
fn wrong_indentation_is_reported_at_its_line() {
    let told = problems("name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n     port: 80\n");
    assert!(told[0].ends_with("[indent `port` like the line above it]"), "{told:?}");
    let told = problems("name: demo\nregion: eu-west-1\nservices:\n  web:\n  build: app\n");
    let hint = "[write the keys of `web` below it, indented by two spaces]";
    assert_eq!(told[0], format!("4:6 expected a mapping for `services.web`, found nothing {hint}"));
}

#[test]
fn yaml_syntax_in_values_is_reported_with_quotes() {
    for (lines, hint) in [
        ("network: a: b: c", "[put the value in quotes: `network: \"a: b: c\"`]"),
        ("permissions: { A: ${X} }", "[put it in quotes: \"${X}\"]"),
        ("routes: *", "[put it in quotes: \"*\"]"),
    ] {
        let told = of_top(lines);
        assert!(told.len() == 1 && told[0].ends_with(hint), "{told:?}");
    }
    assert_eq!(problems(""), ["1:1 the file is empty [run `stackctl init --force` to write one]"]);
}
