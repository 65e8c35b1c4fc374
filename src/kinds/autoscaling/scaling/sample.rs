//! The sample scalings for the tests over all kinds.

use aws_sdk_applicationautoscaling::types::{
    MetricType, PredefinedMetricSpecification, TargetTrackingScalingPolicyConfiguration,
};

use super::*;
use crate::{aws::model::Cloud, kind::Sample, kinds::autoscaling::model::AutoScaling};

fn desired(cpu: u32, requests_to: &str) -> Desired {
    let requests = Measure::Requests { load_balancer: "app/lb/1".into(), target_group: requests_to.into() };
    let policies = vec![Policy { measure: Measure::Cpu, target: cpu }, Policy { measure: requests, target: 1000 }];
    Desired { min: 2, max: 10, policies, cooldown: Cooldown::default(), schedule: Vec::new() }
}

pub(super) fn sample() -> Sample<Desired> {
    let base = || desired(60, "targetgroup/web/1");
    Sample::new(crate::kinds::autoscaling::model::cloud, base())
        .variant(&["min"], Desired { min: 3, ..base() })
        .variant(&["max"], Desired { max: 20, ..base() })
        .variant(&["min", "max", "cpu"], Desired { min: 12, max: 20, ..desired(70, "targetgroup/web/1") })
        .variant(&["cpu"], desired(70, "targetgroup/web/1"))
        .variant(&["requests.of"], desired(60, "targetgroup/web/2"))
        .one_way(&["response_time", "other_policies"], {
            let measure =
                Measure::ResponseTime { load_balancer: "app/lb/1".into(), target_group: "targetgroup/web/1".into() };
            let policies = vec![Policy { measure: Measure::Cpu, target: 60 }, Policy { measure, target: 250 }];
            Desired { policies, ..base() }
        })
        .variant(
            &["cpu.out_cooldown", "cpu.in_cooldown", "requests.out_cooldown", "requests.in_cooldown"],
            Desired { cooldown: Cooldown { out: 30, r#in: 600 }, ..base() },
        )
        // One entry ran once, long ago, and the other runs in the far future, so the test does not depend on the clock.
        .one_way(&["min", "max", "schedule.since", "schedule.later"], {
            let schedule = vec![entry("since", 2025, 0, 0), entry("later", 2190, 5, 9)];
            Desired { schedule, ..base() }
        })
        .drift_of_variant(&["schedule.later"], |cloud| {
            cloud.with(|scaling: &mut AutoScaling| scaling.remove_action("later"));
        })
        .drift(&["other_entries"], |cloud| cloud.with(AutoScaling::add_action))
        .drift(&["cpu"], |cloud| cloud.with(|scaling: &mut AutoScaling| scaling.remove_policy("cpu")))
        .drift(&["cpu.metric"], |cloud| change(cloud, |tracking| tracking.predefined_metric_specification = memory()))
        .drift(&["cpu.out_cooldown"], |cloud| change(cloud, |tracking| tracking.scale_out_cooldown = None))
        .drift(&["cpu.in_cooldown"], |cloud| change(cloud, |tracking| tracking.scale_in_cooldown = Some(5)))
        .drift(&["other_policies"], |cloud| cloud.with(AutoScaling::add_policy))
        .drift(&["cpu.out_cooldown", "other_policies"], |cloud| {
            change(cloud, |tracking| tracking.scale_out_cooldown = None);
            cloud.with(AutoScaling::add_policy);
        })
}

fn entry(name: &str, year: u32, min: u32, max: u32) -> Entry {
    Entry { name: name.into(), at: format!("cron(0 0 1 1 ? {year})"), timezone: "UTC".into(), min, max }
}

fn memory() -> Option<PredefinedMetricSpecification> {
    let metric = PredefinedMetricSpecification::builder();
    metric.predefined_metric_type(MetricType::EcsServiceAverageMemoryUtilization).build().ok()
}

fn change(cloud: &Cloud, change: impl Fn(&mut TargetTrackingScalingPolicyConfiguration)) {
    cloud.with(|scaling: &mut AutoScaling| scaling.change("cpu", change));
}
