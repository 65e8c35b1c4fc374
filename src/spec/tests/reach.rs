//! Tests how a service is reached and what it reaches: existing security groups, `sticky`, `allow` and `protocol`.

use super::*;

/// A stack in an existing network. Tests append keys of its service.
fn given(keys: &str) -> String {
    format!(
        "name: demo\nregion: eu-west-1\nnetwork: {{ vpc: vpc-00000001, public_subnets: [subnet-0000000a, subnet-0000000b] }}\n\
         services:\n  web:\n    build: app\n    port: 80\n    {keys}\n"
    )
}

#[test]
fn job_with_its_own_image_can_have_existing_groups() {
    let job = |job: &str| {
        let jobs = format!("jobs: {{ tidy: {{ {job}, schedule: rate(1 day), security_groups: [sg-0000000b] }} }}\n");
        read(&format!("{}{jobs}", given("security_groups: [sg-0000000a]")))
    };
    let stack = job("image: nginx").expect("it is valid");
    assert_eq!(stack.program("tidy").expect("it is one").security_groups, ["sg-0000000b"]);
    assert_eq!(stack.security_groups(), ["sg-0000000a", "sg-0000000b"]);
    let refused = job("service: web, command: [tidy]").map_err(|found| found.render(false)).expect_err("it is wrong");
    assert!(refused.contains("`security_groups` is not allowed in a job with `service`"), "{refused}");
}

#[test]
fn service_has_at_most_four_existing_groups() {
    let stack = read(&given("security_groups: [sg-0000000a, sg-0123456789abcdef0]")).expect("it is valid");
    assert_eq!(stack.services["web"].security_groups, ["sg-0000000a", "sg-0123456789abcdef0"]);
    let many: Vec<String> = (0..5).map(|number| format!("sg-0000000{number}")).collect();
    assert_eq!(
        problems(&given(&format!("security_groups: [{}]", many.join(", ")))),
        ["8:22 found 5 security groups, and a task has at most 5 [name at most 4; stackctl adds one for the stack]"]
    );
    assert_eq!(
        problems(&given("security_groups: [sg-0000000a, sg-0000000a]")),
        ["8:36 duplicate security group `sg-0000000a` [name each security group once]"]
    );
    assert_eq!(
        problems(&given("security_groups: [web]")),
        ["8:23 invalid security group ID `web` [use an ID such as sg-0123456789abcdef0]"]
    );
}

#[test]
fn existing_groups_need_an_existing_network() {
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    security_groups: [sg-0000000a]\n")),
        ["7:22 `security_groups` needs an existing network, and this stack creates a new one [name the network of \
             the groups: `network: { vpc: vpc-…, public_subnets: […], private_subnets: […] }`]"]
    );
    assert!(read(&format!("{ONE_SERVICE}    security_groups: []\n")).is_ok());
}

#[test]
fn sticky_lasts_at_most_seven_days() {
    for (written, seconds) in [("1h", 3600), ("7d", 604_800), ("90", 90), ("2m", 120), ("1s", 1)] {
        let stack = read(&format!("{ONE_SERVICE}    sticky: {written}\n")).expect("it is valid");
        assert_eq!(stack.services["web"].sticky, Some(seconds), "{written}");
    }
    assert_eq!(read(ONE_SERVICE).expect("it is valid").services["web"].sticky, None);
    for written in ["8d", "0"] {
        assert_eq!(
            problems(&format!("{ONE_SERVICE}    sticky: {written}\n")),
            [format!(
                "7:13 expected a time from 1 to 604800 s, found `{written}` [write seconds, such as 30 or 30s, or use the unit m, h or d]"
            )]
        );
    }
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    routes: []\n    sticky: 1h\n")),
        ["8:13 this service receives no requests [add `routes: [\"/*\"]`, or remove `sticky`]"]
    );
}

#[test]
fn old_tasks_stop_first_only_if_requested() {
    let stops_first = |keys: &str| read(&format!("{ONE_SERVICE}{keys}")).map(|stack| stack.services["web"].stop_first);
    assert!(!stops_first("").expect("it is valid"));
    assert!(!stops_first("    replace: start-first\n").expect("it is valid"));
    assert!(stops_first("    replace: stop-first\n").expect("it is valid"));
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    replace: stopfirst\n")),
        ["7:14 expected `start-first` or `stop-first`, found `stopfirst` [did you mean `stop-first`?]"]
    );
}

#[test]
fn spot_can_keep_some_tasks_on_demand() {
    let spot = |keys: &str| read(&format!("{ONE_SERVICE}{keys}")).map(|stack| stack.services["web"].spot);
    for (keys, expected) in [
        ("", None),
        ("    spot: false\n", None),
        ("    spot: true\n", Some(0)),
        ("    spot: {}\n", Some(0)),
        ("    spot: { on_demand: 2 }\n", Some(2)),
    ] {
        assert_eq!(spot(keys).expect("it is valid"), expected, "{keys}");
    }
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    spot: {{ base: 1 }}\n")),
        ["7:13 unknown key `base` [use `on_demand` for the number of tasks that are not on Spot]"]
    );
}

#[test]
fn allow_limits_requests_to_address_ranges() {
    let stack =
        read(&format!("{ONE_SERVICE}    allow: [203.0.113.0/24, 198.51.100.7/32, \"2001:DB8:0::/32\", 0.0.0.0/0]\n"));
    assert_eq!(
        stack.expect("it is valid").services["web"].allow,
        ["203.0.113.0/24", "198.51.100.7/32", "2001:db8::/32", "0.0.0.0/0"]
    );
    for (written, problem) in [
        (
            "203.0.113.7",
            "expected an address range, found the address `203.0.113.7` [write 203.0.113.7/32 for this one address]",
        ),
        (
            "\"2001:db8::1\"",
            "expected an address range, found the address `2001:db8::1` [write 2001:db8::1/128 for this one address]",
        ),
        (
            "203.0.113.7/24",
            "invalid address range `203.0.113.7/24`: the address has bits after the prefix [write 203.0.113.0/24]",
        ),
        (
            "2001:db8::1/32",
            "invalid address range `2001:db8::1/32`: the address has bits after the prefix [write 2001:db8::/32]",
        ),
        (
            "203.0.113.0/33",
            "invalid prefix length in `203.0.113.0/33`, expected 0 to 32 [use a range such as 203.0.113.0/24, 203.0.113.7/32 or 2001:db8::/32]",
        ),
        (
            "office",
            "invalid address range `office` [use a range such as 203.0.113.0/24, 203.0.113.7/32 or 2001:db8::/32]",
        ),
        ("255.255.255.255/32", "a load balancer does not accept the range `255.255.255.255/32` [remove it]"),
    ] {
        assert_eq!(problems(&format!("{ONE_SERVICE}    allow: [{written}]\n")), [format!("7:13 {problem}")]);
    }
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    allow: [\"::/0\", \"0::/0\"]\n")),
        ["7:21 duplicate range `::/0` [keep one of them]"]
    );
}

#[test]
fn allow_needs_routes_and_enough_rules() {
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    routes: []\n    allow: [203.0.113.0/24]\n")),
        ["8:12 this service receives no requests [add `routes: [\"/*\"]`, or remove `allow`]"]
    );
    let many = |count: usize| (0..count).map(|number| format!("10.0.{number}.0/24")).collect::<Vec<_>>().join(", ");
    assert!(read(&format!("{ONE_SERVICE}    allow: [{}]\n", many(75))).is_ok());
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    host: [a.io, b.io]\n    routes: [/a, /b]\n    allow: [{}]\n", many(13))),
        ["9:12 13 ranges for 2 routes and 2 host names need 28 load balancer rules, and a service can have 25 \
             [replace several ranges with a wider one, or use fewer routes]"]
    );
}

#[test]
fn http2_to_tasks_needs_an_https_listener() {
    let of = |keys: &str| read(&format!("{ONE_SERVICE}    {keys}\n")).map(|stack| stack.services["web"].clone());
    let http2 = of("protocol: http2").expect("it is valid");
    assert_eq!((http2.protocol, &*http2.health.path, &*http2.health.codes), (Protocol::Http2, "/", "200"));
    let grpc = of("protocol: grpc").expect("it is valid");
    assert_eq!((&*grpc.health.path, &*grpc.health.codes), ("/AWS.ALB/healthcheck", "12"));
    let own = of("protocol: grpc\n    health: { path: /grpc.health.v1.Health/Check, codes: 0 }").expect("it is valid");
    assert_eq!((&*own.health.path, &*own.health.codes), ("/grpc.health.v1.Health/Check", "0"));
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    protocol: grpc\n    health: {{ codes: 200 }}\n")),
        ["8:22 invalid gRPC codes `200` [use codes from 0 to 99: `0`, `0-12` or `\"0,12\"`]"]
    );
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    protocol: grpc\nload_balancer: {{ tls: off }}\n")),
        ["7:15 `protocol` needs HTTPS, and the load balancer uses HTTP [write `load_balancer: { tls: acm, domain: \
          api.example.com }`, or `tls: self-signed` for a first test]"]
    );
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    protocol: http2\n    internal: true\n")),
        ["7:15 `protocol` needs HTTPS, and the internal load balancer uses HTTP [remove it, or let other services \
             call this one directly with `calls`]"]
    );
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    protocol: http2\n    routes: []\n")),
        ["7:15 this service receives no requests [add `routes: [\"/*\"]`, or remove `protocol`]"]
    );
}
