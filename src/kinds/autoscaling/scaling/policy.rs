//! The policies of a scaling: what each follows, and how it is written to Application Auto Scaling and read back.

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

/// How long autoscaling waits between two changes, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cooldown {
    /// How long new tasks get to show in the measure before more are added.
    pub out: u32,
    /// How long it waits before it takes away more.
    pub r#in: u32,
}

impl Default for Cooldown {
    /// Tasks serve within a minute, and the measures come once a minute. Away they go slowly, as is AWS's own default for ECS, so
    /// that a short calm does not cost the tasks that the next minute needs.
    /// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html>
    fn default() -> Self {
        Self { out: 60, r#in: 300 }
    }
}

impl Cooldown {
    /// Whether it is the one that holds where nothing is said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What CloudWatch calls the time in which tasks answer.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
const RESPONSE_TIME: &str = "TargetResponseTime";

/// A measure, and the value at which it is to be held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// What is measured.
    pub measure: Measure,
    /// Percent for `cpu` and `memory`; requests a minute and task for `requests`; milliseconds for `response_time`.
    pub target: u32,
}

impl Policy {
    /// The value as AWS has it: times are in seconds.
    pub(super) fn value(&self) -> f64 {
        match self.measure {
            Measure::ResponseTime { .. } => f64::from(self.target) / 1000.0,
            Measure::Cpu | Measure::Memory | Measure::Requests { .. } => f64::from(self.target),
        }
    }
}

/// What autoscaling can follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The tasks' average use of their CPU.
    Cpu,
    /// The tasks' average use of their memory.
    Memory,
    /// The requests that the load balancer sends to each task.
    Requests {
        /// The load balancer's name in CloudWatch, `app/…`.
        load_balancer: Input,
        /// The target group's name in CloudWatch, `targetgroup/…`.
        target_group: Input,
    },
    /// The time in which the tasks answer the load balancer on average.
    ResponseTime {
        /// The load balancer's name in CloudWatch, `app/…`.
        load_balancer: Input,
        /// The target group's name in CloudWatch, `targetgroup/…`.
        target_group: Input,
    },
}

impl Measure {
    /// Its key in stack.yaml; the policy has it as its name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Requests { .. } => "requests",
            Self::ResponseTime { .. } => "response_time",
        }
    }

    /// AWS's name for it.
    pub(super) fn metric(&self) -> String {
        self.predefined().map_or(RESPONSE_TIME.to_owned(), |metric| metric.as_str().to_owned())
    }

    /// The measure that Application Auto Scaling knows by itself, if it is one.
    /// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html>
    fn predefined(&self) -> Option<MetricType> {
        match self {
            Self::Cpu => Some(MetricType::EcsServiceAverageCpuUtilization),
            Self::Memory => Some(MetricType::EcsServiceAverageMemoryUtilization),
            Self::Requests { .. } => Some(MetricType::AlbRequestCountPerTarget),
            Self::ResponseTime { .. } => None,
        }
    }

    /// Which requests are counted; empty where none are. None while it is not known.
    pub(super) fn label(&self) -> Option<String> {
        match self {
            Self::Cpu | Self::Memory => Some(String::new()),
            Self::Requests { load_balancer, target_group } | Self::ResponseTime { load_balancer, target_group } => {
                Some(format!("{}/{}", load_balancer.known()?, target_group.known()?))
            }
        }
    }
}

/// A policy that AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LivePolicy {
    /// Its name.
    pub name: String,
    /// AWS's name of what it follows; empty for a policy of another sort.
    pub metric: String,
    /// Which requests are counted; empty where none are.
    pub label: String,
    /// The value at which that is held.
    pub target: f64,
    /// Seconds from one adding of tasks to the next.
    pub out_cooldown: i32,
    /// Seconds from one taking of tasks to the next.
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

/// Makes or changes a policy; one of the same name is changed.
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
