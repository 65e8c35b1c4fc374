//! Tests `calls` and `expose`: the services, their ports, and the errors.

use super::*;

/// A stack with the service `web`, with `of_web` appended to its keys and `services` after it.
fn stack(of_web: &str, services: &str) -> String {
    format!(
        "name: demo\nregion: eu-west-1\nservices:\n  web: {{ build: app, routes: [\"/*\"], port: 80{of_web} }}\n{services}"
    )
}

const API: &str = "  api: { build: app, port: 8080 }\n";

#[test]
fn calls_and_expose_are_decoded() {
    let services = format!("{API}  broker: {{ image: rabbitmq, expose: [5672, 15672] }}\n");
    let stack = read(&stack(", calls: [api, broker]", &services)).expect("it is valid");
    assert_eq!(stack.services["web"].calls, ["api", "broker"]);
    assert_eq!(stack.services["broker"].expose, [5672, 15672]);
    let routes = |name: &str| stack.services[name].routes.clone();
    assert_eq!(
        (routes("web"), routes("api")),
        (vec!["/*".to_owned()], Vec::new()),
        "one that is called needs no routes"
    );
}

#[test]
fn invalid_calls_are_reported_with_a_fix() {
    const API: &str = "  api: { build: app, port: 8080, routes: [] }\n";
    let worker = "  worker: { build: app }\n";
    let table = [
        (stack(", calls: [apj]", API), "4:56 service `apj` not found [did you mean `api`?]"),
        (stack(", calls: [payments]", API), "4:56 service `payments` not found [use one of: api]"),
        (stack(", calls: [web]", API), "4:56 `web` cannot call itself [remove it; a task reaches itself at 127.0.0.1]"),
        (
            stack(", calls: [worker]", worker),
            "4:56 service `worker` has no port [add `port` to `worker`, or `expose: [5672]` for a port other than PORT]",
        ),
        (stack(", calls: [api, api]", API), "4:61 duplicate service `api` [name each service once]"),
        (stack(", expose: [0]", ""), "4:57 invalid port `0` [write a number from 1 to 65535]"),
        (stack(", expose: [amqp]", ""), "4:57 invalid port `amqp` [write a number from 1 to 65535]"),
        (
            stack(", expose: [80]", ""),
            "4:57 port 80 is already the `port` of the service [remove it; other services can call `port` as well]",
        ),
        (stack(", expose: [81, 81]", ""), "4:61 duplicate port 81 [name each port once]"),
    ];
    for (file, problem) in table {
        assert_eq!(problems(&file), [problem], "{file}");
    }
}

#[test]
fn values_can_refer_to_called_services_only() {
    let good = stack(", calls: [api], env: { URL: \"((services.api.url))/v1\" }", API);
    assert!(read(&good).is_ok());
    let uncalled =
        stack(", routes: [\"/*\"], env: { URL: ((services.api.url)) }", API).replace("routes: [\"/*\"], port", "port");
    assert_eq!(
        problems(&uncalled),
        ["4:60 reference `services.api.url` not found [refer to services that are in `calls` of this service, or to \
             a secret of a service that is `generate` or `set`, such as `((services.web.secrets.KEY))`]"]
    );
}

#[test]
fn two_services_can_call_each_other() {
    let back = "  api: { build: app, port: 8080, calls: [web] }\n";
    let stack = read(&stack(", calls: [api]", back)).expect("it is valid");
    assert_eq!((&stack.services["web"].calls[0], &stack.services["api"].calls[0]), (&"api".into(), &"web".into()));
}
