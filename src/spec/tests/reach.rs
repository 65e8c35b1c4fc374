//! How a service is reached, and what it reaches: security groups of others, clients that stay with a task.

use super::*;

/// A stack in a network that is there, with one service whose keys can go on.
fn given(keys: &str) -> String {
    format!(
        "name: demo\nregion: eu-west-1\nnetwork: {{ vpc: vpc-00000001, public_subnets: [subnet-0000000a, subnet-0000000b] }}\n\
         services:\n  web:\n    build: app\n    port: 80\n    {keys}\n"
    )
}

#[test]
fn a_service_has_up_to_four_groups_of_others() {
    let stack = read(&given("security_groups: [sg-0000000a, sg-0123456789abcdef0]")).expect("it is valid");
    assert_eq!(stack.services["web"].security_groups, ["sg-0000000a", "sg-0123456789abcdef0"]);
    let many: Vec<String> = (0..5).map(|number| format!("sg-0000000{number}")).collect();
    assert_eq!(
        problems(&given(&format!("security_groups: [{}]", many.join(", ")))),
        ["8:22 these are 5 security groups, and a task has at most 5 [name at most 4: the service's own is the fifth]"]
    );
    assert_eq!(
        problems(&given("security_groups: [sg-0000000a, sg-0000000a]")),
        ["8:36 `sg-0000000a` stands here twice [name each security group once]"]
    );
    assert_eq!(
        problems(&given("security_groups: [web]")),
        ["8:23 `web` is no id of a security group [such as sg-0123456789abcdef0]"]
    );
}

#[test]
fn groups_of_others_need_the_network_that_they_are_in() {
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    security_groups: [sg-0000000a]\n")),
        [
            "7:22 a task has no security group of another network, and the stack makes a network of its own [name the network \
          that they are in: `network: { vpc: vpc-…, public_subnets: […], private_subnets: […] }`]"
        ]
    );
    assert!(read(&format!("{ONE_SERVICE}    security_groups: []\n")).is_ok());
}

#[test]
fn clients_stay_for_up_to_seven_days() {
    for (written, seconds) in [("1h", 3600), ("7d", 604_800), ("90", 90), ("2m", 120), ("1s", 1)] {
        let stack = read(&format!("{ONE_SERVICE}    sticky: {written}\n")).expect("it is valid");
        assert_eq!(stack.services["web"].sticky, Some(seconds), "{written}");
    }
    assert_eq!(read(ONE_SERVICE).expect("it is valid").services["web"].sticky, None);
    for written in ["8d", "0"] {
        assert_eq!(
            problems(&format!("{ONE_SERVICE}    sticky: {written}\n")),
            [format!(
                "7:13 expected 1 to 604800 seconds, found `{written}` [write a number of seconds, such as 30 or 30s]"
            )]
        );
    }
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    routes: []\n    sticky: 1h\n")),
        ["8:13 no request comes to this service [add `routes: [\"/*\"]`, or leave `sticky` out]"]
    );
}

#[test]
fn old_tasks_stop_first_only_where_it_is_said() {
    let stops_first = |keys: &str| read(&format!("{ONE_SERVICE}{keys}")).map(|stack| stack.services["web"].stop_first);
    assert!(!stops_first("").expect("it is valid"));
    assert!(!stops_first("    replace: start-first\n").expect("it is valid"));
    assert!(stops_first("    replace: stop-first\n").expect("it is valid"));
    assert_eq!(
        problems(&format!("{ONE_SERVICE}    replace: stopfirst\n")),
        ["7:14 `stopfirst` is none of: start-first, stop-first [did you mean `stop-first`?]"]
    );
}

#[test]
fn tasks_on_spot_may_have_others_on_demand() {
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
