//! An in-memory model of Application Auto Scaling with the operations that the scaling kind calls, as the API reference
//! describes them. It accepts every service and load balancer.
//!
//! <https://docs.aws.amazon.com/autoscaling/application/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::{
    operation::{
        delete_scaling_policy::{DeleteScalingPolicyError, DeleteScalingPolicyInput, DeleteScalingPolicyOutput},
        delete_scheduled_action::{
            DeleteScheduledActionError, DeleteScheduledActionInput, DeleteScheduledActionOutput,
        },
        deregister_scalable_target::{
            DeregisterScalableTargetError, DeregisterScalableTargetInput, DeregisterScalableTargetOutput,
        },
        describe_scalable_targets::{
            DescribeScalableTargetsError, DescribeScalableTargetsInput, DescribeScalableTargetsOutput,
        },
        describe_scaling_policies::{
            DescribeScalingPoliciesError, DescribeScalingPoliciesInput, DescribeScalingPoliciesOutput,
        },
        describe_scheduled_actions::{
            DescribeScheduledActionsError, DescribeScheduledActionsInput, DescribeScheduledActionsOutput,
        },
        put_scaling_policy::{PutScalingPolicyError, PutScalingPolicyInput, PutScalingPolicyOutput},
        put_scheduled_action::{PutScheduledActionError, PutScheduledActionInput, PutScheduledActionOutput},
        register_scalable_target::{
            RegisterScalableTargetError, RegisterScalableTargetInput, RegisterScalableTargetOutput,
        },
    },
    primitives::DateTime,
    types::{
        MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension, ScalableTarget, ScalingPolicy,
        ScheduledAction, ServiceNamespace, TargetTrackingScalingPolicyConfiguration as TargetTracking,
        builders::ScheduledActionBuilder,
    },
};

use crate::aws::model::{Cloud, Refusal, Service, line};

/// The scalable targets with their tags, the policies and the scheduled actions of the account in the region.
#[derive(Clone, Default)]
pub(super) struct AutoScaling {
    /// Targets with their tags, by resource id.
    targets: BTreeMap<String, (ScalableTarget, Vec<(String, String)>)>,
    policies: Vec<ScalingPolicy>,
    actions: Vec<ScheduledAction>,
}

impl Service for AutoScaling {
    fn present(&self) -> Vec<String> {
        let targets = self.targets.values().map(|(target, tags)| {
            format!("{} {} to {}", line("scalable target", tags), target.min_capacity(), target.max_capacity())
        });
        let policies = self.policies.iter().map(|policy| format!("{policy:?}"));
        targets.chain(policies).chain(self.actions.iter().map(|action| format!("{action:?}"))).collect()
    }
}

/// Returns an AWS with Application Auto Scaling and a scalable target that belongs to no stack.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(RegisterScalableTargetError::generic, register);
    cloud.on(DescribeScalableTargetsError::generic, describe);
    cloud.on(DeregisterScalableTargetError::generic, deregister);
    cloud.on(PutScalingPolicyError::generic, put_policy);
    cloud.on(DescribeScalingPoliciesError::generic, describe_policies);
    cloud.on(DeleteScalingPolicyError::generic, delete_policy);
    cloud.on(PutScheduledActionError::generic, put_action);
    cloud.on(DescribeScheduledActionsError::generic, describe_actions);
    cloud.on(DeleteScheduledActionError::generic, delete_action);
    cloud.with(|scaling: &mut AutoScaling| {
        let of_nobody = "service/main/of-somebody-else";
        scaling.targets.insert(of_nobody.to_owned(), (target(of_nobody, 1, 2), Vec::new()));
        scaling.policies.push(policy(of_nobody, "cpu", None));
    });
    cloud
}

impl AutoScaling {
    /// Changes the stacks' policies called `name`, as a user of the console would.
    pub(super) fn change(&mut self, name: &str, change: impl Fn(&mut TargetTracking)) {
        let policies = self.policies.iter_mut().filter(|policy| policy.policy_name == name);
        policies.filter_map(|policy| policy.target_tracking_scaling_policy_configuration.as_mut()).for_each(change);
    }

    /// Adds a memory policy to every target of a stack.
    pub(super) fn add_policy(&mut self) {
        let metric = PredefinedMetricSpecification::builder()
            .predefined_metric_type(MetricType::EcsServiceAverageMemoryUtilization)
            .build();
        let metric = metric.expect("the metric is given");
        let tracking = TargetTracking::builder().target_value(50.0).predefined_metric_specification(metric);
        let tracking = tracking.build().expect("the value is given");
        for (resource, (_, tags)) in &self.targets {
            if !tags.is_empty() {
                self.policies.push(policy(resource, "of-somebody-else", Some(tracking.clone())));
            }
        }
    }

    /// Removes the stacks' policies called `name`.
    pub(super) fn remove_policy(&mut self, name: &str) {
        self.policies.retain(|policy| {
            policy.policy_name != name || policy.target_tracking_scaling_policy_configuration.is_none()
        });
    }

    /// Removes the stacks' scheduled actions called `name`.
    pub(super) fn remove_action(&mut self, name: &str) {
        self.actions.retain(|action| action.scheduled_action_name != name);
    }

    /// Adds a scheduled action to every target of a stack.
    pub(super) fn add_action(&mut self) {
        for (resource, (_, tags)) in &self.targets {
            if !tags.is_empty() {
                let action = action(resource, "of-somebody-else").schedule("rate(1 day)");
                self.actions.push(action.build().expect("all of it is given"));
            }
        }
    }

    fn target(&mut self, resource: Option<&str>) -> Result<&mut ScalableTarget, Refusal> {
        let target = self.targets.get_mut(resource.unwrap_or_default());
        target.map(|(target, _)| target).ok_or_else(|| absent("scalable target"))
    }
}

fn absent(what: &str) -> Refusal {
    Refusal::new("ObjectNotFoundException", format!("No {what} found"))
}

fn target(resource: &str, min: i32, max: i32) -> ScalableTarget {
    let target = ScalableTarget::builder()
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .min_capacity(min)
        .max_capacity(max)
        .role_arn("role-of-the-service")
        .creation_time(DateTime::from_secs(0));
    target.build().expect("all of it is given")
}

fn policy(resource: &str, name: &str, tracking: Option<TargetTracking>) -> ScalingPolicy {
    let policy = ScalingPolicy::builder()
        .policy_arn(format!("arn of {name}"))
        .policy_name(name)
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .policy_type(PolicyType::TargetTrackingScaling)
        .set_target_tracking_scaling_policy_configuration(tracking)
        .creation_time(DateTime::from_secs(0));
    policy.build().expect("all of it is given")
}

/// Creates or changes a target. Only a new target accepts tags.
fn register(
    scaling: &mut AutoScaling,
    input: &RegisterScalableTargetInput,
) -> Result<RegisterScalableTargetOutput, Refusal> {
    let resource = input.resource_id().unwrap_or_default();
    let invalid = |what: &str| Err(Refusal::new("ValidationException", what));
    if input.min_capacity() > input.max_capacity() {
        return invalid("Maximum capacity cannot be less than minimum capacity");
    }
    let tags = match scaling.targets.get(resource) {
        Some(_) if input.tags().is_some() => {
            return invalid("tags cannot be specified for a target that is registered");
        }
        Some((_, tags)) => tags.clone(),
        None => {
            let mut tags: Vec<(String, String)> = input.tags.clone().unwrap_or_default().into_iter().collect();
            tags.sort();
            tags
        }
    };
    let target = target(resource, input.min_capacity().unwrap_or_default(), input.max_capacity().unwrap_or_default());
    scaling.targets.insert(resource.to_owned(), (target, tags));
    Ok(RegisterScalableTargetOutput::builder().build())
}

fn describe(
    scaling: &mut AutoScaling,
    input: &DescribeScalableTargetsInput,
) -> Result<DescribeScalableTargetsOutput, Refusal> {
    let is_meant = |resource: &String| input.resource_ids().is_empty() || input.resource_ids().contains(resource);
    let shown = scaling.targets.iter().filter(|(resource, _)| is_meant(resource));
    let shown = shown.map(|(_, (target, _))| target.clone()).collect();
    Ok(DescribeScalableTargetsOutput::builder().set_scalable_targets(Some(shown)).build())
}

/// Deletes a target with its policies and scheduled actions.
fn deregister(
    scaling: &mut AutoScaling,
    input: &DeregisterScalableTargetInput,
) -> Result<DeregisterScalableTargetOutput, Refusal> {
    let resource = scaling.target(input.resource_id())?.resource_id().to_owned();
    scaling.targets.remove(&resource);
    scaling.policies.retain(|policy| policy.resource_id() != resource);
    scaling.actions.retain(|action| action.resource_id() != resource);
    Ok(DeregisterScalableTargetOutput::builder().build())
}

/// Creates a policy, or overwrites the policy of the same name.
fn put_policy(scaling: &mut AutoScaling, input: &PutScalingPolicyInput) -> Result<PutScalingPolicyOutput, Refusal> {
    let resource = scaling.target(input.resource_id())?.resource_id().to_owned();
    let name = input.policy_name().unwrap_or_default();
    let put = policy(&resource, name, input.target_tracking_scaling_policy_configuration.clone());
    scaling.policies.retain(|policy| (policy.resource_id(), policy.policy_name()) != (resource.as_str(), name));
    scaling.policies.push(put);
    Ok(PutScalingPolicyOutput::builder().policy_arn(format!("arn of {name}")).build().expect("the ARN is given"))
}

fn describe_policies(
    scaling: &mut AutoScaling,
    _: &DescribeScalingPoliciesInput,
) -> Result<DescribeScalingPoliciesOutput, Refusal> {
    Ok(DescribeScalingPoliciesOutput::builder().set_scaling_policies(Some(scaling.policies.clone())).build())
}

fn delete_policy(
    scaling: &mut AutoScaling,
    input: &DeleteScalingPolicyInput,
) -> Result<DeleteScalingPolicyOutput, Refusal> {
    let is_meant = |policy: &ScalingPolicy| {
        (Some(policy.resource_id()), Some(policy.policy_name())) == (input.resource_id(), input.policy_name())
    };
    let at = scaling.policies.iter().position(is_meant).ok_or_else(|| absent("scaling policy"))?;
    scaling.policies.remove(at);
    Ok(DeleteScalingPolicyOutput::builder().build())
}

fn action(resource: &str, name: &str) -> ScheduledActionBuilder {
    ScheduledAction::builder()
        .scheduled_action_arn(format!("arn of {name}"))
        .scheduled_action_name(name)
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .creation_time(DateTime::from_secs(0))
}

/// Creates a scheduled action, or overwrites the action of the same name.
fn put_action(scaling: &mut AutoScaling, input: &PutScheduledActionInput) -> Result<PutScheduledActionOutput, Refusal> {
    let resource = scaling.target(input.resource_id())?.resource_id().to_owned();
    let name = input.scheduled_action_name().unwrap_or_default();
    let put = action(&resource, name)
        .schedule(input.schedule().unwrap_or_default())
        .set_timezone(input.timezone.clone())
        .set_scalable_target_action(input.scalable_target_action.clone());
    scaling.actions.retain(|has| (has.resource_id(), has.scheduled_action_name()) != (resource.as_str(), name));
    scaling.actions.push(put.build().expect("all of it is given"));
    Ok(PutScheduledActionOutput::builder().build())
}

fn describe_actions(
    scaling: &mut AutoScaling,
    _: &DescribeScheduledActionsInput,
) -> Result<DescribeScheduledActionsOutput, Refusal> {
    Ok(DescribeScheduledActionsOutput::builder().set_scheduled_actions(Some(scaling.actions.clone())).build())
}

fn delete_action(
    scaling: &mut AutoScaling,
    input: &DeleteScheduledActionInput,
) -> Result<DeleteScheduledActionOutput, Refusal> {
    let is_meant = |action: &ScheduledAction| {
        (Some(action.resource_id()), Some(action.scheduled_action_name()))
            == (input.resource_id(), input.scheduled_action_name())
    };
    let at = scaling.actions.iter().position(is_meant).ok_or_else(|| absent("scheduled action"))?;
    scaling.actions.remove(at);
    Ok(DeleteScheduledActionOutput::builder().build())
}
