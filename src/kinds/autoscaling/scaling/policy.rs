//! The policies of a scaling: what each one tracks, and how it is written to and read from Application Auto Scaling.

use aws_sdk_applicationautoscaling::types::{
    CustomizedMetricSpecification, MetricDimension, MetricStatistic, MetricType, PolicyType,
    PredefinedMetricSpecification, ScalableDimension, ScalingPolicy, ServiceNamespace,
    TargetTrackingScalingPolicyConfiguration,
};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome},
    kind::Context,
    model::{Failure, Input},
};

/// The cooldown periods of autoscaling, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cooldown {
    /// The wait after adding tasks, so that the metric reflects them before more are added.
    pub out: u32,
    /// The wait after removing tasks, before more are removed.
    pub r#in: u32,
}

impl Default for Cooldown {
    /// New tasks serve requests within a minute, and CloudWatch receives the metrics once a minute. Tasks are removed
    /// slowly, as with the ECS default, so that a short quiet period does not remove tasks that the next minute needs.
    /// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html>
    fn default() -> Self {
        Self { out: 60, r#in: 300 }
    }
}

impl Cooldown {
    /// Whether this is the default.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The CloudWatch metric for the response time of the targets.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
const RESPONSE_TIME: &str = "TargetResponseTime";

/// A measure and its target value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// What is measured.
    pub measure: Measure,
    /// The target value: percent for `cpu` and `memory`, requests per minute and task for `requests`, milliseconds for
    /// `response_time`.
    pub target: u32,
}

impl Policy {
    /// Returns the target value in the unit of AWS, which uses seconds for times.
    pub(super) fn value(&self) -> f64 {
        match self.measure {
            Measure::ResponseTime { .. } => f64::from(self.target) / 1000.0,
            Measure::Cpu | Measure::Memory | Measure::Requests { .. } => f64::from(self.target),
        }
    }
}

/// A measure that autoscaling can track.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The average CPU use of the tasks.
    Cpu,
    /// The average memory use of the tasks.
    Memory,
    /// The number of requests that the load balancer sends to each task.
    Requests {
        /// The load balancer's name in CloudWatch, `app/…`.
        load_balancer: Input,
        /// The target group's name in CloudWatch, `targetgroup/…`.
        target_group: Input,
    },
    /// The average time in which the tasks respond to the load balancer.
    ResponseTime {
        /// The load balancer's name in CloudWatch, `app/…`.
        load_balancer: Input,
        /// The target group's name in CloudWatch, `targetgroup/…`.
        target_group: Input,
    },
}

impl Measure {
    /// Returns its key in stack.yaml, which is also the policy name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Requests { .. } => "requests",
            Self::ResponseTime { .. } => "response_time",
        }
    }

    /// Returns the AWS name of the metric.
    pub(super) fn metric(&self) -> String {
        self.predefined().map_or(RESPONSE_TIME.to_owned(), |metric| metric.as_str().to_owned())
    }

    /// Returns the predefined metric of Application Auto Scaling for this measure, if there is one.
    /// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html>
    fn predefined(&self) -> Option<MetricType> {
        match self {
            Self::Cpu => Some(MetricType::EcsServiceAverageCpuUtilization),
            Self::Memory => Some(MetricType::EcsServiceAverageMemoryUtilization),
            Self::Requests { .. } => Some(MetricType::AlbRequestCountPerTarget),
            Self::ResponseTime { .. } => None,
        }
    }

    /// Returns the load balancer and target group whose requests are counted. Empty for measures that count no
    /// requests, `None` until both are known.
    pub(super) fn label(&self) -> Option<String> {
        match self {
            Self::Cpu | Self::Memory => Some(String::new()),
            Self::Requests { load_balancer, target_group } | Self::ResponseTime { load_balancer, target_group } => {
                Some(format!("{}/{}", load_balancer.known()?, target_group.known()?))
            }
        }
    }
}

/// A scaling policy as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LivePolicy {
    /// Its name.
    pub name: String,
    /// The AWS name of the metric. Empty for other types of policy.
    pub metric: String,
    /// The load balancer and target group whose requests are counted. Empty if the metric counts no requests.
    pub label: String,
    /// The target value.
    pub target: f64,
    /// The scale-out cooldown in seconds.
    pub out_cooldown: i32,
    /// The scale-in cooldown in seconds.
    pub in_cooldown: i32,
}

pub(super) fn live(policy: &ScalingPolicy) -> LivePolicy {
    let tracking = policy.target_tracking_scaling_policy_configuration();
    let predefined = tracking.and_then(|tracking| tracking.predefined_metric_specification());
    let customized = tracking.and_then(|tracking| tracking.customized_metric_specification());
    let of = |name: &str| {
        let dimensions = customized.map(CustomizedMetricSpecification::dimensions).unwrap_or_default();
        dimensions.iter().find(|dimension| dimension.name() == name).map_or("", |dimension| dimension.value())
    };
    let (metric, label) = match (predefined, customized.and_then(|metric| metric.metric_name())) {
        (Some(metric), _) => (
            metric.predefined_metric_type().as_str().to_owned(),
            metric.resource_label().unwrap_or_default().to_owned(),
        ),
        (None, Some(name)) => (name.to_owned(), format!("{}/{}", of("LoadBalancer"), of("TargetGroup"))),
        (None, None) => Default::default(),
    };
    let seconds = |seconds: Option<i32>| seconds.unwrap_or_default();
    LivePolicy {
        name: policy.policy_name().to_owned(),
        metric,
        label,
        target: tracking.map(TargetTrackingScalingPolicyConfiguration::target_value).unwrap_or_default(),
        out_cooldown: seconds(tracking.and_then(TargetTrackingScalingPolicyConfiguration::scale_out_cooldown)),
        in_cooldown: seconds(tracking.and_then(TargetTrackingScalingPolicyConfiguration::scale_in_cooldown)),
    }
}

/// Creates a policy, or changes the policy of the same name.
pub(super) async fn put(
    cx: &Context,
    resource: &str,
    policy: &Policy,
    cooldown: Cooldown,
) -> Result<LivePolicy, Failure> {
    let label = policy.measure.label().ok_or_else(|| Failure::internal("the target group is not known yet"))?;
    let (out, r#in) = (aws::signed(cooldown.out), aws::signed(cooldown.r#in));
    let tracking = TargetTrackingScalingPolicyConfiguration::builder()
        .target_value(policy.value())
        .scale_out_cooldown(out)
        .scale_in_cooldown(r#in);
    let tracking = match (policy.measure.predefined(), &policy.measure) {
        (Some(metric), _) => {
            let metric = PredefinedMetricSpecification::builder().predefined_metric_type(metric);
            let metric = metric.set_resource_label(Some(label.clone()).filter(|label| !label.is_empty()));
            tracking.predefined_metric_specification(metric.build().map_err(aws::incomplete)?)
        }
        (None, Measure::ResponseTime { load_balancer, target_group }) => {
            let dimension = |name: &str, value: &str| {
                MetricDimension::builder().name(name).value(value).build().map_err(aws::incomplete)
            };
            let metric = CustomizedMetricSpecification::builder()
                .namespace("AWS/ApplicationELB")
                .metric_name(RESPONSE_TIME)
                .statistic(MetricStatistic::Average)
                .dimensions(dimension("LoadBalancer", load_balancer.get()?)?)
                .dimensions(dimension("TargetGroup", target_group.get()?)?);
            tracking.customized_metric_specification(metric.build())
        }
        (None, other) => return Err(Failure::internal(format!("{} has no metric", other.name()))),
    };
    let tracking = tracking.build().map_err(aws::incomplete)?;
    let call = cx
        .aws
        .autoscaling
        .put_scaling_policy()
        .policy_name(policy.measure.name())
        .policy_type(PolicyType::TargetTrackingScaling)
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .target_tracking_scaling_policy_configuration(tracking);
    call.customize().once().send().await.during("PutScalingPolicy")?;
    Ok(LivePolicy {
        name: policy.measure.name().to_owned(),
        metric: policy.measure.metric(),
        label,
        target: policy.value(),
        out_cooldown: out,
        in_cooldown: r#in,
    })
}

pub(super) async fn delete(cx: &Context, resource: &str, name: &str) -> Result<(), Failure> {
    let call = cx
        .aws
        .autoscaling
        .delete_scaling_policy()
        .policy_name(name)
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
    let answer = call.customize().once().send().await;
    answer.or_absent("DeleteScalingPolicy", &["ObjectNotFoundException"]).map(drop)
}
