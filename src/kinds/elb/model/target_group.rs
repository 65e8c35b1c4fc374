//! The operations on target groups.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::{
    operation::{
        create_target_group::{CreateTargetGroupError, CreateTargetGroupInput, CreateTargetGroupOutput},
        delete_target_group::{DeleteTargetGroupError, DeleteTargetGroupInput, DeleteTargetGroupOutput},
        describe_target_group_attributes::{
            DescribeTargetGroupAttributesError, DescribeTargetGroupAttributesInput, DescribeTargetGroupAttributesOutput,
        },
        describe_target_groups::{DescribeTargetGroupsError, DescribeTargetGroupsInput, DescribeTargetGroupsOutput},
        modify_target_group::{ModifyTargetGroupError, ModifyTargetGroupInput, ModifyTargetGroupOutput},
        modify_target_group_attributes::{
            ModifyTargetGroupAttributesError, ModifyTargetGroupAttributesInput, ModifyTargetGroupAttributesOutput,
        },
    },
    types::{Action, Listener, TargetGroup, TargetGroupAttribute},
};

use super::state::{Elb, find, groups};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateTargetGroupError::generic, create);
    cloud.on(DescribeTargetGroupsError::generic, describe);
    cloud.on(DescribeTargetGroupAttributesError::generic, describe_attributes);
    cloud.on(ModifyTargetGroupError::generic, modify);
    cloud.on(ModifyTargetGroupAttributesError::generic, modify_attributes);
    cloud.on(DeleteTargetGroupError::generic, delete);
}

pub(super) fn line(elb: &Elb, group: &TargetGroup) -> String {
    let arn = group.target_group_arn();
    let mut without_arn = group.clone();
    without_arn.target_group_arn = None;
    format!("{} {without_arn:?} {:?}", elb.line("target group", arn), elb.attributes_of(arn))
}

impl Elb {
    pub(super) fn group(&self, arn: Option<&str>) -> Result<usize, Refusal> {
        find(&self.groups, TargetGroup::target_group_arn, arn, "TargetGroupNotFound")
    }
}

/// Creates a target group. If one with the same name and settings exists, returns that one.
fn create(elb: &mut Elb, input: &CreateTargetGroupInput) -> Result<CreateTargetGroupOutput, Refusal> {
    let name = input.name().unwrap_or_default();
    if input.health_check_timeout_seconds() >= input.health_check_interval_seconds() {
        return Err(Refusal::new("ValidationError", "Health check interval must be greater than the timeout."));
    }
    let group = TargetGroup::builder()
        .target_group_name(name)
        .set_protocol(input.protocol.clone())
        .set_protocol_version(input.protocol_version.clone())
        .set_port(input.port)
        .set_vpc_id(input.vpc_id.clone())
        .set_health_check_protocol(input.health_check_protocol.clone())
        .set_health_check_enabled(input.health_check_enabled)
        .set_health_check_path(input.health_check_path.clone())
        .set_health_check_interval_seconds(input.health_check_interval_seconds)
        .set_health_check_timeout_seconds(input.health_check_timeout_seconds)
        .set_healthy_threshold_count(input.healthy_threshold_count)
        .set_unhealthy_threshold_count(input.unhealthy_threshold_count)
        .set_matcher(input.matcher.clone())
        .set_health_check_port(input.health_check_port.clone())
        .set_target_type(input.target_type.clone());
    let there = elb.groups.iter().find(|group| group.target_group_name() == Some(name));
    if let Some(there) = there {
        if group.set_target_group_arn(there.target_group_arn.clone()).build() != *there {
            return Err(Refusal::new("DuplicateTargetGroupName", "A target group with this name already exists"));
        }
        return Ok(CreateTargetGroupOutput::builder().target_groups(there.clone()).build());
    }
    let prefix = format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{name}");
    let arn = elb.arn(&prefix, input.tags());
    let attributes = [
        ("deregistration_delay.timeout_seconds", "300"),
        ("stickiness.enabled", "false"),
        ("stickiness.type", "lb_cookie"),
        ("stickiness.lb_cookie.duration_seconds", "86400"),
    ];
    let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned()));
    elb.attributes.insert(arn.clone(), BTreeMap::from(attributes));
    let group = group.target_group_arn(arn).build();
    elb.groups.push(group.clone());
    Ok(CreateTargetGroupOutput::builder().target_groups(group).build())
}

fn describe(elb: &mut Elb, _: &DescribeTargetGroupsInput) -> Result<DescribeTargetGroupsOutput, Refusal> {
    Ok(DescribeTargetGroupsOutput::builder().set_target_groups(Some(elb.groups.clone())).build())
}

fn describe_attributes(
    elb: &mut Elb,
    input: &DescribeTargetGroupAttributesInput,
) -> Result<DescribeTargetGroupAttributesOutput, Refusal> {
    elb.group(input.target_group_arn())?;
    let attributes = elb.attributes_of(input.target_group_arn()).into_iter();
    let attributes = attributes.map(|(key, value)| TargetGroupAttribute::builder().key(key).value(value).build());
    Ok(DescribeTargetGroupAttributesOutput::builder().set_attributes(Some(attributes.collect())).build())
}

/// Modifies a target group. Fields that the call omits keep their value.
fn modify(elb: &mut Elb, input: &ModifyTargetGroupInput) -> Result<ModifyTargetGroupOutput, Refusal> {
    let at = elb.group(input.target_group_arn())?;
    let group = &mut elb.groups[at];
    let interval = input.health_check_interval_seconds.or(group.health_check_interval_seconds);
    let timeout = input.health_check_timeout_seconds.or(group.health_check_timeout_seconds);
    if timeout >= interval {
        return Err(Refusal::new("ValidationError", "Health check interval must be greater than the timeout."));
    }
    (group.health_check_interval_seconds, group.health_check_timeout_seconds) = (interval, timeout);
    group.health_check_path = input.health_check_path.clone().or(group.health_check_path.take());
    group.healthy_threshold_count = input.healthy_threshold_count.or(group.healthy_threshold_count);
    group.unhealthy_threshold_count = input.unhealthy_threshold_count.or(group.unhealthy_threshold_count);
    group.health_check_port = input.health_check_port.clone().or(group.health_check_port.take());
    group.matcher = input.matcher.clone().or(group.matcher.take());
    Ok(ModifyTargetGroupOutput::builder().build())
}

fn modify_attributes(
    elb: &mut Elb,
    input: &ModifyTargetGroupAttributesInput,
) -> Result<ModifyTargetGroupAttributesOutput, Refusal> {
    elb.group(input.target_group_arn())?;
    let attributes = elb.attributes.entry(input.target_group_arn().unwrap_or_default().to_owned()).or_default();
    let new = input.attributes().iter().filter_map(|one| Some((one.key()?.to_owned(), one.value()?.to_owned())));
    attributes.extend(new);
    Ok(ModifyTargetGroupAttributesOutput::builder().build())
}

/// Deletes a target group that no listener or rule uses. Succeeds if it does not exist.
fn delete(elb: &mut Elb, input: &DeleteTargetGroupInput) -> Result<DeleteTargetGroupOutput, Refusal> {
    let arn = input.target_group_arn();
    let by_default = elb.listeners.iter().flat_map(Listener::default_actions);
    let mut actions = by_default.chain(elb.rules.iter().flat_map(|(_, rule)| rule.actions()));
    if actions.any(|action: &Action| groups(action).any(|group| Some(group) == arn)) {
        return Err(Refusal::new("ResourceInUse", "The target group is currently in use by a listener or a rule"));
    }
    elb.groups.retain(|group| group.target_group_arn() != arn);
    elb.forget(arn.unwrap_or_default());
    Ok(DeleteTargetGroupOutput::builder().build())
}
