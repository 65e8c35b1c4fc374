//! Tests `health` of a service: a path or a mapping.

use super::*;
use crate::spec::service::Health;

const DEFAULT: &str = "health: /";

/// Decodes the health check of a service with `keys`.
fn health(keys: &str) -> Health {
    let stack = read(&format!("{ONE_SERVICE}    {keys}\n"));
    stack.unwrap_or_else(|problems| panic!("{}", problems.render(false))).services["web"].health.clone()
}

/// Returns the problems of a service with this `health`.
fn wrong(written: &str) -> Vec<String> {
    problems(&format!("{ONE_SERVICE}    health: {written}\n"))
}

#[test]
fn health_path_has_the_defaults_of_the_mapping() {
    let default = Health {
        path: "/".into(),
        codes: "200".into(),
        grace: 60,
        interval: 5,
        timeout: 4,
        healthy: 2,
        unhealthy: 3,
        port: None,
    };
    assert_eq!(health(""), default);
    assert_eq!(health(DEFAULT), default);
    assert_eq!(health("health: {}"), default);
    assert_eq!(health("health: /status"), Health { path: "/status".into(), ..default.clone() });
    assert_eq!(health("health: { path: /status }"), Health { path: "/status".into(), ..default });
}

#[test]
fn every_key_of_health_is_decoded() {
    let all = "health: { path: /live, codes: \"200-299,301\", grace: 2m, interval: 30s, timeout: 10, healthy: 5, unhealthy: 10, port: 8081 }";
    let expected = Health {
        path: "/live".into(),
        codes: "200-299,301".into(),
        grace: 120,
        interval: 30,
        timeout: 10,
        healthy: 5,
        unhealthy: 10,
        port: Some(8081),
    };
    assert_eq!(health(all), expected);
    assert_eq!(health("health: { port: 80 }").port, None, "the service has that port itself");
    for codes in ["204", "\"204\"", "200-299", "499"] {
        assert_eq!(health(&format!("health: {{ codes: {codes} }}")).codes, codes.trim_matches('"'));
    }
}

#[test]
fn invalid_status_codes_are_rejected() {
    const HINT: &str = "use codes from 200 to 499: `200`, `200-299` or `\"200,301\"`";
    for codes in ["500", "199", "200-500", "299-200", "2xx", "200;301"] {
        assert_eq!(wrong(&format!("{{ codes: {codes} }}")), [format!("7:22 invalid status codes `{codes}` [{HINT}]")]);
    }
    assert_eq!(
        wrong("{ codes: 200,301 }"),
        ["7:26 unknown key `301` [put several codes in quotes, such as codes: \"200,301\"]"]
    );
}

#[test]
fn invalid_health_checks_are_reported_with_a_position() {
    let table = [
        (
            "{ interval: 10, timeout: 10 }",
            "7:38 `timeout` (10 s) must be less than `interval` (10 s) [write `timeout: 9` or less, or increase `interval`]",
        ),
        (
            "{ timeout: 5 }",
            "7:24 `timeout` (5 s) must be less than `interval` (5 s) [write `timeout: 4` or less, or increase `interval`]",
        ),
        (
            "{ interval: 301 }",
            "7:25 expected a time from 5 to 300 s, found `301` [write seconds, such as 30 or 30s, or use the unit m, h or d]",
        ),
        ("{ healthy: 1 }", "7:24 expected a whole number from 2 to 10, found `1` []"),
        ("{ port: 65536 }", "7:21 expected a whole number from 1 to 65535, found `65536` []"),
        ("{ path: status }", "7:21 invalid path `status` [use a path such as /status]"),
        ("status", "7:13 invalid path `status` [use a path such as /status]"),
        ("{ test: [check] }", "7:15 unknown key `test` [use `command` for a check inside the container]"),
        (
            "{ grace_period: 60 }",
            "7:15 unknown key `grace_period` [use `grace`, such as `grace: 2m`, or `start` beside `command`]",
        ),
        ("{ success_codes: 200 }", "7:15 unknown key `success_codes` [use `codes`, such as `codes: 200-299`]"),
    ];
    for (written, problem) in table {
        assert_eq!(wrong(written), [problem], "{written}");
    }
}

#[test]
fn health_needs_a_service_behind_a_load_balancer() {
    let worker = "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    health: { grace: 90 }\n";
    assert_eq!(problems(worker), ["6:13 `health` needs a `port` [add `port: 3000`, or remove this for a worker]"]);
    let unrouted = format!("{ONE_SERVICE}    routes: []\n    health: {{ grace: 90 }}\n");
    assert_eq!(
        problems(&unrouted),
        [
            "8:13 the load balancer does not check the tasks of a service without routes [add `routes`, or remove `health`]"
        ]
    );
}
