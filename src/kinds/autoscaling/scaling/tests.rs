//! What counts as a change of a service's scaling.

use super::*;
use crate::model::Input;

fn requests(target_group: Input) -> Measure {
    Measure::Requests { load_balancer: "app/lb/1".into(), target_group }
}

fn desired(policies: Vec<(Measure, u32)>) -> Desired {
    let policies = policies.into_iter().map(|(measure, target)| Policy { measure, target }).collect();
    Desired { min: 2, max: 10, policies, cooldown: Cooldown::default() }
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
    }
}

fn changed(desired: &Desired, live: &Live) -> Vec<String> {
    Scaling::diff(desired, live).into_iter().map(|change| change.field).collect()
}

#[test]
fn what_is_as_desired_needs_no_change() {
    let both = desired(vec![(Measure::Cpu, 60), (requests("targetgroup/web/2".into()), 1000)]);
    assert_eq!(changed(&both, &live()), Vec::<String>::new());
}

#[test]
fn target_limit_and_foreign_policy_are_separate_changes() {
    let other = Desired { min: 3, ..desired(vec![(Measure::Cpu, 70), (Measure::Memory, 80)]) };
    assert_eq!(changed(&other, &live()), ["min", "cpu", "memory", "other_policies"]);
}

#[test]
fn the_requests_of_a_replaced_target_group_are_counted_there() {
    let group = Input::output(&Address::new("target_group", "web"), "dimension");
    let both = desired(vec![(Measure::Cpu, 60), (requests(group), 1000)]);
    let changes = Scaling::diff(&both, &live());
    assert_eq!((changes.len(), changes[0].field.as_str(), &changes[0].to), (1, "requests.of", &Shown::KnownAfterApply));
    let moved = desired(vec![(Measure::Cpu, 60), (requests("targetgroup/web/3".into()), 1000)]);
    assert_eq!(changed(&moved, &live()), ["requests.of"]);
}

#[test]
fn a_service_is_found_again_by_its_name() {
    let id = StackId { stack: "demo".into(), environment: "default".into() };
    assert_eq!(resource(&id, "web"), live().resource);
}
