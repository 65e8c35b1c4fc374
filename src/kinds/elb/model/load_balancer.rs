//! The operations on load balancers.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::{
    operation::{
        create_load_balancer::{CreateLoadBalancerError, CreateLoadBalancerInput, CreateLoadBalancerOutput},
        delete_load_balancer::{DeleteLoadBalancerError, DeleteLoadBalancerInput, DeleteLoadBalancerOutput},
        describe_load_balancer_attributes::{
            DescribeLoadBalancerAttributesError, DescribeLoadBalancerAttributesInput,
            DescribeLoadBalancerAttributesOutput,
        },
        describe_load_balancers::{
            DescribeLoadBalancersError, DescribeLoadBalancersInput, DescribeLoadBalancersOutput,
        },
        modify_load_balancer_attributes::{
            ModifyLoadBalancerAttributesError, ModifyLoadBalancerAttributesInput, ModifyLoadBalancerAttributesOutput,
        },
        set_security_groups::{SetSecurityGroupsError, SetSecurityGroupsInput, SetSecurityGroupsOutput},
        set_subnets::{SetSubnetsError, SetSubnetsInput, SetSubnetsOutput},
    },
    types::{AvailabilityZone, LoadBalancer, LoadBalancerAttribute, LoadBalancerState, LoadBalancerStateEnum},
};

use super::state::{Elb, find};
use crate::aws::model::{Cloud, Refusal};

/// The attributes of a new load balancer.
const ATTRIBUTES: [(&str, &str); 3] = [
    ("idle_timeout.timeout_seconds", "60"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http2.enabled", "true"),
];

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateLoadBalancerError::generic, create);
    cloud.on(DescribeLoadBalancersError::generic, describe);
    cloud.on(DescribeLoadBalancerAttributesError::generic, describe_attributes);
    cloud.on(ModifyLoadBalancerAttributesError::generic, modify_attributes);
    cloud.on(SetSecurityGroupsError::generic, set_security_groups);
    cloud.on(SetSubnetsError::generic, set_subnets);
    cloud.on(DeleteLoadBalancerError::generic, delete);
}

pub(super) fn line(elb: &Elb, balancer: &LoadBalancer) -> String {
    let arn = balancer.load_balancer_arn();
    let (groups, attributes) = (balancer.security_groups(), elb.attributes_of(arn));
    format!("{} in {:?}, {groups:?}, {attributes:?}", elb.line("load balancer", arn), subnets(balancer))
}

fn subnets(balancer: &LoadBalancer) -> Vec<&str> {
    balancer.availability_zones().iter().filter_map(AvailabilityZone::subnet_id).collect()
}

fn zones(subnets: &[String]) -> Vec<AvailabilityZone> {
    subnets.iter().map(|subnet| AvailabilityZone::builder().subnet_id(subnet).build()).collect()
}

fn in_state(code: LoadBalancerStateEnum) -> LoadBalancerState {
    LoadBalancerState::builder().code(code).build()
}

/// Checks for subnets in at least two zones. In this model, each subnet has a separate zone.
fn enough(subnets: &[String]) -> Result<(), Refusal> {
    let few = || Refusal::new("ValidationError", "At least two subnets in two different zones must be specified");
    (subnets.len() > 1).then_some(()).ok_or_else(few)
}

impl Elb {
    pub(super) fn balancer(&self, arn: Option<&str>) -> Result<usize, Refusal> {
        find(&self.balancers, LoadBalancer::load_balancer_arn, arn, "LoadBalancerNotFound")
    }

    /// Sets an attribute of every load balancer, as a user of the console would.
    pub(in super::super) fn set_attribute(&mut self, key: &str, value: &str) {
        for attributes in self.attributes.values_mut() {
            attributes.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Adds a security group to the newest load balancer. The others do not belong to the stack.
    pub(in super::super) fn add_security_group(&mut self) {
        if let Some(balancer) = self.balancers.last_mut() {
            balancer.security_groups.get_or_insert_default().push("sg-of-somebody".to_owned());
        }
    }
}

/// Creates a load balancer. If one with the same name and settings exists, returns that one.
fn create(elb: &mut Elb, input: &CreateLoadBalancerInput) -> Result<CreateLoadBalancerOutput, Refusal> {
    enough(input.subnets())?;
    let name = input.name().unwrap_or_default();
    if let Some(there) = elb.balancers.iter().find(|balancer| balancer.load_balancer_name() == Some(name)) {
        if subnets(there) != input.subnets() || there.security_groups() != input.security_groups() {
            return Err(Refusal::new("DuplicateLoadBalancerName", "A load balancer with this name already exists"));
        }
        return Ok(CreateLoadBalancerOutput::builder().load_balancers(there.clone()).build());
    }
    let prefix = format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/{name}");
    let arn = elb.arn(&prefix, input.tags());
    let attributes = ATTRIBUTES.map(|(key, value)| (key.to_owned(), value.to_owned()));
    elb.attributes.insert(arn.clone(), BTreeMap::from(attributes));
    let balancer = LoadBalancer::builder()
        .load_balancer_arn(arn)
        .load_balancer_name(name)
        .dns_name(format!("{name}.eu-west-1.elb.amazonaws.com"))
        .canonical_hosted_zone_id("Z32O12XQLNTSW2")
        .set_scheme(input.scheme.clone())
        .set_availability_zones(Some(zones(input.subnets())))
        .set_security_groups(input.security_groups.clone())
        .state(in_state(LoadBalancerStateEnum::Provisioning))
        .build();
    elb.balancers.push(balancer.clone());
    Ok(CreateLoadBalancerOutput::builder().load_balancers(balancer).build())
}

/// Describes load balancers. One that is provisioning at one read is active at the next.
fn describe(elb: &mut Elb, input: &DescribeLoadBalancersInput) -> Result<DescribeLoadBalancersOutput, Refusal> {
    for arn in input.load_balancer_arns() {
        elb.balancer(Some(arn))?;
    }
    let is_asked_for = |balancer: &LoadBalancer| {
        let asked = input.load_balancer_arns();
        asked.is_empty() || balancer.load_balancer_arn().is_some_and(|arn| asked.iter().any(|one| one == arn))
    };
    let shown = elb.balancers.iter().filter(|balancer| is_asked_for(balancer)).cloned().collect();
    elb.balancers.iter_mut().for_each(|balancer| balancer.state = Some(in_state(LoadBalancerStateEnum::Active)));
    Ok(DescribeLoadBalancersOutput::builder().set_load_balancers(Some(shown)).build())
}

fn describe_attributes(
    elb: &mut Elb,
    input: &DescribeLoadBalancerAttributesInput,
) -> Result<DescribeLoadBalancerAttributesOutput, Refusal> {
    elb.balancer(input.load_balancer_arn())?;
    let attributes = elb.attributes_of(input.load_balancer_arn()).into_iter();
    let attributes = attributes.map(|(key, value)| LoadBalancerAttribute::builder().key(key).value(value).build());
    Ok(DescribeLoadBalancerAttributesOutput::builder().set_attributes(Some(attributes.collect())).build())
}

fn modify_attributes(
    elb: &mut Elb,
    input: &ModifyLoadBalancerAttributesInput,
) -> Result<ModifyLoadBalancerAttributesOutput, Refusal> {
    elb.balancer(input.load_balancer_arn())?;
    let attributes = elb.attributes.entry(input.load_balancer_arn().unwrap_or_default().to_owned()).or_default();
    let new = input.attributes().iter().filter_map(|one| Some((one.key()?.to_owned(), one.value()?.to_owned())));
    attributes.extend(new);
    Ok(ModifyLoadBalancerAttributesOutput::builder().build())
}

fn set_security_groups(elb: &mut Elb, input: &SetSecurityGroupsInput) -> Result<SetSecurityGroupsOutput, Refusal> {
    let at = elb.balancer(input.load_balancer_arn())?;
    elb.balancers[at].security_groups.clone_from(&input.security_groups);
    Ok(SetSecurityGroupsOutput::builder().build())
}

fn set_subnets(elb: &mut Elb, input: &SetSubnetsInput) -> Result<SetSubnetsOutput, Refusal> {
    let at = elb.balancer(input.load_balancer_arn())?;
    enough(input.subnets())?;
    elb.balancers[at].availability_zones = Some(zones(input.subnets()));
    Ok(SetSubnetsOutput::builder().build())
}

/// Deletes a load balancer with its listeners. Succeeds if it does not exist. A protected one stays.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-delete.html>
fn delete(elb: &mut Elb, input: &DeleteLoadBalancerInput) -> Result<DeleteLoadBalancerOutput, Refusal> {
    let arn = input.load_balancer_arn().unwrap_or_default();
    let protection = elb.attributes.get(arn).and_then(|attributes| attributes.get("deletion_protection.enabled"));
    if protection.is_some_and(|value| value == "true") {
        let message = "Load balancer cannot be deleted because deletion protection is enabled";
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    let of_it = elb.listeners.iter().filter(|listener| listener.load_balancer_arn() == Some(arn));
    let of_it: Vec<String> = of_it.filter_map(|listener| listener.listener_arn.clone()).collect();
    of_it.iter().for_each(|listener| elb.remove_listener(listener));
    elb.balancers.retain(|balancer| balancer.load_balancer_arn() != Some(arn));
    elb.forget(arn);
    Ok(DeleteLoadBalancerOutput::builder().build())
}
