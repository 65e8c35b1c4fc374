//! An in-memory model of CloudWatch alarms with the operations that the alarm kind calls, as the API reference
//! describes them.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::{
    operation::{
        delete_alarms::{DeleteAlarmsError, DeleteAlarmsInput, DeleteAlarmsOutput},
        describe_alarms::{DescribeAlarmsError, DescribeAlarmsInput, DescribeAlarmsOutput},
        put_metric_alarm::{PutMetricAlarmError, PutMetricAlarmInput, PutMetricAlarmOutput},
    },
    types::{MetricAlarm, StateValue, Tag},
};

use crate::aws::model::{Cloud, Refusal, Service, line};

/// The alarms of the account in the region with their tags, by alarm name.
#[derive(Clone, Default)]
pub(super) struct Alarms(BTreeMap<String, (MetricAlarm, Vec<Tag>)>);

impl Service for Alarms {
    fn present(&self) -> Vec<String> {
        self.0.values().map(|(alarm, tags)| format!("{} {alarm:?}", line("alarm", tags))).collect()
    }
}

/// Returns an AWS with CloudWatch and an alarm that belongs to no stack.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(PutMetricAlarmError::generic, put);
    cloud.on(DescribeAlarmsError::generic, describe);
    cloud.on(DeleteAlarmsError::generic, delete);
    cloud.with(|alarms: &mut Alarms| {
        let alarm = MetricAlarm::builder().alarm_name("of somebody else").build();
        alarms.0.insert("of somebody else".to_owned(), (alarm, Vec::new()))
    });
    cloud
}

impl Alarms {
    /// Changes every alarm of a stack, as a user of the console would.
    pub(super) fn change(&mut self, change: impl Fn(&mut MetricAlarm)) {
        let of_stacks = self.0.values_mut().filter(|(_, tags)| !tags.is_empty());
        of_stacks.for_each(|(alarm, _)| change(alarm));
    }
}

/// Creates an alarm, or overwrites the alarm of the same name and keeps its tags.
fn put(alarms: &mut Alarms, input: &PutMetricAlarmInput) -> Result<PutMetricAlarmOutput, Refusal> {
    let name = input.alarm_name().unwrap_or_default();
    let bad = input.datapoints_to_alarm().or(input.evaluation_periods());
    if bad > input.evaluation_periods() {
        return Err(Refusal::new("ValidationError", "more periods have to be bad than are looked at"));
    }
    let alarm = MetricAlarm::builder()
        .alarm_name(name)
        .set_alarm_description(input.alarm_description.clone())
        .actions_enabled(input.actions_enabled().unwrap_or(true))
        .set_ok_actions(input.ok_actions.clone())
        .set_alarm_actions(input.alarm_actions.clone())
        .set_namespace(input.namespace.clone())
        .set_metric_name(input.metric_name.clone())
        .set_statistic(input.statistic.clone())
        .set_dimensions(input.dimensions.clone())
        .set_period(input.period)
        .set_evaluation_periods(input.evaluation_periods)
        .set_datapoints_to_alarm(input.datapoints_to_alarm)
        .set_threshold(input.threshold)
        .set_comparison_operator(input.comparison_operator.clone())
        .set_treat_missing_data(input.treat_missing_data.clone())
        .state_value(StateValue::InsufficientData)
        .build();
    let tags = alarms.0.remove(name).map_or_else(|| input.tags().to_vec(), |(_, tags)| tags);
    alarms.0.insert(name.to_owned(), (alarm, tags));
    Ok(PutMetricAlarmOutput::builder().build())
}

fn describe(alarms: &mut Alarms, input: &DescribeAlarmsInput) -> Result<DescribeAlarmsOutput, Refusal> {
    let prefix = input.alarm_name_prefix().unwrap_or_default();
    let shown = alarms.0.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, (alarm, _))| alarm.clone());
    Ok(DescribeAlarmsOutput::builder().set_metric_alarms(Some(shown.collect())).build())
}

/// CloudWatch deletes either all of the alarms or none.
fn delete(alarms: &mut Alarms, input: &DeleteAlarmsInput) -> Result<DeleteAlarmsOutput, Refusal> {
    if input.alarm_names().iter().any(|name| !alarms.0.contains_key(name)) {
        return Err(Refusal::new("ResourceNotFound", "the alarm does not exist"));
    }
    alarms.0.retain(|name, _| !input.alarm_names().contains(name));
    Ok(DeleteAlarmsOutput::builder().build())
}
