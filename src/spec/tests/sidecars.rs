//! Tests `sidecars`, `depends_on` and `target_container` of a service.

use super::*;
use crate::spec::{Check, Condition, SidecarSecret};

const WEB: &str = "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    port: 3000\n";

fn web(keys: &str) -> Service {
    let stack = read(&format!("{WEB}{keys}"));
    stack.unwrap_or_else(|problems| panic!("{}", problems.render(false))).services["web"].clone()
}

/// Returns the problems of a service with these keys, which begin in the seventh line.
fn wrong(keys: &str) -> Vec<String> {
    problems(&format!("{WEB}{keys}"))
}

#[test]
fn every_key_of_a_sidecar_is_decoded() {
    let service = web("    depends_on: { proxy: healthy }
    target_container: proxy
    secrets: { API_KEY: set }
    sidecars:
      proxy:
        image: nginx:1.27
        entrypoint: [/start]
        command: [proxy, --fast]
        port: 8080
        env: { PORT: 1, LEVEL: info }
        secrets: { API_KEY: shared, OTHER: { from: /demo/other } }
        health: { command: [check], interval: 10, timeout: 3, retries: 5, start: 1m }
        stop_timeout: 10
      once:
        command: [migrate]
        essential: false
");
    assert_eq!(service.served("web"), Some(("proxy", 8080)));
    assert_eq!(service.depends_on["proxy"], Condition::Healthy);
    let proxy = &service.sidecars["proxy"];
    assert_eq!(proxy.image, Some(ImageFrom::Named("nginx:1.27".into())));
    assert_eq!((proxy.port, proxy.stop_timeout), (Some(8080), 10));
    assert_eq!((proxy.entrypoint.join(" "), proxy.command.join(" ")), ("/start".into(), "proxy --fast".into()));
    assert_eq!((proxy.env["PORT"].as_text().as_deref(), proxy.essential), (Some("1"), true));
    assert_eq!(proxy.secrets["API_KEY"], SidecarSecret::Shared);
    assert_eq!(proxy.secrets["OTHER"], SidecarSecret::Parameter { id: "/demo/other".into() });
    let check = Check { command: vec!["check".into()], interval: 10, timeout: 3, retries: 5, start: 60 };
    assert_eq!(proxy.check, Some(check));
    let once = &service.sidecars["once"];
    assert_eq!((&once.image, once.essential, once.stop_timeout), (&None, false, 30));
}

#[test]
fn service_without_a_port_can_be_reached_by_its_sidecar() {
    let text = "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    health: /up\n    target_container: proxy\n    \
                sidecars: { proxy: { image: nginx, port: 80 } }\n";
    let stack = read(text).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    let service = &stack.services["web"];
    assert_eq!((service.served("web"), service.routes.join(" ")), (Some(("proxy", 80)), "/*".into()));
    assert!(stack.load_balancer.is_some(), "it is served by one");
}

#[test]
fn sidecars_that_ecs_would_reject_are_reported() {
    let sidecars = |keys: &str| wrong(&format!("    sidecars: {{ {keys} }}\n"));
    assert_eq!(
        sidecars("proxy: { image: nginx, port: 3000 }"),
        [
            "7:46 `proxy` and `web` listen on the same port [use different ports; the containers of a task share a network]"
        ]
    );
    assert_eq!(
        sidecars("web: {}"),
        ["7:17 `web` is already the name of the container of the service [use another name]"]
    );
    let taken = sidecars("aws-agent: {}");
    assert!(taken.len() == 1 && taken[0].starts_with("7:17 invalid sidecar name `aws-agent`"), "{taken:?}");
    assert_eq!(
        sidecars("once: {}, other: { depends_on: { once: success } }"),
        [
            "7:56 `other` waits for `once` to exit, and the task stops when `once` exits [add `essential: false` to `once`]"
        ]
    );
    assert_eq!(
        sidecars("one: { depends_on: { web: healthy } }"),
        ["7:43 `one` waits for `web` to be healthy, and `web` has no health check [add `health: { command: [check] \
             }` to `web`, or wait for `start`]"]
    );
    assert_eq!(
        sidecars("one: { depends_on: { two: start } }, two: { depends_on: { one: start } }"),
        [
            "7:43 these containers wait for each other: one \u{2192} two \u{2192} one [remove one of them from `depends_on`]"
        ]
    );
    assert_eq!(
        sidecars("one: { secrets: { API_KEY: shared } }"),
        ["7:44 `web` has no secret API_KEY [add `API_KEY` to `secrets` of `web`]"]
    );
}

#[test]
fn depends_on_is_limited_to_containers_of_the_task() {
    let found = wrong("    depends_on: { db: healthy }\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("7:19 container `db` not found in the tasks of `web` [remove it; "), "{found:?}");
    let found = wrong("    depends_on: [db]\n");
    assert!(found.len() == 1 && found[0].contains("services start in parallel"), "{found:?}");
    assert_eq!(
        wrong("    sidecars: { proxy: {} }\n    depends_on: { proxi: start }\n"),
        ["8:19 container `proxi` not found in the tasks of `web` [did you mean `proxy`?]"]
    );
    assert_eq!(
        wrong("    sidecars: { proxy: {} }\n    depends_on: { proxy: soon }\n").len(),
        1,
        "the conditions are four words"
    );
}

#[test]
fn target_container_must_be_a_sidecar_with_a_port() {
    assert_eq!(
        wrong("    target_container: proxy\n    sidecars: { proxy: {} }\n"),
        ["7:23 the sidecar `proxy` has no `port` [add `port: 8080` to the sidecar `proxy`]"]
    );
    let found = wrong("    target_container: other\n");
    assert!(found.len() == 1 && found[0].starts_with("7:23 sidecar `other` not found ["), "{found:?}");
}

#[test]
fn health_command_works_with_and_without_a_port() {
    let worker = "name: demo\nregion: eu-west-1\nservices:\n  work:\n    build: app\n    health: ";
    let stack = read(&format!("{worker}{{ command: [check] }}\n")).expect("it is valid");
    let check = Check { command: vec!["check".into()], interval: 30, timeout: 5, retries: 3, start: 0 };
    assert_eq!(stack.services["work"].check, Some(check));
    let both = web("    health: { path: /up, command: [check], interval: 60, timeout: 60, start: 2m }\n");
    assert_eq!((both.health.path.as_str(), both.health.interval, both.health.timeout), ("/up", 5, 4));
    let check = both.check.expect("it has one");
    assert_eq!((check.interval, check.timeout, check.start), (60, 60, 120));
    let found = problems(&format!("{worker}{{ command: [check], path: /up }}\n"));
    assert!(found.len() == 1 && found[0].contains("`path` has no effect"), "{found:?}");
    assert_eq!(wrong("    health: { retries: 2 }\n").len(), 1);
    let slow = wrong("    health: { command: [check], timeout: 61 }\n");
    assert!(slow.len() == 1 && slow[0].contains("at most 60 s"), "{slow:?}");
}

#[test]
fn sidecars_have_images_and_files_of_their_own() {
    let services = |proxy: &str| {
        format!(
            "name: demo\nregion: eu-west-1\nservices:\n  web:\n    build: app\n    arch: arm64\n    sidecars: {{ proxy: {{ {proxy} }} }}\n"
        )
    };
    let images = |proxy: &str| {
        let stack = read(&services(proxy)).unwrap_or_else(|found| panic!("{}", found.render(false)));
        stack.images().map(|one| (one.name(), one.repository("demo"), one.service.arch)).collect::<Vec<_>>()
    };
    let proxy = |repository: Option<&str>| ("web/proxy".to_owned(), repository.map(str::to_owned), Arch::Arm64);
    let web = ("web".to_owned(), Some("app-arm64".to_owned()), Arch::Arm64);
    assert_eq!(images("command: [proxy]"), std::slice::from_ref(&web));
    assert_eq!(images("image: nginx"), [web.clone(), proxy(None)]);
    assert_eq!(images("build: { dockerfile: front/Dockerfile }"), [web.clone(), proxy(Some("front-arm64"))]);
    let files = "image: \"nginx:1.27\", files: { /etc/nginx/nginx.conf: nginx.conf }";
    assert_eq!(images(files), [web, proxy(Some("nginx-arm64-with-files-of-web-proxy"))]);
    assert_eq!(
        problems(&services("files: { /etc/a: a }")),
        ["7:33 `files` needs `image` or `build` [write it in `web`; the sidecar runs the image of the service]"]
    );
    assert_eq!(
        problems(&services("build: front, image: nginx")),
        ["7:33 found both `build` and `image` [keep one of them]"]
    );
    let told = &problems(&services("build: { dockerfile: app/Dockerfile }"))[0];
    let expected = "7:33 `web/proxy` and `web` build different images for the same ECR repository, `app-arm64`";
    assert!(told.starts_with(expected), "{told}");
}
