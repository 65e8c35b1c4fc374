//! The sample services for the tests over all kinds.

use super::{Desired, Spot, Target};
use crate::{
    kind::Sample,
    kinds::ecs::{self, model::Ecs},
};

fn base() -> Desired {
    Desired {
        cluster: ecs::model::CLUSTER.into(),
        task_definition: ecs::model::revision_arn(1).as_str().into(),
        container: "main".into(),
        replicas: 2,
        most: None,
        least: None,
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        security_group: "sg-1".into(),
        other_groups: Vec::new(),
        public_ip: false,
        target: Some(target("arn:of:group")),
        registry: None,
        grace_seconds: 60,
        exec: false,
        rollback_after: None,
        stop_first: false,
        spot: None,
    }
}

fn target(group: &str) -> Target {
    Target { group: group.into(), port: 3000 }
}

pub(super) fn sample() -> Sample<Desired> {
    Sample::new(ecs::model::cloud_with_cluster, base())
        .variant(
            &["task_definition"],
            Desired { task_definition: ecs::model::revision_arn(2).as_str().into(), ..base() },
        )
        .variant(&["replicas"], Desired { replicas: 3, ..base() })
        .variant(&["subnets"], Desired { subnets: vec!["subnet-1".into()], ..base() })
        .variant(&["security_group"], Desired { security_group: "sg-2".into(), ..base() })
        .variant(&["security_group"], Desired { other_groups: vec!["sg-3".into()], ..base() })
        .variant(&["public_ip"], Desired { public_ip: true, ..base() })
        .variant(&["target_group"], Desired { target: Some(target("arn:of:another")), ..base() })
        .variant(&["container"], Desired { container: "proxy".into(), ..base() })
        .variant(&["port"], Desired { target: Some(Target { port: 8080, ..target("arn:of:group") }), ..base() })
        .variant(&["registry"], Desired { registry: Some("arn:of:registry".into()), ..base() })
        .variant(&["grace_seconds"], Desired { grace_seconds: 90, ..base() })
        .variant(&["exec"], Desired { exec: true, ..base() })
        .variant(&["rollback_after"], Desired { rollback_after: Some(1), ..base() })
        .variant(&["minimum_healthy_percent", "maximum_percent"], Desired { stop_first: true, ..base() })
        .variant(&["capacity"], Desired { spot: Some(Spot { on_demand: 1 }), ..base() })
        .drift(&["cluster"], |cloud| cloud.with(Ecs::move_services))
        .drift(&["target_group"], |cloud| cloud.with(Ecs::take_target_groups_away))
        .drift(&["circuit_breaker"], |cloud| cloud.with(Ecs::turn_circuit_breakers_off))
        .drift(&["minimum_healthy_percent"], |cloud| cloud.with(|ecs: &mut Ecs| ecs.let_tasks_be(0, 200)))
        .drift(&["maximum_percent"], |cloud| cloud.with(|ecs: &mut Ecs| ecs.let_tasks_be(100, 150)))
        .drift(&["rollout"], |cloud| cloud.with(Ecs::fail_rollouts))
}
