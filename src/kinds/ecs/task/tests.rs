//! Tests of how the result of a one-off task is judged.

use super::*;

#[test]
fn only_temporary_errors_are_waited_for() {
    let refused = |code: &str, message: &str| {
        passing(&Failure { code: Some(code.to_owned()), ..Failure::refused("RunTask", message) })
    };
    let role = "ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task.";
    assert_eq!(refused("ClientException", role), Some("ECS to accept the new roles"));
    assert!(refused("InvalidParameterException", "The subnet ID 'subnet-1' does not exist").is_some());
    assert_eq!(refused("InvalidParameterException", "Container Overrides length must be at most 8192"), None);
    assert_eq!(refused("AccessDeniedException", "iam:PassRole is not allowed"), None);
}

#[test]
fn command_that_is_too_long_for_ecs_is_rejected() {
    let words = |length: usize| vec!["sh".to_owned(), "-c".to_owned(), "a".repeat(length)];
    assert_eq!(fits("web", &words(8_000)), Ok(()));
    let failure = fits("web", &words(8_192)).expect_err("it is too long");
    assert!(failure.to_string().contains("maximum 8192"), "{failure}");
    // Each quote takes two characters in JSON.
    assert!(fits("web", &["\"".repeat(4_100)]).is_err());
}

#[test]
fn stopped_task_is_judged_by_its_exit_code() {
    let live = |status: &str, exit_code| {
        let stopped = Live::stopped(0, "out of memory");
        Live { status: status.into(), exit_code, ..stopped }
    };
    let judged = |live: &Live| phase(live, |end| format!("it failed: {end}"));
    assert_eq!(judged(&live("RUNNING", None)), Phase::Pending("running".into()));
    let telling = Live { doing: Some("3 of 20".into()), ..live("RUNNING", None) };
    assert_eq!(judged(&telling), Phase::Pending("3 of 20".into()));
    assert_eq!(judged(&live("STOPPED", Some(0))), Phase::Ready);
    assert_eq!(judged(&live("STOPPED", Some(3))), Phase::Failed("it failed: out of memory".into()));
    let late = Live { overdue: true, ..live("RUNNING", None) };
    assert_eq!(judged(&late), Phase::Failed("it failed: out of memory".into()));
    // A task whose container never started has no exit code.
    assert_eq!(judged(&live("STOPPED", None)), Phase::Failed("it failed: out of memory".into()));
}

#[test]
fn overdue_task_is_reported_with_its_id() {
    let running = Live { status: "RUNNING".into(), created: 1_000, ..Live::stopped(0, "") };
    let limit = Duration::from_secs(3600);
    assert!(!running.clone().within(limit, 3_600_999).overdue);
    let late = running.clone().within(limit, 3_601_000);
    assert!(late.overdue && late.end == "task c71a is still running after 60 minutes", "{late:?}");
    let ended = Live { status: "STOPPED".into(), ..running };
    assert_eq!(ended.clone().within(limit, 3_601_000), ended);
}

#[test]
fn new_task_is_watched_until_its_container_runs() {
    let task = |status: &str| Live { status: status.into(), created: 1_000, ..Live::stopped(0, "") };
    assert!(task("PROVISIONING").is_being_prepared(2_000) && task("PENDING").is_being_prepared(90_999));
    assert!(!task("PENDING").is_being_prepared(91_000), "a large image takes longer");
    assert!(!task("RUNNING").is_being_prepared(2_000) && !task("STOPPED").is_being_prepared(2_000));
    assert!(task("PENDING").is_being_prepared(0), "the clock is a second behind");
    assert!(!task("PENDING").is_being_prepared(-100_000), "the clock is wrong");
}
