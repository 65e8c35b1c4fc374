//! Tests of the differences between schedules.

use super::{
    live::{as_desired, has_passed},
    *,
};
use crate::model::Shown;

fn desired() -> Desired {
    Desired {
        schedule: "cron(0 3 * * ? *)".into(),
        timezone: "Europe/Oslo".into(),
        container: "web".into(),
        command: vec!["report".into(), "--short".into()],
        task_definition: "arn:aws:ecs:eu-west-1:1:task-definition/demo-default-web:3".into(),
        cluster: "cluster".into(),
        role: "role".into(),
        group: "demo-default-main".into(),
        subnets: vec!["a".into(), "b".into()],
        security_group: "sg".into(),
        other_groups: Vec::new(),
        public_ip: false,
    }
}

fn live() -> Live {
    as_desired("report", &desired()).expect("all is known")
}

fn changed(desired: &Desired, live: &Live) -> Vec<(String, Shown, Shown)> {
    Schedule::diff(desired, live).into_iter().map(|change| (change.field, change.from, change.to)).collect()
}

#[test]
fn schedule_with_reformatted_json_has_no_changes() {
    let input = r#"{"containerOverrides": [{"command": ["report", "--short"], "name": "web"}]}"#;
    assert_eq!(changed(&desired(), &Live { overrides: input.into(), ..live() }), []);
}

#[test]
fn revision_command_and_disabled_schedule_are_separate_changes() {
    let definition = "arn:aws:ecs:eu-west-1:1:task-definition/demo-default-web:4";
    let wanted = Desired { task_definition: definition.into(), command: vec!["serve".into()], ..desired() };
    let expected = [
        ("enabled", "false", "true"),
        ("command", "report --short", "serve"),
        ("task_definition", "demo-default-web:3", "demo-default-web:4"),
    ];
    let expected = expected.map(|(field, from, to)| (field.to_owned(), Shown::value(from), Shown::value(to)));
    assert_eq!(changed(&wanted, &Live { enabled: false, ..live() }), expected);
}

#[test]
fn past_one_time_schedule_is_unchanged_until_its_time_changes() {
    let once = Desired { schedule: "at(2026-01-31T03:00:00)".into(), ..desired() };
    let over = Live { schedule: once.schedule.clone(), over: true, task_definition: "old".into(), ..live() };
    assert_eq!(changed(&once, &over), []);
    let again = Desired { schedule: "at(2027-01-31T03:00:00)".into(), ..once };
    assert_eq!(changed(&again, &over)[0].0, "schedule");
}

#[test]
fn one_time_schedule_passes_in_its_time_zone() {
    let at = |time: &str| time.parse::<jiff::Timestamp>().expect("a time");
    let once = "at(2026-01-31T03:00:00)";
    assert!(!has_passed(once, "UTC", at("2026-01-31T03:00:00Z")));
    assert!(has_passed(once, "UTC", at("2026-01-31T03:00:01Z")));
    assert!(!has_passed(once, "Nowhere/Known", at("2026-01-31T12:00:00Z")));
    assert!(has_passed(once, "Nowhere/Known", at("2026-02-01T12:00:00Z")));
    assert!(!has_passed("rate(1 day)", "UTC", at("2026-02-01T12:00:00Z")));
}

#[test]
fn attempt_is_read_from_the_group_of_the_task() {
    let table =
        [("job:report", Some(0)), ("by-hand:report", Some(0)), ("retry-2:report", Some(2)), ("job:other", None)];
    for (group, attempt) in table {
        assert_eq!(attempt_of("report", group), attempt, "{group}");
    }
    assert_eq!((attempt_of("report", "service:report"), attempt_of("report", "report")), (None, None));
    assert_eq!(attempt_of("report", &retry_group("report", 3)), Some(3));
    assert_eq!(attempt_of("report", &by_hand_group("report")), Some(0));
}

#[test]
fn job_follows_a_rollback_of_its_service_only() {
    assert!(live().runs("demo-default-web") && !live().runs("demo-default-we"));
    let earlier = "arn:aws:ecs:eu-west-1:1:task-definition/demo-default-web:2";
    let back = Desired::as_it_runs(&live(), earlier.into()).expect("it is one of ours");
    assert_eq!(back, Desired { task_definition: earlier.into(), ..desired() });
    let other = Live { overrides: "{}".into(), ..live() };
    assert_eq!(Desired::as_it_runs(&other, earlier.into()), None);
}
