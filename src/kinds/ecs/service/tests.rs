//! Tests of the phases of services and of the differences between them.

use std::sync::Arc;

use super::*;
use crate::{aws::model, kind::NoImages, model::StackId};

fn rollout(status: &str, definition: &str, state: &str, running: i32) -> Rollout {
    Rollout {
        id: format!("{status} {definition}"),
        changed: None,
        status: status.into(),
        task_definition: definition.into(),
        state: state.into(),
        reason: "because".into(),
        desired: 2,
        running,
        failed: 0,
    }
}

fn live(rollouts: Vec<Rollout>) -> Live {
    Live {
        name: "web".into(),
        arn: "arn".into(),
        cluster: "cluster".into(),
        status: "ACTIVE".into(),
        task_definition: rollouts[0].task_definition.clone(),
        image: None,
        sidecars: std::collections::BTreeMap::new(),
        version: None,
        replicas: 2,
        running: 2,
        subnets: Vec::new(),
        security_groups: vec!["sg".into()],
        public_ip: false,
        target_groups: Vec::new(),
        container: None,
        port: None,
        grace_seconds: 0,
        exec: false,
        authorities: Authorities::Present,
        registries: Vec::new(),
        circuit_breaker: true,
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        rollback_after: String::new(),
        capacity: String::new(),
        crashed: 0,
        grace_left: None,
        rollouts,
        events: Vec::new(),
    }
}

fn desired(definition: &str) -> Desired {
    Desired {
        cluster: "cluster".into(),
        task_definition: definition.into(),
        container: "web".into(),
        replicas: 2,
        most: None,
        least: None,
        subnets: Vec::new(),
        security_group: "sg".into(),
        other_groups: Vec::new(),
        public_ip: false,
        target: None,
        registry: None,
        grace_seconds: 0,
        exec: false,
        rollback_after: None,
        stop_first: false,
        spot: None,
    }
}

#[test]
fn rollback_after_is_a_number_or_the_ecs_default() {
    let one = Desired { rollback_after: Some(1), ..desired("web:1") };
    let by_rule = live(vec![rollout("PRIMARY", "web:1", "COMPLETED", 2)]);
    let by_number = Live { rollback_after: "1".into(), ..by_rule.clone() };
    assert_eq!(Service::diff(&one, &by_number), []);
    for (wants, has, from, to) in [
        (&one, &by_rule, Shown::Absent, Shown::value(1)),
        (&desired("web:1"), &by_number, Shown::value(1), Shown::Absent),
    ] {
        let changes = Service::diff(wants, has);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!((changes[0].field.as_str(), &changes[0].from, &changes[0].to), ("rollback_after", &from, &to));
    }
    assert_eq!(Desired::as_it_runs("web", &by_number, "web:2".into()).rollback_after, Some(1));
}

#[tokio::test]
async fn more_tasks_start_no_new_deployment() {
    let cloud = ecs::model::cloud_with_cluster();
    let id = StackId { stack: "shop".into(), environment: "test".into() };
    let cx = Context::new(id, Arc::new(model::session(&cloud)), Arc::new(NoImages));
    let (address, desired) = (Address::new("service", "main"), Service::sample().base);
    Service::create(&cx, &address, &desired).await.expect("it is made");
    let made = Service::list(&cx.fresh()).await.expect("it is listed").remove(0).live;
    let change = async |desired: &Desired| {
        let changed = Changed::of(&Service::diff(desired, &made)).expect("it is changed in place");
        let updated = Service::update(&cx, &address, desired, &made, &changed).await.expect("it is changed");
        updated.rollouts.len()
    };
    let more = Desired { replicas: desired.replicas + 1, ..desired.clone() };
    assert_eq!(change(&more).await, 1);
    assert_eq!(change(&Desired { public_ip: true, ..more }).await, 2, "another network begins one");
}

#[test]
fn running_revision_is_read_from_the_primary_deployment() {
    let deployment = |status: &str, definition: &str| {
        aws_sdk_ecs::types::Deployment::builder().status(status).task_definition(definition).build()
    };
    // ECS rolled back the last requested revision.
    let service = aws_sdk_ecs::types::Service::builder().task_definition("web:2");
    let service = service.deployments(deployment("ACTIVE", "web:2")).deployments(deployment("PRIMARY", "web:1"));
    assert_eq!(live::live(&service.build(), None).task_definition, "web:1");
    let without = aws_sdk_ecs::types::Service::builder().task_definition("web:2").build();
    assert_eq!(live::live(&without, None).task_definition, "web:2", "one that drains has no deployment");
}

#[test]
fn unused_grace_period_is_not_a_change() {
    let kept = Live { grace_seconds: 60, ..live(vec![rollout("PRIMARY", "web:1", "COMPLETED", 2)]) };
    assert_eq!(Service::diff(&desired("web:1"), &kept), []);
}

#[test]
fn stale_read_from_before_an_update_is_not_a_rollback() {
    let at = |definition: &str, changed| {
        live(vec![Rollout { changed: Some(changed), ..rollout("PRIMARY", definition, "COMPLETED", 2) }])
    };
    assert!(Service::outdated(&at("web:1", 1000), &at("web:2", 2000)));
    assert!(!Service::outdated(&at("web:2", 2500), &at("web:2", 2000)));
    assert!(!Service::outdated(&at("web:1", 3000), &at("web:2", 2000)), "ECS went back to it afterwards");
}

#[test]
fn rollout_is_ready_only_after_the_old_tasks_stopped() {
    let new = || rollout("PRIMARY", "web:2", "COMPLETED", 2);
    assert_eq!(Service::phase(&live(vec![new()]), Some(&desired("web:2"))), Phase::Ready);
    let both = live(vec![new(), rollout("ACTIVE", "web:1", "COMPLETED", 1)]);
    assert_eq!(
        Service::phase(&both, Some(&desired("web:2"))),
        Phase::Pending("2 of 2 new tasks running, 1 old".into())
    );
}

#[test]
fn service_is_ready_while_ecs_replaces_or_scales_tasks() {
    let running = |state, count| live(vec![rollout("PRIMARY", "web:1", state, count)]);
    assert_eq!(Service::phase(&running("COMPLETED", 1), None), Phase::Ready);
    for (state, count) in [("COMPLETED", 0), ("IN_PROGRESS", 1)] {
        assert!(matches!(Service::phase(&running(state, count), None), Phase::Pending(_)), "{state} {count}");
    }
    // A run that just requested two tasks waits for both.
    assert!(matches!(Service::phase(&running("COMPLETED", 1), Some(&desired("web:1"))), Phase::Pending(_)));
}

#[test]
fn rollback_is_never_a_success() {
    let back = live(vec![rollout("PRIMARY", "web:1", "COMPLETED", 2)]);
    assert!(matches!(Service::phase(&back, Some(&desired("web:2"))), Phase::RolledBack(_)));
    assert_eq!(Service::phase(&back, Some(&desired("web:1"))), Phase::Ready);
    let never_served = live(vec![rollout("PRIMARY", "web:2", "FAILED", 0)]);
    assert!(matches!(Service::phase(&never_served, Some(&desired("web:2"))), Phase::Failed(_)));
    let on_the_way = live(vec![rollout("PRIMARY", "web:1", "IN_PROGRESS", 1)]);
    assert!(matches!(Service::phase(&on_the_way, Some(&desired("web:2"))), Phase::Pending(_)));
}

#[test]
fn rollback_to_the_same_revision_is_detected() {
    let deployment = |id: &str, state| Rollout { id: id.into(), ..rollout("PRIMARY", "web:1", state, 2) };
    let begun = live(vec![deployment("new", "IN_PROGRESS"), rollout("ACTIVE", "web:1", "COMPLETED", 2)]);
    let after = |id, state| Service::phase_after(&live(vec![deployment(id, state)]), &desired("web:1"), &begun);
    assert_eq!(after("new", "COMPLETED"), Phase::Ready);
    assert!(matches!(after("old", "IN_PROGRESS"), Phase::Pending(_)));
    assert!(matches!(after("old", "COMPLETED"), Phase::RolledBack(_)));
    assert!(matches!(after("old", "FAILED"), Phase::Failed(_)));
}

#[test]
fn failed_rollback_is_a_failure() {
    let failed = live(vec![rollout("PRIMARY", "web:1", "FAILED", 0)]);
    let phase = Service::phase(&failed, Some(&desired("web:2")));
    assert!(
        matches!(&phase, Phase::Failed(why) if why.contains("the rollback to web:1 failed too: because")),
        "{phase:?}"
    );
}

#[test]
fn failed_first_rollout_is_started_again() {
    let failed = live(vec![rollout("PRIMARY", "web:1", "FAILED", 0)]);
    let fields: Vec<String> =
        Service::diff(&desired("web:1"), &failed).into_iter().map(|change| change.field).collect();
    assert_eq!(fields, ["rollout"]);
}

#[test]
fn task_count_within_scaling_limits_is_not_a_change() {
    let scaled = Desired { most: Some(4), ..desired("web:1") };
    let counted = |replicas| Live { replicas, ..live(vec![rollout("PRIMARY", "web:1", "COMPLETED", 2)]) };
    for within in [2, 3, 4] {
        assert_eq!(Service::diff(&scaled, &counted(within)), [], "{within}");
    }
    for (outside, nearest) in [(1, 2), (5, 4)] {
        let changes = Service::diff(&scaled, &counted(outside));
        assert_eq!((changes.len(), &changes[0].to), (1, &Shown::value(nearest)), "{outside}");
    }
    assert_eq!(Service::diff(&desired("web:1"), &counted(3))[0].to, Shown::value(2), "without it, the number is fixed");
}

#[test]
fn running_service_as_desired_state_has_no_changes() {
    let running = Live {
        subnets: vec!["a".into(), "b".into()],
        target_groups: vec!["group".into()],
        container: Some("web".into()),
        port: Some(3000),
        grace_seconds: 60,
        exec: false,
        ..live(vec![rollout("PRIMARY", "web:3", "COMPLETED", 2)])
    };
    let same = Desired::as_it_runs("web", &running, "web:3".into());
    assert_eq!(Service::diff(&same, &running), []);
    let changes = Service::diff(&Desired::as_it_runs("web", &running, "web:2".into()), &running);
    let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["task_definition"]);
}

#[test]
fn several_crashed_tasks_fail_the_rollout() {
    let missing = |state: &str, running| live(vec![rollout("PRIMARY", "web:2", state, running)]);
    let crashed = |live: Live, crashed| Service::phase(&Live { crashed, ..live }, Some(&desired("web:2")));
    for state in ["IN_PROGRESS", "COMPLETED"] {
        assert!(
            matches!(crashed(missing(state, 1), 3), Phase::Failed(why) if why.contains("keep stopping: 3 stopped"))
        );
        // Two crashes may be a coincidence.
        assert!(matches!(crashed(missing(state, 1), 2), Phase::Pending(_)));
    }
    assert_eq!(crashed(missing("COMPLETED", 2), 3), Phase::Ready, "they run now");
}

#[test]
fn pending_rollout_shows_the_remaining_grace_period() {
    let waiting = live(vec![rollout("PRIMARY", "web:2", "IN_PROGRESS", 2)]);
    let phase = Service::phase(&Live { grace_left: Some(40), ..waiting }, Some(&desired("web:2")));
    assert_eq!(phase, Phase::Pending("2 of 2 new tasks running, still starting (grace period: 40 s left)".into()));
}

#[test]
fn only_tasks_without_a_health_check_must_stay_up() {
    let rolling = live(vec![rollout("PRIMARY", "web:2", "IN_PROGRESS", 0)]);
    let settled = live(vec![rollout("PRIMARY", "web:2", "COMPLETED", 2)]);
    let target = Some(Target { group: "group".into(), port: 3000 });
    assert_eq!(Service::stays_ready(&desired("web:2"), &rolling), crashes::STAYS_UP);
    assert_eq!(Service::stays_ready(&desired("web:2"), &settled), Duration::ZERO);
    assert_eq!(Service::stays_ready(&Desired { target, ..desired("web:2") }, &rolling), Duration::ZERO);
}

#[test]
fn ca_certificates_in_the_image_are_read_from_the_revision() {
    use aws_sdk_ecs::types::{ContainerDefinition, KeyValuePair, Secret, Service as SdkService, TaskDefinition};

    let lacks = |secret: &str, file: &str| {
        let secret = Secret::builder().name(secret).value_from("arn").build().expect("it is complete");
        let variable = KeyValuePair::builder().name("PGSSLROOTCERT").value(file).build();
        let container = ContainerDefinition::builder().name("web").secrets(secret).environment(variable).build();
        let definition = TaskDefinition::builder().container_definitions(container).build();
        live::live(&SdkService::builder().build(), Some(&definition)).authorities == Authorities::Missing
    };
    assert!(!lacks("DATABASE_URL", "/etc/stackctl/rds-ca.pem"));
    assert!(lacks("DATABASE_URL", "/mine.pem"), "an earlier stackctl made it");
    assert!(!lacks("KEY", "/mine.pem"), "it was told nothing, as it has no database");
}

#[test]
fn plan_warns_of_new_deployments_and_unavailability() {
    let running = live(vec![rollout("PRIMARY", "web:1", "COMPLETED", 2)]);
    let said = |desired: &Desired, of: &Live| {
        let changes = Changed::of(&Service::diff(desired, of)).expect("it is changed in place");
        Service::consequence(desired, of, &changes)
    };
    let first = Desired { stop_first: true, ..desired("web:2") };
    assert_eq!(said(&desired("web:2"), &running), None);
    assert!(said(&first, &running).is_some_and(|what| what.starts_with("will be unavailable for a while: the old")));
    assert_eq!(said(&first, &Live { running: 0, ..running.clone() }), None, "nothing serves anyway");
    let same = Desired { stop_first: true, ..desired("web:1") };
    assert_eq!(said(&same, &running), None, "that alone replaces no task");
    let moved = Desired { public_ip: true, ..same };
    let what = said(&moved, &running).expect("another network begins a deployment");
    assert!(what.contains("because `public_ip` changes") && what.contains("is unavailable meanwhile"), "{what}");
}
