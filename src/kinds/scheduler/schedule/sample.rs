//! The sample schedules for the tests over all kinds.

use aws_sdk_scheduler::{operation::get_schedule::GetScheduleOutput, types::EcsParameters};

use super::*;
use crate::{aws::model::Cloud, kind::Sample, kinds::scheduler::model};

fn base() -> Desired {
    Desired {
        schedule: "cron(0 3 * * ? *)".into(),
        timezone: "Europe/Oslo".into(),
        container: "web".into(),
        command: vec!["report".into(), "--short".into()],
        task_definition: "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-test-web:3".into(),
        cluster: "cluster-given".into(),
        role: "role-given".into(),
        group: "shop-test-main".into(),
        subnets: vec!["subnet-given".into(), "subnet-other".into()],
        security_group: "sg-given".into(),
        other_groups: Vec::new(),
        public_ip: false,
    }
}

pub(super) fn sample() -> Sample<Desired> {
    let next = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-test-web:4";
    Sample::new(model::cloud_with_group, base())
        .variant(&["schedule"], Desired { schedule: "rate(1 hour)".into(), ..base() })
        .variant(&["timezone"], Desired { timezone: "UTC".into(), ..base() })
        .variant(&["command"], Desired { command: vec!["report".into()], ..base() })
        .variant(&["task_definition"], Desired { task_definition: next.into(), ..base() })
        .variant(&["cluster"], Desired { cluster: "cluster-other".into(), ..base() })
        .variant(&["role"], Desired { role: "role-other".into(), ..base() })
        .variant(&["subnets"], Desired { subnets: vec!["subnet-given".into()], ..base() })
        .variant(&["security_group"], Desired { security_group: "sg-other".into(), ..base() })
        .variant(&["security_group"], Desired { other_groups: vec!["sg-theirs".into()], ..base() })
        .variant(&["public_ip"], Desired { public_ip: true, ..base() })
        .drift(&["enabled"], |cloud| change(cloud, |schedule| schedule.state = Some(ScheduleState::Disabled)))
        .drift(&["window"], |cloud| change(cloud, |schedule| schedule.flexible_time_window = Some(late())))
        .drift(&["retries"], |cloud| change_target(cloud, |target| target.retry_policy = None))
        .drift(&["task_group"], |cloud| change_task(cloud, |task| task.group = Some("job:other".to_owned())))
}

/// Returns a flexible time window of 15 minutes.
fn late() -> FlexibleTimeWindow {
    let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Flexible).maximum_window_in_minutes(15);
    window.build().expect("the mode is given")
}

fn change(cloud: &Cloud, change: impl Fn(&mut GetScheduleOutput)) {
    cloud.with(|scheduler: &mut model::Scheduler| scheduler.change(change));
}

fn change_target(cloud: &Cloud, make: impl Fn(&mut Target)) {
    change(cloud, |schedule| schedule.target.iter_mut().for_each(&make));
}

fn change_task(cloud: &Cloud, make: impl Fn(&mut EcsParameters)) {
    change_target(cloud, |target| target.ecs_parameters.iter_mut().for_each(&make));
}
