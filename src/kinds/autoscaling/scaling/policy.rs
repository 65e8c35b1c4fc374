//! The policies of a scaling: what each follows, and how it is written to Application Auto Scaling and read back.

use aws_sdk_applicationautoscaling::types::{
    MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension, ScalingPolicy, ServiceNamespace,
    TargetTrackingScalingPolicyConfiguration,
};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Once, Outcome},
    kind::Context,
    model::{Failure, Input},
};

/// How long, in seconds, new tasks get to show in the measure before more are added: they serve within a minute, and the
/// measures come once a minute.
pub(super) const OUT_COOLDOWN: i32 = 60;

/// How long, in seconds, it waits before it takes away more; AWS's own default for ECS, slow so that a short calm does not
/// cost the tasks that the next minute needs.
/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html>
pub(super) const IN_COOLDOWN: i32 = 300;

/// A measure, and the value at which it is to be held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// What is measured.
    pub measure: Measure,
    /// Percent for `cpu` and `memory`; requests a minute and task for `requests`.
    pub target: u32,
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
}

impl Measure {
    /// Its key in stack.yaml; the policy has it as its name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Requests { .. } => "requests",
        }
    }

    /// AWS's name for it.
    /// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html>
    pub(super) fn metric(&self) -> MetricType {
        match self {
            Self::Cpu => MetricType::EcsServiceAverageCpuUtilization,
            Self::Memory => MetricType::EcsServiceAverageMemoryUtilization,
            Self::Requests { .. } => MetricType::AlbRequestCountPerTarget,
        }
    }

    /// Which requests are counted; empty where none are. None while it is not known.
    pub(super) fn label(&self) -> Option<String> {
        match self {
            Self::Cpu | Self::Memory => Some(String::new()),
            Self::Requests { load_balancer, target_group } => {
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
    let metric = tracking.and_then(|tracking| tracking.predefined_metric_specification());
    let seconds = |seconds: Option<i32>| seconds.unwrap_or_default();
    LivePolicy {
        name: policy.policy_name().to_owned(),
        metric: metric.map(|metric| metric.predefined_metric_type().as_str().to_owned()).unwrap_or_default(),
        label: metric.and_then(|metric| metric.resource_label()).unwrap_or_default().to_owned(),
        target: tracking.map(TargetTrackingScalingPolicyConfiguration::target_value).unwrap_or_default(),
        out_cooldown: seconds(tracking.and_then(TargetTrackingScalingPolicyConfiguration::scale_out_cooldown)),
        in_cooldown: seconds(tracking.and_then(TargetTrackingScalingPolicyConfiguration::scale_in_cooldown)),
    }
}

/// Makes or changes a policy; one of the same name is changed.
pub(super) async fn put(cx: &Context, resource: &str, policy: &Policy) -> Result<LivePolicy, Failure> {
    let label = policy.measure.label().ok_or_else(|| Failure::internal("the target group is not known yet"))?;
    let metric = PredefinedMetricSpecification::builder()
        .predefined_metric_type(policy.measure.metric())
        .set_resource_label(Some(label.clone()).filter(|label| !label.is_empty()))
        .build()
        .map_err(|error| Failure::internal(error.to_string()))?;
    let tracking = TargetTrackingScalingPolicyConfiguration::builder()
        .target_value(f64::from(policy.target))
        .predefined_metric_specification(metric)
        .scale_out_cooldown(OUT_COOLDOWN)
        .scale_in_cooldown(IN_COOLDOWN)
        .build()
        .map_err(|error| Failure::internal(error.to_string()))?;
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
        metric: policy.measure.metric().as_str().to_owned(),
        label,
        target: f64::from(policy.target),
        out_cooldown: OUT_COOLDOWN,
        in_cooldown: IN_COOLDOWN,
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
