//! Finds the origin of 5xx responses: the load balancer, because no task responded, or the application in a task. AWS
//! counts the two separately.
//!
//! - <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
//! - <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html>

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::{
    primitives::DateTime,
    types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat},
};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    aws::Outcome,
    kind::Context,
    kinds::elb,
    model::{Failure, LiveResource, Permission},
};

/// The permission to read the metrics. CloudWatch supports no narrower resource.
pub const PERMISSION: Permission = Permission::look(&["cloudwatch:GetMetricData"]);

/// The shortest period of AWS metrics, in seconds.
const PERIOD: i32 = 60;

/// The maximum number of metrics in one call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const AT_ONCE: usize = 500;

/// The metrics of the load balancer's own responses, with their status codes.
const OWN: [(&str, &str); 3] =
    [("HTTPCode_ELB_502_Count", "502"), ("HTTPCode_ELB_503_Count", "503"), ("HTTPCode_ELB_504_Count", "504")];

/// The metric of the responses from tasks.
const TARGETS: &str = "HTTPCode_Target_5XX_Count";

/// The number of 5xx responses from one origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    /// The service whose application responded. `None` for the load balancer.
    pub service: Option<String>,
    /// `502`, `503` or `504` from the load balancer, or `5xx` from an application.
    pub status: &'static str,
    /// The number of responses.
    pub count: u64,
}

/// A metric to read.
struct Measure {
    service: Option<String>,
    status: &'static str,
    metric: Metric,
}

/// The ARNs of the load balancers and the target groups whose responses are counted.
pub struct Counted {
    balancers: Vec<String>,
    groups: BTreeMap<String, String>,
}

/// The part of a live resource that is needed here.
#[derive(Deserialize)]
struct WithArn {
    arn: String,
}

impl Counted {
    /// Returns the load balancers and target groups among `live`. `None` without a load balancer.
    ///
    /// # Errors
    /// Returns an error if a resource has an unexpected form.
    pub fn among(live: &[LiveResource]) -> Result<Option<Self>, Failure> {
        let of_kind = |kind: &'static str| live.iter().filter(move |resource| resource.address.kind() == kind);
        let balancers = of_kind("load_balancer").map(|balancer| Ok(balancer.decoded::<WithArn>()?.arn));
        let balancers: Vec<String> = balancers.collect::<Result<_, Failure>>()?;
        if balancers.is_empty() {
            return Ok(None);
        }
        let groups =
            of_kind("target_group").map(|group| Ok((group.address.name().to_owned(), group.decoded::<WithArn>()?.arn)));
        Ok(Some(Self { balancers, groups: groups.collect::<Result<_, Failure>>()? }))
    }

    /// Returns the 5xx responses since `start`, with one entry for each origin that has any. AWS counts a response
    /// after one or two minutes.
    ///
    /// # Errors
    /// Returns an error if AWS rejects a call.
    pub async fn since(&self, cx: &Context, start: Timestamp) -> Result<Vec<Errors>, Failure> {
        let measures = self.measures();
        let mut errors = Vec::new();
        for some in measures.chunks(AT_ONCE) {
            let call = cx
                .aws
                .cloudwatch
                .get_metric_data()
                .start_time(DateTime::from_secs(start.as_second()))
                .end_time(DateTime::from_secs(Timestamp::now().as_second() + i64::from(PERIOD)))
                .set_metric_data_queries(Some(queries(some)));
            let pages: Vec<_> = call.into_paginator().send().try_collect().await.during("GetMetricData")?;
            let results: Vec<MetricDataResult> =
                pages.into_iter().flat_map(|page| page.metric_data_results.unwrap_or_default()).collect();
            errors.extend(counted(some, &results));
        }
        Ok(errors)
    }

    fn measures(&self) -> Vec<Measure> {
        let dimension = |name: &str, arn: &str| Dimension::builder().name(name).value(elb::dimension(arn)).build();
        let mut measures = Vec::new();
        for balancer in &self.balancers {
            let metric = |name: &str| {
                let of = dimension("LoadBalancer", balancer);
                Metric::builder().namespace("AWS/ApplicationELB").metric_name(name).dimensions(of)
            };
            let own = OWN.iter().map(|(name, status)| Measure { service: None, status, metric: metric(name).build() });
            measures.extend(own);
            // A target group is behind one of the load balancers. For the others, AWS has no data on it.
            measures.extend(self.groups.iter().map(|(service, arn)| Measure {
                service: Some(service.clone()),
                status: "5xx",
                metric: metric(TARGETS).dimensions(dimension("TargetGroup", arn)).build(),
            }));
        }
        measures
    }
}

fn queries(measures: &[Measure]) -> Vec<MetricDataQuery> {
    let query = |(place, measure): (usize, &Measure)| {
        let sum = MetricStat::builder().metric(measure.metric.clone()).period(PERIOD).stat("Sum").build();
        MetricDataQuery::builder().id(id(place)).metric_stat(sum).build()
    };
    measures.iter().enumerate().map(query).collect()
}

/// Returns the id of a query. CloudWatch requires a lowercase letter at the start.
fn id(place: usize) -> String {
    format!("m{place}")
}

/// Returns the metrics that are not zero.
fn counted(measures: &[Measure], results: &[MetricDataResult]) -> Vec<Errors> {
    let mut errors = Vec::new();
    for (place, measure) in measures.iter().enumerate() {
        let of = results.iter().filter(|result| result.id() == Some(&id(place)));
        let sum: f64 = of.flat_map(MetricDataResult::values).sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a number of answers")]
        let count = sum as u64;
        if count > 0 {
            errors.push(Errors { service: measure.service.clone(), status: measure.status, count });
        }
    }
    errors
}

impl Errors {
    /// Returns the origin, the status code and the number of responses as text.
    pub fn words(&self) -> String {
        let times = if self.count == 1 { "once".to_owned() } else { format!("{} times", self.count) };
        match &self.service {
            None => format!("the load balancer itself returned {} {times}", self.status),
            Some(service) => format!("the application {service} returned {} {times}", self.status),
        }
    }

    /// Returns the likely cause.
    pub fn likely_cause(&self) -> &'static str {
        match (&self.service, self.status) {
            (Some(_), _) => "The application returned the error; the load balancer only passed it on.",
            (None, "502") => {
                "A task closed the connection before it answered: its server closes idle connections before the load \
                 balancer does (60 s), or the task crashed."
            }
            (None, "503") => "No healthy task was available.",
            (None, _) => "A task did not answer within 60 s, or did not accept a connection within 10 s.",
        }
    }

    /// Returns the next step.
    pub fn next(&self) -> String {
        match (&self.service, self.status) {
            (Some(service), _) => format!("Run `stackctl logs {service}` to see the errors."),
            (None, "502") => "Set the keep-alive timeout of the server to more than 60 s: keepAliveTimeout in Node, \
                              --timeout-keep-alive in uvicorn, --keep-alive in gunicorn. If tasks stopped, run \
                              `stackctl logs` to see why."
                .to_owned(),
            (None, "503") => "Run `stackctl status` to see how many tasks run, and `stackctl logs` to see why others \
                              stopped."
                .to_owned(),
            (None, _) => "Answer faster, or do the work after answering. Run `stackctl logs` to see what takes so \
                          long."
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(place: usize, values: &[f64]) -> MetricDataResult {
        MetricDataResult::builder().id(id(place)).set_values(Some(values.to_vec())).build()
    }

    #[test]
    fn each_origin_of_5xx_responses_is_counted_separately() {
        let balancer = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/shop/1".to_owned();
        let group = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/shop-web/2".to_owned();
        let measures =
            Counted { balancers: vec![balancer], groups: BTreeMap::from([("web".to_owned(), group)]) }.measures();
        let asked: Vec<String> = queries(&measures)
            .iter()
            .map(|query| {
                let metric = query.metric_stat().and_then(MetricStat::metric).expect("each has one");
                let of: Vec<&str> = metric.dimensions().iter().filter_map(Dimension::value).collect();
                format!("{} {}", metric.metric_name().unwrap_or_default(), of.join(" "))
            })
            .collect();
        assert_eq!(
            asked,
            [
                "HTTPCode_ELB_502_Count app/shop/1",
                "HTTPCode_ELB_503_Count app/shop/1",
                "HTTPCode_ELB_504_Count app/shop/1",
                "HTTPCode_Target_5XX_Count app/shop/1 targetgroup/shop-web/2",
            ]
        );
        let errors = counted(&measures, &[result(0, &[1.0, 2.0]), result(1, &[]), result(3, &[1.0])]);
        let words: Vec<String> = errors.iter().map(Errors::words).collect();
        assert_eq!(words, ["the load balancer itself returned 502 3 times", "the application web returned 5xx once"]);
        assert!(errors[0].next().contains("keepAliveTimeout"), "{}", errors[0].next());
        assert!(errors[1].next().contains("stackctl logs web"), "{}", errors[1].next());
    }
}
