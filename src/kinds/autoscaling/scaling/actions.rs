//! The schedule of a scaling in AWS: one scheduled action per entry.

use aws_sdk_applicationautoscaling::types::{
    ScalableDimension, ScalableTargetAction, ScheduledAction, ServiceNamespace,
};
use serde::{Deserialize, Serialize};

use super::bounds::Entry;
use crate::{
    aws::{self, Once, Outcome},
    kind::Context,
    model::Failure,
};

/// A schedule entry as AWS reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveEntry {
    /// Its time and bounds.
    #[serde(flatten)]
    pub entry: Entry,
    /// The start and end time that limit the action, as text. Empty if the action has neither.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub span: String,
}

impl LiveEntry {
    /// Returns the entry as a plan prints it.
    pub(super) fn words(&self) -> String {
        format!("{}{}", self.entry.words(), self.span)
    }
}

impl From<Entry> for LiveEntry {
    fn from(entry: Entry) -> Self {
        Self { entry, span: String::new() }
    }
}

pub(super) fn live(action: &ScheduledAction) -> LiveEntry {
    let set = action.scalable_target_action();
    let bound = |bound: Option<i32>, otherwise| bound.and_then(|bound| u32::try_from(bound).ok()).unwrap_or(otherwise);
    let limit = |word: &str, time: Option<&aws_smithy_types::DateTime>| {
        time.map_or(String::new(), |time| format!(", {word} {}", time.secs()))
    };
    LiveEntry {
        entry: Entry {
            name: action.scheduled_action_name().to_owned(),
            at: action.schedule().to_owned(),
            timezone: action.timezone().unwrap_or("UTC").to_owned(),
            min: bound(set.and_then(ScalableTargetAction::min_capacity), 0),
            max: bound(set.and_then(ScalableTargetAction::max_capacity), u32::MAX),
        },
        span: limit("from", action.start_time()) + &limit("until", action.end_time()),
    }
}

/// Returns all scheduled actions for ECS in the account and region.
pub(super) async fn list(cx: &Context) -> Result<Vec<ScheduledAction>, Failure> {
    let call = cx.aws.autoscaling.describe_scheduled_actions().service_namespace(ServiceNamespace::Ecs);
    call.into_paginator().items().send().try_collect().await.during("DescribeScheduledActions")
}

/// Creates a scheduled action, or changes the action of the same name.
pub(super) async fn put(cx: &Context, resource: &str, entry: &Entry) -> Result<LiveEntry, Failure> {
    let set = ScalableTargetAction::builder().min_capacity(aws::signed(entry.min)).max_capacity(aws::signed(entry.max));
    let call = cx
        .aws
        .autoscaling
        .put_scheduled_action()
        .scheduled_action_name(&entry.name)
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .schedule(&entry.at)
        .timezone(&entry.timezone)
        .scalable_target_action(set.build());
    call.customize().once().send().await.during("PutScheduledAction")?;
    Ok(entry.clone().into())
}

pub(super) async fn delete(cx: &Context, resource: &str, name: &str) -> Result<(), Failure> {
    let call = cx
        .aws
        .autoscaling
        .delete_scheduled_action()
        .scheduled_action_name(name)
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
    let answer = call.customize().once().send().await;
    answer.or_absent("DeleteScheduledAction", &["ObjectNotFoundException"]).map(drop)
}
