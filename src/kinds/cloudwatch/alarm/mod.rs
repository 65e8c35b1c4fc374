//! A CloudWatch alarm: an AWS metric, the threshold, and the topic that is notified.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html>

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::{
    operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder as PutMetricAlarm,
    types::{ComparisonOperator, Dimension, MetricAlarm, StateValue, Statistic as SdkStatistic},
};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome},
    kind::{Context, Cost, Doc, Kind},
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, NoField, On, Permission, Phase, Shown, fields},
};

#[cfg(test)]
mod sample;

/// The largest page size of `DescribeAlarms`.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
const PAGE: i32 = 100;

/// A CloudWatch alarm.
pub struct Alarm;

/// The alarm that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// What an alarm state means, in words. The notification email contains it.
    pub description: String,
    /// The namespace of the metric, such as `AWS/ECS`.
    pub namespace: String,
    /// The name of the metric.
    pub metric: String,
    /// The dimensions of the metric, by name.
    pub dimensions: BTreeMap<String, Input>,
    /// How the values of one period are aggregated.
    pub statistic: Statistic,
    /// The length of a period in seconds.
    pub period: u32,
    /// The number of periods that are evaluated.
    pub periods: u32,
    /// The number of breaching periods that cause an alarm.
    pub bad_periods: u32,
    /// The comparison that makes a period breaching.
    pub bad: Bad,
    /// How a period without data is treated.
    pub missing: Missing,
    /// The ARN of the topic to notify.
    pub topic: Input,
}

/// How the values of one period are aggregated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Their average.
    Average,
    /// Their maximum.
    Maximum,
    /// Their minimum.
    Minimum,
    /// Their sum.
    Sum,
}

impl Statistic {
    fn sdk(self) -> SdkStatistic {
        match self {
            Self::Average => SdkStatistic::Average,
            Self::Maximum => SdkStatistic::Maximum,
            Self::Minimum => SdkStatistic::Minimum,
            Self::Sum => SdkStatistic::Sum,
        }
    }
}

/// The comparison that makes a period breaching.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bad {
    /// A value greater than or equal to this.
    From(f64),
    /// A value less than or equal to this.
    UpTo(f64),
}

impl Bad {
    fn sdk(self) -> (ComparisonOperator, f64) {
        match self {
            Self::From(value) => (ComparisonOperator::GreaterThanOrEqualToThreshold, value),
            Self::UpTo(value) => (ComparisonOperator::LessThanOrEqualToThreshold, value),
        }
    }
}

/// How a period without data is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Not breaching: a period without errors has no data.
    Good,
    /// Missing: the measured resource does not exist.
    Unknown,
}

impl Missing {
    /// Returns the value of `TreatMissingData`.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>
    fn word(self) -> &'static str {
        match self {
            Self::Good => "notBreaching",
            Self::Unknown => "missing",
        }
    }
}

/// The alarm as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// The namespace and the name of the metric: `namespace metric`.
    pub metric: String,
    /// The dimensions of the metric, by name.
    pub dimensions: BTreeMap<String, String>,
    /// The statistic as AWS writes it.
    pub statistic: String,
    /// The evaluated periods: `bad of all × seconds`.
    pub periods: String,
    /// The comparison operator as AWS writes it.
    pub comparison: String,
    /// The threshold.
    pub threshold: f64,
    /// The treatment of missing data as AWS writes it.
    pub missing: String,
    /// The ARNs that are notified when the alarm goes off.
    pub rings_at: Vec<String>,
    /// The ARNs that are notified when the alarm returns to OK.
    pub calms_at: Vec<String>,
    /// Whether the alarm's actions are enabled.
    pub enabled: bool,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// The reason that AWS gives for the state.
    pub reason: String,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Metric = "metric",
        Statistic = "statistic",
        Periods = "periods",
        Comparison = "comparison",
        Threshold = "threshold",
        Missing = "missing",
        Description = "description",
        Enabled = "enabled",
        Dimensions = "of.*",
        RingsAt = "rings_at",
        CalmsAt = "calms_at",
    }
}

impl Kind for Alarm {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "alarm";
    const HEADLINE: &'static [&'static str] = &["metric"];
    const DOC: Doc = Doc {
        summary: "Watches one metric of a service, the load balancer or the database.",
        page: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html",
    };
    // An alarm blocks no deletion. But an alarm that outlives the resource it watches would notify people while the
    // stack is being destroyed.
    const USES: &'static [&'static str] = &["topic", "service", "target_group", "load_balancer", "db_instance"];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Each { what: "an alarm", price: "alarm month" };
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["cloudwatch:DescribeAlarms"]),
        Permission::make(
            &["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"],
            On::Named(&["cloudwatch:{region}:{account}:alarm:/stackctl/{stack}/{environment}/*"]),
        ),
        Permission::delete(
            &["cloudwatch:DeleteAlarms"],
            On::Named(&["cloudwatch:{region}:{account}:alarm:/stackctl/{stack}/{environment}/*"]),
        ),
    ];
    const GONE_AT_ONCE: bool = true;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        // The response contains no tags. The name prefix belongs to the stack.
        let prefix = aws::log_prefix(&cx.id);
        let call = cx.aws.cloudwatch.describe_alarms().alarm_name_prefix(&prefix).max_records(PAGE);
        let pages: Vec<_> = call.into_paginator().send().try_collect().await.during("DescribeAlarms")?;
        let alarms = pages.into_iter().flat_map(|page| page.metric_alarms.unwrap_or_default());
        Ok(alarms
            .filter_map(|alarm| {
                let live = live(&alarm);
                let address = Address::new(Self::NAME, live.name.strip_prefix(&prefix)?);
                Some(Found { address, id: live.name.clone(), live })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let (comparison, threshold) = desired.bad.sdk();
        let mut diff = Diff::new();
        diff.field(Field::Metric, &live.metric, &metric(desired))
            .field(Field::Statistic, &live.statistic.as_str(), &desired.statistic.sdk().as_str())
            .field(Field::Periods, &live.periods, &periods(desired.bad_periods, desired.periods, desired.period))
            .field(Field::Comparison, &live.comparison.as_str(), &comparison.as_str())
            .field(Field::Threshold, &live.threshold, &threshold)
            .field(Field::Missing, &live.missing.as_str(), &desired.missing.word())
            .field(Field::Description, &live.description, &desired.description)
            .field(Field::Enabled, &live.enabled, &true);
        for (name, of) in &desired.dimensions {
            diff.input((Field::Dimensions, name), live.dimensions.get(name).map_or("", String::as_str), of);
        }
        for (name, of) in live.dimensions.iter().filter(|(name, _)| !desired.dimensions.contains_key(*name)) {
            diff.push((Field::Dimensions, name), Shown::value(of), Shown::Absent);
        }
        let topic = std::slice::from_ref(&desired.topic);
        diff.inputs(Field::RingsAt, &live.rings_at, topic);
        diff.inputs(Field::CalmsAt, &live.calms_at, topic);
        diff.finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        put(cx, address, desired).await
    }

    async fn update(
        cx: &Context,
        address: &Address,
        desired: &Desired,
        _live: &Live,
        _changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        put(cx, address, desired).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.cloudwatch.delete_alarms().alarm_names(&live.name).customize().once();
        call.send().await.or_absent("DeleteAlarms", &["ResourceNotFound"]).map(drop)
    }

    fn summary(live: &Live) -> Option<String> {
        if live.state == StateValue::Alarm.as_str() {
            Some(format!("ALARM: {}", live.reason))
        } else if live.state == StateValue::Ok.as_str() {
            Some("ok".to_owned())
        } else {
            Some("no data yet".to_owned())
        }
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        sample::sample()
    }
}

fn metric(desired: &Desired) -> String {
    format!("{} {}", desired.namespace, desired.metric)
}

fn periods(bad: u32, all: u32, seconds: u32) -> String {
    format!("{bad} of {all} × {seconds} s")
}

fn live(alarm: &MetricAlarm) -> Live {
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let count = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
    let all = count(alarm.evaluation_periods());
    // If AWS reports no number of breaching periods, all periods must breach.
    let bad = alarm.datapoints_to_alarm().map_or(all, |bad| count(Some(bad)));
    let of = |dimension: &Dimension| (owned(dimension.name()), owned(dimension.value()));
    Live {
        name: owned(alarm.alarm_name()),
        description: owned(alarm.alarm_description()),
        metric: format!("{} {}", owned(alarm.namespace()), owned(alarm.metric_name())),
        dimensions: alarm.dimensions().iter().map(of).collect(),
        statistic: owned(alarm.statistic().map(SdkStatistic::as_str)),
        periods: periods(bad, all, count(alarm.period())),
        comparison: owned(alarm.comparison_operator().map(ComparisonOperator::as_str)),
        threshold: alarm.threshold().unwrap_or_default(),
        missing: alarm.treat_missing_data().unwrap_or(Missing::Unknown.word()).to_owned(),
        rings_at: alarm.alarm_actions().to_vec(),
        calms_at: alarm.ok_actions().to_vec(),
        enabled: alarm.actions_enabled().unwrap_or_default(),
        state: owned(alarm.state_value().map(StateValue::as_str)),
        reason: owned(alarm.state_reason()),
    }
}

/// Creates the alarm, or overwrites everything but its tags. One operation does both.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
async fn put(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
    let name = format!("{}{}", aws::log_prefix(&cx.id), address.name());
    let mut call = cx.aws.cloudwatch.put_metric_alarm().alarm_name(&name).set_tags(Some(aws::tags(&cx.id, address)));
    for field in Field::ALL {
        call = set(call, *field, desired)?;
    }
    call.customize().once().send().await.during("PutMetricAlarm")?;
    let (comparison, threshold) = desired.bad.sdk();
    let topic = desired.topic.get()?.to_owned();
    let mut dimensions = BTreeMap::new();
    for (name, of) in &desired.dimensions {
        dimensions.insert(name.clone(), of.get()?.to_owned());
    }
    Ok(Live {
        name,
        description: desired.description.clone(),
        metric: metric(desired),
        dimensions,
        statistic: desired.statistic.sdk().as_str().to_owned(),
        periods: periods(desired.bad_periods, desired.periods, desired.period),
        comparison: comparison.as_str().to_owned(),
        threshold,
        missing: desired.missing.word().to_owned(),
        rings_at: vec![topic.clone()],
        calms_at: vec![topic],
        enabled: true,
        state: StateValue::InsufficientData.as_str().to_owned(),
        reason: String::new(),
    })
}

/// Sets one field of the request.
fn set(call: PutMetricAlarm, field: Field, desired: &Desired) -> Result<PutMetricAlarm, Failure> {
    let (comparison, threshold) = desired.bad.sdk();
    Ok(match field {
        Field::Metric => call.namespace(&desired.namespace).metric_name(&desired.metric),
        Field::Statistic => call.statistic(desired.statistic.sdk()),
        Field::Periods => call
            .period(aws::signed(desired.period))
            .evaluation_periods(aws::signed(desired.periods))
            .datapoints_to_alarm(aws::signed(desired.bad_periods)),
        Field::Comparison => call.comparison_operator(comparison),
        Field::Threshold => call.threshold(threshold),
        Field::Missing => call.treat_missing_data(desired.missing.word()),
        Field::Description => call.alarm_description(&desired.description),
        Field::Enabled => call.actions_enabled(true),
        Field::Dimensions => {
            let dimensions = desired.dimensions.iter();
            let dimensions = dimensions.map(|(name, of)| Ok(Dimension::builder().name(name).value(of.get()?).build()));
            call.set_dimensions(Some(dimensions.collect::<Result<_, Failure>>()?))
        }
        Field::RingsAt => call.alarm_actions(desired.topic.get()?),
        Field::CalmsAt => call.ok_actions(desired.topic.get()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desired() -> Desired {
        Desired {
            description: "It is busy".into(),
            namespace: "AWS/ECS".into(),
            metric: "CPUUtilization".into(),
            dimensions: BTreeMap::from([("ServiceName".into(), "demo-default-web".into())]),
            statistic: Statistic::Average,
            period: 300,
            periods: 3,
            bad_periods: 3,
            bad: Bad::From(85.0),
            missing: Missing::Unknown,
            topic: "arn:topic".into(),
        }
    }

    /// Returns the alarm as `DescribeAlarms` reports it after `PutMetricAlarm`.
    fn sdk() -> MetricAlarm {
        MetricAlarm::builder()
            .alarm_name("/stackctl/demo/default/service-web-cpu")
            .alarm_description("It is busy")
            .namespace("AWS/ECS")
            .metric_name("CPUUtilization")
            .dimensions(Dimension::builder().name("ServiceName").value("demo-default-web").build())
            .statistic(SdkStatistic::Average)
            .period(300)
            .evaluation_periods(3)
            .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
            .threshold(85.0)
            .treat_missing_data("missing")
            .alarm_actions("arn:topic")
            .ok_actions("arn:topic")
            .actions_enabled(true)
            .state_value(StateValue::Ok)
            .build()
    }

    fn changed(desired: &Desired, live: &Live) -> Vec<String> {
        Alarm::diff(desired, live).into_iter().map(|change| change.field).collect()
    }

    #[test]
    fn unchanged_alarm_without_bad_periods_has_no_changes() {
        assert_eq!(changed(&desired(), &live(&sdk())), Vec::<String>::new());
    }

    #[test]
    fn each_different_part_of_an_alarm_is_a_separate_change() {
        let mut drifted = live(&sdk());
        drifted.threshold = 99.0;
        drifted.enabled = false;
        drifted.rings_at = Vec::new();
        drifted.dimensions.insert("ClusterName".into(), "other".into());
        assert_eq!(changed(&desired(), &drifted), ["threshold", "enabled", "of.ClusterName", "rings_at"]);
        let lower = Desired { bad: Bad::UpTo(85.0), bad_periods: 2, ..desired() };
        assert_eq!(changed(&lower, &live(&sdk())), ["periods", "comparison"]);
    }

    #[test]
    fn alarm_moves_to_the_replaced_target_group() {
        let group = Input::output(&Address::new("target_group", "web"), "dimension");
        let wanted = Desired { dimensions: BTreeMap::from([("ServiceName".into(), group)]), ..desired() };
        assert_eq!(changed(&wanted, &live(&sdk())), ["of.ServiceName"]);
    }

    #[test]
    fn status_shows_the_alarm_state_and_its_reason() {
        let ringing = Live { state: "ALARM".into(), reason: "3 datapoints".into(), ..live(&sdk()) };
        assert_eq!(Alarm::summary(&ringing).as_deref(), Some("ALARM: 3 datapoints"));
        assert_eq!(Alarm::summary(&live(&sdk())).as_deref(), Some("ok"));
    }
}
