//! The sample rules for the tests over all kinds.

use std::collections::BTreeMap;

use super::*;
use crate::{
    aws::model::Cloud,
    kind::Sample,
    kinds::eventbridge::model::{self, Events},
};

pub(super) fn start() -> Start {
    Start {
        group: "retry-1:report".into(),
        container: "web".into(),
        command: vec!["report".into(), "--short".into()],
        task_definition: "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-test-web:3".into(),
        subnets: vec!["subnet-given".into(), "subnet-other".into()],
        security_groups: vec!["sg-given".into()],
        public_ip: false,
    }
}

pub(super) fn base() -> Desired {
    with(start())
}

fn with(start: Start) -> Desired {
    Desired {
        cluster: "arn:aws:ecs:eu-west-1:123456789012:cluster/given".into(),
        runs: BTreeMap::from([("job:report".to_owned(), "web".to_owned())]),
        role: "role-given".into(),
        then: Then::Start(Box::new(start)),
    }
}

pub(super) fn sample() -> Sample<Desired> {
    let next = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-test-web:4";
    let told = Desired { then: Then::Tell { topic: "arn:topic".into(), message: "<group> failed".into() }, ..base() };
    let other = BTreeMap::from([("job:other".to_owned(), "web".to_owned())]);
    let elsewhere = "arn:aws:ecs:eu-west-1:123456789012:cluster/other";
    Sample::new(model::cloud, base())
        .variant(&["pattern"], Desired { runs: other, ..base() })
        .variant(&["pattern", "target"], Desired { cluster: elsewhere.into(), ..base() })
        .variant(&["role"], Desired { role: "role-other".into(), ..base() })
        .variant(&["input"], with(Start { command: vec!["report".into()], ..start() }))
        .variant(&["task_definition"], with(Start { task_definition: next.into(), ..start() }))
        .variant(&["task_group"], with(Start { group: "retry-2:report".into(), ..start() }))
        .variant(&["subnets"], with(Start { subnets: vec!["subnet-given".into()], ..start() }))
        .variant(&["security_groups"], with(Start { security_groups: vec!["sg-other".into()], ..start() }))
        .variant(&["public_ip"], with(Start { public_ip: true, ..start() }))
        .variant(&["target", "input", "task_definition", "task_group", "subnets", "security_groups"], told)
        .drift(&["enabled"], |cloud| change(cloud, |rule, _| rule.state = Some(RuleState::Disabled)))
        .drift(&["retries"], |cloud| change(cloud, |_, targets| targets[0].retry_policy = None))
        .drift(&["other_targets"], |cloud| change(cloud, |_, targets| targets.push(another())))
}

fn another() -> Target {
    Target::builder().id("another").arn("arn:another").build().expect("all of it is given")
}

fn change(cloud: &Cloud, change: impl Fn(&mut Rule, &mut Vec<Target>)) {
    cloud.with(|events: &mut Events| events.change(change));
}
