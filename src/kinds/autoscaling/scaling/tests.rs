//! Tests of the differences between the desired and the live scaling of a service.

use super::*;
use crate::model::Input;

fn requests(target_group: Input) -> Measure {
    Measure::Requests { load_balancer: "app/lb/1".into(), target_group }
}

fn desired(policies: Vec<(Measure, u32)>) -> Desired {
    let policies = policies.into_iter().map(|(measure, target)| Policy { measure, target }).collect();
    Desired { min: 2, max: 10, policies, cooldown: Cooldown::default(), schedule: Vec::new() }
}

fn live() -> Live {
    let policy = |name: &str, metric: &str, label: &str, target| LivePolicy {
        name: name.into(),
        metric: metric.into(),
        label: label.into(),
        target,
        out_cooldown: 60,
        in_cooldown: 300,
    };
    Live {
        resource: "service/demo-default-main/demo-default-web".into(),
        min: 2,
        max: 10,
        policies: vec![
            policy("cpu", "ECSServiceAverageCPUUtilization", "", 60.0),
            policy("requests", "ALBRequestCountPerTarget", "app/lb/1/targetgroup/web/2", 1000.0),
        ],
        schedule: Vec::new(),
        read_at: 0,
    }
}

fn changed(desired: &Desired, live: &Live) -> Vec<String> {
    Scaling::diff(desired, live).into_iter().map(|change| change.field).collect()
}

#[test]
fn unchanged_scaling_has_no_changes() {
    let both = desired(vec![(Measure::Cpu, 60), (requests("targetgroup/web/2".into()), 1000)]);
    assert_eq!(changed(&both, &live()), Vec::<String>::new());
}

#[test]
fn target_limit_and_other_policy_are_separate_changes() {
    let other = Desired { min: 3, ..desired(vec![(Measure::Cpu, 70), (Measure::Memory, 80)]) };
    assert_eq!(changed(&other, &live()), ["min", "cpu", "memory", "other_policies"]);
}

#[test]
fn request_policy_moves_to_the_replaced_target_group() {
    let group = Input::output(&Address::new("target_group", "web"), "dimension");
    let both = desired(vec![(Measure::Cpu, 60), (requests(group), 1000)]);
    let changes = Scaling::diff(&both, &live());
    assert_eq!((changes.len(), changes[0].field.as_str(), &changes[0].to), (1, "requests.of", &Shown::KnownAfterApply));
    let moved = desired(vec![(Measure::Cpu, 60), (requests("targetgroup/web/3".into()), 1000)]);
    assert_eq!(changed(&moved, &live()), ["requests.of"]);
}

#[test]
fn resource_id_contains_the_service_name() {
    let id = StackId { stack: "demo".into(), environment: "default".into() };
    assert_eq!(resource(&id, "web"), live().resource);
}

/// Scales to no tasks at 20:00, and back to the default limits at 7:00.
fn nights() -> Vec<Entry> {
    let entry = |name: &str, hour, min, max| Entry {
        name: name.into(),
        at: format!("cron(0 {hour} * * ? *)"),
        timezone: "UTC".into(),
        min,
        max,
    };
    vec![entry("morning", 7, 2, 10), entry("night", 20, 0, 0)]
}

#[test]
fn expected_limits_follow_schedule_and_clock() {
    let both = desired(vec![(Measure::Cpu, 60), (requests("targetgroup/web/2".into()), 1000)]);
    let scheduled = Desired { schedule: nights(), ..both.clone() };
    let at = |time: &str, bounds: (u32, u32), schedule: Vec<Entry>| Live {
        min: bounds.0,
        max: bounds.1,
        schedule: schedule.into_iter().map(LiveEntry::from).collect(),
        read_at: time.parse::<Timestamp>().expect("a time").as_second(),
        ..live()
    };
    let (noon, night) = ("2026-06-03T12:00:00Z", "2026-06-03T23:00:00Z");
    assert_eq!(changed(&scheduled, &at(noon, (2, 10), nights())), Vec::<String>::new());
    assert_eq!(changed(&scheduled, &at(night, (0, 0), nights())), Vec::<String>::new(), "the schedule is no drift");
    assert_eq!(changed(&scheduled, &at(night, (2, 10), nights())), ["min", "max"], "what somebody set by hand is");
    assert_eq!(
        changed(&scheduled, &at(night, (2, 10), Vec::new())),
        ["min", "max", "schedule.morning", "schedule.night"]
    );

    // Without a schedule, the default limits apply again.
    assert_eq!(changed(&both, &at(night, (0, 0), nights())), ["min", "max", "other_entries", "other_entries"]);
    let later = nights().into_iter().map(|entry| Entry { at: entry.at.replace("0 20", "30 23"), ..entry }).collect();
    let later = Desired { schedule: later, ..both };
    assert_eq!(changed(&later, &at(night, (0, 0), nights())), ["min", "max", "schedule.night"]);

    let summary = |live: &Live| Scaling::summary(live).unwrap_or_default();
    let words = summary(&at(night, (0, 0), nights()));
    assert_eq!(words, "0 to 0 tasks (scheduled: `night`), cpu 60, requests 1000");
    assert!(summary(&live()).starts_with("2 to 10 tasks, cpu"));
}
