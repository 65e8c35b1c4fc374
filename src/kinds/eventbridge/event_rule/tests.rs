//! Tests of the event pattern of a rule, and of the differences between rules.

use serde_json::json;

use super::{live::as_desired, sample::base, *};

fn live() -> Live {
    as_desired("shop-test-report".into(), &base()).expect("all is known")
}

fn changed(desired: &Desired, live: &Live) -> Vec<String> {
    EventRule::diff(desired, live).into_iter().map(|change| change.field).collect()
}

#[test]
fn pattern_matches_only_failed_runs() {
    let pattern = base().pattern().expect("the cluster is known");
    assert_eq!(pattern["detail"]["group"], json!(["job:report"]));
    let branches = pattern["detail"]["$or"].as_array().expect("there are ways to fail");
    assert_eq!(branches[0]["containers"], json!({ "name": ["web"], "exitCode": [{ "anything-but": [0] }] }));
    assert_eq!(branches[1]["containers"], json!({ "name": ["stackctl-timeout"], "exitCode": [124] }));
    assert_eq!(branches[2], json!({ "stopCode": ["TaskFailedToStart"] }));
}

#[test]
fn rule_with_reformatted_json_has_no_changes() {
    let pretty = serde_json::from_str::<Value>(&live().pattern).expect("it is JSON");
    let pretty = serde_json::to_string_pretty(&pretty).expect("it is plain data");
    assert_eq!(changed(&base(), &Live { pattern: pretty, ..live() }), [""; 0]);
    assert_eq!(changed(&base(), &Live { pattern: "{}".into(), ..live() }), ["pattern"]);
}

#[test]
fn missing_target_is_a_change_of_every_target_field() {
    let fields = ["target", "role", "input", "retries", "task_definition", "task_group", "subnets", "security_groups"];
    assert_eq!(changed(&base(), &Live { target: None, targets: Vec::new(), ..live() }), fields);
}

#[test]
fn rule_follows_a_rollback_of_its_service_only() {
    assert!(live().runs("shop-test-web") && !live().runs("shop-test-we"));
    let earlier = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-test-web:2";
    let back = Desired::as_it_runs(&live(), earlier.into()).expect("it is one of ours");
    assert_eq!(changed(&back, &live()), ["task_definition"]);
    let Then::Start(start) = &back.then else { panic!("it starts a run") };
    assert_eq!((start.task_definition.known(), start.command.len()), (Some(earlier), 2));
}
