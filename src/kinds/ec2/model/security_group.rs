//! The operations on security groups and their ingress rules.

use aws_sdk_ec2::{
    operation::{
        authorize_security_group_egress::{
            AuthorizeSecurityGroupEgressError, AuthorizeSecurityGroupEgressInput, AuthorizeSecurityGroupEgressOutput,
        },
        authorize_security_group_ingress::{
            AuthorizeSecurityGroupIngressError, AuthorizeSecurityGroupIngressInput, AuthorizeSecurityGroupIngressOutput,
        },
        create_security_group::{CreateSecurityGroupError, CreateSecurityGroupInput, CreateSecurityGroupOutput},
        delete_security_group::{DeleteSecurityGroupError, DeleteSecurityGroupInput, DeleteSecurityGroupOutput},
        describe_security_groups::{
            DescribeSecurityGroupsError, DescribeSecurityGroupsInput, DescribeSecurityGroupsOutput,
        },
        revoke_security_group_ingress::{
            RevokeSecurityGroupIngressError, RevokeSecurityGroupIngressInput, RevokeSecurityGroupIngressOutput,
        },
    },
    types::{GroupIdentifier, Instance, IpPermission, IpRange, ResourceType, SecurityGroup, UserIdGroupPair},
};

use super::state::{self, Ec2, find, in_use, passes, tags};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateSecurityGroupError::generic, create);
    cloud.on(DescribeSecurityGroupsError::generic, describe);
    cloud.on(AuthorizeSecurityGroupIngressError::generic, authorize);
    cloud.on(AuthorizeSecurityGroupEgressError::generic, authorize_egress);
    cloud.on(RevokeSecurityGroupIngressError::generic, revoke);
    cloud.on(DeleteSecurityGroupError::generic, delete);
}

pub(super) fn line(group: &SecurityGroup) -> String {
    let mut rules: Vec<String> = group.ip_permissions().iter().map(|rule| format!("{rule:?}")).collect();
    rules.sort();
    let outgoing = group.ip_permissions_egress().len();
    format!("{} with {rules:?} and {outgoing} outgoing", state::line("security group", group.tags()))
}

impl Ec2 {
    pub(super) fn security_group(&mut self, id: Option<&str>) -> Result<&mut SecurityGroup, Refusal> {
        let at = find(&self.security_groups, SecurityGroup::group_id, id, "InvalidGroup.NotFound")?;
        Ok(&mut self.security_groups[at])
    }

    /// Removes the egress rules of every group.
    pub(in crate::kinds::ec2) fn close_groups(&mut self) {
        self.security_groups.iter_mut().for_each(|group| group.ip_permissions_egress = Some(Vec::new()));
    }

    /// Checks that the groups which a rule refers to exist.
    fn sources(&mut self, permission: &IpPermission) -> Result<(), Refusal> {
        permission.user_id_group_pairs().iter().try_for_each(|pair| self.security_group(pair.group_id()).map(drop))
    }
}

fn create(ec2: &mut Ec2, input: &CreateSecurityGroupInput) -> Result<CreateSecurityGroupOutput, Refusal> {
    ec2.vpc(input.vpc_id())?;
    let mut of_vpc = ec2.security_groups.iter().filter(|group| group.vpc_id() == input.vpc_id());
    if of_vpc.any(|group| group.group_name() == input.group_name()) {
        return Err(Refusal::new("InvalidGroup.Duplicate", "the security group already exists for the VPC"));
    }
    let id = ec2.id("sg");
    let group = SecurityGroup::builder()
        .group_id(&id)
        .set_group_name(input.group_name.clone())
        .set_description(input.description.clone())
        .set_vpc_id(input.vpc_id.clone())
        // A new group allows all outgoing traffic.
        .ip_permissions_egress(
            IpPermission::builder()
                .ip_protocol("-1")
                .ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build())
                .build(),
        )
        .set_tags(Some(tags(input.tag_specifications(), &ResourceType::SecurityGroup)));
    ec2.security_groups.push(group.build());
    Ok(CreateSecurityGroupOutput::builder().group_id(id).build())
}

fn describe(ec2: &mut Ec2, input: &DescribeSecurityGroupsInput) -> Result<DescribeSecurityGroupsOutput, Refusal> {
    let named = |permissions: &[IpPermission]| -> Vec<String> {
        let pairs = permissions.iter().flat_map(IpPermission::user_id_group_pairs);
        pairs.filter_map(|pair| pair.group_id.clone()).collect()
    };
    let shown = ec2.security_groups.iter().filter(|group| {
        let (incoming, outgoing) = (named(group.ip_permissions()), named(group.ip_permissions_egress()));
        let (incoming, outgoing): (Vec<&str>, Vec<&str>) =
            (incoming.iter().map(String::as_str).collect(), outgoing.iter().map(String::as_str).collect());
        let properties: [(&str, &[&str]); 4] = [
            ("group-id", &[group.group_id().unwrap_or_default()]),
            ("vpc-id", &[group.vpc_id().unwrap_or_default()]),
            ("ip-permission.group-id", &incoming),
            ("egress.ip-permission.group-id", &outgoing),
        ];
        passes(input.filters(), group.tags(), &properties)
    });
    Ok(DescribeSecurityGroupsOutput::builder().set_security_groups(Some(shown.cloned().collect())).build())
}

/// EC2 adds either all rules of a call or none.
fn authorize(
    ec2: &mut Ec2,
    input: &AuthorizeSecurityGroupIngressInput,
) -> Result<AuthorizeSecurityGroupIngressOutput, Refusal> {
    input.ip_permissions().iter().try_for_each(|permission| ec2.sources(permission))?;
    let group = ec2.security_group(input.group_id())?;
    if input.ip_permissions().iter().any(|new| group.ip_permissions().contains(new)) {
        return Err(Refusal::new("InvalidPermission.Duplicate", "the rule already exists"));
    }
    group.ip_permissions.get_or_insert_default().extend_from_slice(input.ip_permissions());
    Ok(AuthorizeSecurityGroupIngressOutput::builder().r#return(true).build())
}

fn authorize_egress(
    ec2: &mut Ec2,
    input: &AuthorizeSecurityGroupEgressInput,
) -> Result<AuthorizeSecurityGroupEgressOutput, Refusal> {
    let group = ec2.security_group(input.group_id())?;
    if input.ip_permissions().iter().any(|new| group.ip_permissions_egress().contains(new)) {
        return Err(Refusal::new("InvalidPermission.Duplicate", "the rule already exists"));
    }
    group.ip_permissions_egress.get_or_insert_default().extend_from_slice(input.ip_permissions());
    Ok(AuthorizeSecurityGroupEgressOutput::builder().r#return(true).build())
}

fn revoke(ec2: &mut Ec2, input: &RevokeSecurityGroupIngressInput) -> Result<RevokeSecurityGroupIngressOutput, Refusal> {
    let group = ec2.security_group(input.group_id())?;
    if input.ip_permissions().iter().any(|gone| !group.ip_permissions().contains(gone)) {
        return Err(Refusal::new("InvalidPermission.NotFound", "the rule does not exist"));
    }
    group.ip_permissions.get_or_insert_default().retain(|rule| !input.ip_permissions().contains(rule));
    Ok(RevokeSecurityGroupIngressOutput::builder().r#return(true).build())
}

fn delete(ec2: &mut Ec2, input: &DeleteSecurityGroupInput) -> Result<DeleteSecurityGroupOutput, Refusal> {
    ec2.security_group(input.group_id())?;
    let others = ec2.security_groups.iter().filter(|group| group.group_id() != input.group_id());
    let rules = others.flat_map(SecurityGroup::ip_permissions).flat_map(IpPermission::user_id_group_pairs);
    let hosts = ec2.instances.iter().filter(|instance| super::instance::line(instance).is_some());
    let of_hosts = hosts.flat_map(Instance::security_groups).map(GroupIdentifier::group_id);
    if rules.map(UserIdGroupPair::group_id).chain(of_hosts).any(|id| id == input.group_id()) {
        return Err(in_use(input.group_id()));
    }
    if ec2.endpoints_with(input.group_id()) {
        return Err(in_use(input.group_id()));
    }
    ec2.holds_nothing(input.group_id(), "DependencyViolation")?;
    ec2.security_groups.retain(|group| group.group_id() != input.group_id());
    Ok(DeleteSecurityGroupOutput::builder().build())
}
