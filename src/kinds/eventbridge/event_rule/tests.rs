//! What a rule looks for, and what counts as a change of it.

use serde_json::json;

use super::{live::as_desired, sample::base, *};

fn live() -> Live {
    as_desired("shop-test-report".into(), &base()).expect("all is known")
}

fn changed(desired: &Desired, live: &Live) -> Vec<String> {
    EventRule::diff(desired, live).into_iter().map(|change| change.field).collect()
}

#[test]
fn a_pattern_finds_failures_and_no_others() {
    let pattern = base().pattern().expect("the cluster is known");
    assert_eq!(pattern["detail"]["group"], json!(["job:report"]));
    let branches = pattern["detail"]["$or"].as_array().expect("there are ways to fail");
    assert_eq!(branches[0]["containers"], json!({ "name": ["web"], "exitCode": [{ "anything-but": [0] }] }));
    assert_eq!(branches[1]["containers"], json!({ "name": ["stackctl-timeout"], "exitCode": [124] }));
    assert_eq!(branches[2], json!({ "stopCode": ["TaskFailedToStart"] }));
}

#[test]
fn a_rule_as_desired_needs_no_change_in_any_json_form() {
    let pretty = serde_json::from_str::<Value>(&live().pattern).expect("it is JSON");
    let pretty = serde_json::to_string_pretty(&pretty).expect("it is plain data");
    assert_eq!(changed(&base(), &Live { pattern: pretty, ..live() }), [""; 0]);
    assert_eq!(changed(&base(), &Live { pattern: "{}".into(), ..live() }), ["pattern"]);
}

#[test]
fn a_rule_without_its_target_gets_it() {
    let fields = ["target", "role", "input", "retries", "task_definition", "task_group", "subnets", "security_groups"];
    assert_eq!(changed(&base(), &Live { target: None, targets: Vec::new(), ..live() }), fields);
}

#[test]
fn a_rule_follows_a_rollback_of_its_own_service_alone() {
    assert!(live().runs("shop-test-web") && !live().runs("shop-test-we"));
    let earlier = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-test-web:2";
    let back = Desired::as_it_runs(&live(), earlier.into()).expect("it is one of ours");
    assert_eq!(changed(&back, &live()), ["task_definition"]);
    let Then::Start(start) = &back.then else { panic!("it starts a run") };
    assert_eq!((start.task_definition.known(), start.command.len()), (Some(earlier), 2));
}
