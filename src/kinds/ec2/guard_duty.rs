//! Removes what GuardDuty Runtime Monitoring creates in a network of the stack once a task starts there: a VPC endpoint
//! with a network interface in each subnet where tasks have started, and a security group for it. AWS keeps both after
//! the tasks are gone, and they block the deletion of the subnets and the network. Nobody owns them, so stackctl
//! deletes them once the tasks are gone.
//!
//! <https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html>
//! <https://docs.aws.amazon.com/guardduty/latest/ug/runtime-monitoring-agent-resource-clean-up.html>

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{Filter, SecurityGroup, Tag, UnsuccessfulItem, UnsuccessfulItemError, VpcEndpoint};

use crate::{
    aws::{self, Once, Outcome},
    kind::Context,
    model::{Failure, On, Permission},
};

/// The tag on resources that GuardDuty creates and manages. An endpoint that a user created for GuardDuty does not have
/// it.
const TAG: &str = "GuardDutyManaged";

/// The permission to find resources of GuardDuty.
pub(super) const LOOKING: Permission =
    Permission::delete(&["ec2:DescribeSecurityGroups", "ec2:DescribeVpcEndpoints"], On::Any);

/// The permission to remove resources of GuardDuty.
pub(super) const REMOVING: Permission =
    Permission::delete(&["ec2:DeleteSecurityGroup", "ec2:DeleteVpcEndpoints", "ec2:ModifyVpcEndpoint"], On::GuardDuty);

/// The permission to remove a subnet of the stack from an endpoint: IAM also checks the subnet.
pub(super) const LEAVING: Permission = Permission::delete(&["ec2:ModifyVpcEndpoint"], On::Owned);

/// Whether `tags` show that GuardDuty created the resource.
pub(super) fn is_its_own(tags: &[Tag]) -> bool {
    aws::tag_value(tags, TAG) == Some("true")
}

/// Returns the network interfaces of GuardDuty's endpoints in `vpcs`.
pub(super) async fn interfaces(cx: &Context, vpcs: &[String]) -> Result<BTreeSet<String>, Failure> {
    let endpoints = endpoints(cx, vpcs).await?;
    Ok(endpoints.iter().flat_map(VpcEndpoint::network_interface_ids).cloned().collect())
}

/// Removes GuardDuty's endpoint from all subnets of the network `vpc` that this run deletes. Deletes the endpoint if
/// this run deletes the network. Does this once per run.
pub(super) async fn leave_subnets(cx: &Context, vpc: &str) -> Result<(), Failure> {
    cx.shared("ec2 endpoints of GuardDuty", leave(cx, vpc)).await.map(drop)
}

async fn leave(cx: &Context, vpc: &str) -> Result<(), Failure> {
    let endpoints = endpoints(cx, &[vpc.to_owned()]).await?;
    for endpoint in endpoints.iter().filter(|endpoint| !is_going(endpoint)) {
        let Some(id) = endpoint.vpc_endpoint_id() else { continue };
        let (going, staying): (Vec<&String>, Vec<&String>) =
            endpoint.subnet_ids().iter().partition(|subnet| cx.deletes(subnet));
        if cx.deletes(vpc) || (staying.is_empty() && !going.is_empty()) {
            delete_endpoint(cx, id).await?;
        } else if !going.is_empty() {
            let going = going.into_iter().cloned().collect();
            let call = cx.aws.ec2.modify_vpc_endpoint().vpc_endpoint_id(id).set_remove_subnet_ids(Some(going));
            call.customize().once().send().await.or_absent("ModifyVpcEndpoint", &["InvalidVpcEndpointId.NotFound"])?;
        }
    }
    Ok(())
}

/// Deletes all resources of GuardDuty in the network `vpc`, which this run deletes.
pub(super) async fn leave_network(cx: &Context, vpc: &str) -> Result<(), Failure> {
    leave_subnets(cx, vpc).await?;
    let call = cx.aws.ec2.describe_security_groups().set_filters(Some(its_own(&[vpc.to_owned()])));
    let call = call.into_paginator().items().send();
    let groups: Vec<SecurityGroup> = call.try_collect().await.during("DescribeSecurityGroups")?;
    for group in groups.iter().filter_map(SecurityGroup::group_id) {
        let call = cx.aws.ec2.delete_security_group().group_id(group).customize().once();
        call.send().await.or_absent("DeleteSecurityGroup", &["InvalidGroup.NotFound"])?;
    }
    Ok(())
}

async fn endpoints(cx: &Context, vpcs: &[String]) -> Result<Vec<VpcEndpoint>, Failure> {
    let call = cx.aws.ec2.describe_vpc_endpoints().set_filters(Some(its_own(vpcs))).into_paginator().items().send();
    call.try_collect().await.during("DescribeVpcEndpoints")
}

/// Returns the filters for resources that GuardDuty created in `vpcs`.
fn its_own(vpcs: &[String]) -> Vec<Filter> {
    let of_networks = Filter::builder().name("vpc-id").set_values(Some(vpcs.to_vec())).build();
    vec![of_networks, Filter::builder().name(format!("tag:{TAG}")).values("true").build()]
}

/// Whether the endpoint is deleted or being deleted. The SDK and AWS write these states in different case.
fn is_going(endpoint: &VpcEndpoint) -> bool {
    let state = endpoint.state().map_or("", |state| state.as_str()).to_ascii_lowercase();
    ["deleting", "deleted"].contains(&state.as_str())
}

/// The errors of this call are in its response.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html>
async fn delete_endpoint(cx: &Context, id: &str) -> Result<(), Failure> {
    let call = cx.aws.ec2.delete_vpc_endpoints().vpc_endpoint_ids(id).customize().once();
    let answer = call.send().await.during("DeleteVpcEndpoints")?;
    let errors = answer.unsuccessful().iter().filter_map(UnsuccessfulItem::error);
    let failures = errors.map(|error: &UnsuccessfulItemError| Failure {
        code: error.code().map(str::to_owned),
        ..Failure::refused("DeleteVpcEndpoints", error.message().unwrap_or("AWS gave no message"))
    });
    match failures.into_iter().find(|failure| !failure.is(&["InvalidVpcEndpointId.NotFound"])) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}
