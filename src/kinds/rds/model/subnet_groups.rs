//! The operations on DB subnet groups.

use aws_sdk_rds::{
    operation::{
        create_db_subnet_group::{CreateDBSubnetGroupError, CreateDbSubnetGroupInput, CreateDbSubnetGroupOutput},
        delete_db_subnet_group::{DeleteDBSubnetGroupError, DeleteDbSubnetGroupInput, DeleteDbSubnetGroupOutput},
        describe_db_subnet_groups::{
            DescribeDBSubnetGroupsError, DescribeDbSubnetGroupsInput, DescribeDbSubnetGroupsOutput,
        },
        modify_db_subnet_group::{ModifyDBSubnetGroupError, ModifyDbSubnetGroupInput, ModifyDbSubnetGroupOutput},
    },
    types::{DbInstance, DbSubnetGroup, Subnet},
};

use super::state::Rds;
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateDBSubnetGroupError::generic, create);
    cloud.on(DescribeDBSubnetGroupsError::generic, describe);
    cloud.on(ModifyDBSubnetGroupError::generic, modify);
    cloud.on(DeleteDBSubnetGroupError::generic, delete);
}

pub(super) fn line(group: &DbSubnetGroup) -> String {
    let subnets: Vec<Option<&str>> = group.subnets().iter().map(Subnet::subnet_identifier).collect();
    format!("subnet group {:?} with {subnets:?}", group.db_subnet_group_name())
}

impl Rds {
    pub(super) fn subnet_group(&mut self, name: Option<&str>) -> Result<&mut DbSubnetGroup, Refusal> {
        let found = self.subnet_groups.iter_mut().find(|group| group.db_subnet_group_name() == name);
        found.ok_or_else(|| Refusal::new("DBSubnetGroupNotFoundFault", "the DB subnet group does not exist"))
    }
}

fn subnets(ids: &[String]) -> Option<Vec<Subnet>> {
    Some(ids.iter().map(|id| Subnet::builder().subnet_identifier(id).build()).collect())
}

fn create(rds: &mut Rds, input: &CreateDbSubnetGroupInput) -> Result<CreateDbSubnetGroupOutput, Refusal> {
    if rds.subnet_group(input.db_subnet_group_name()).is_ok() {
        return Err(Refusal::new("DBSubnetGroupAlreadyExists", "the DB subnet group already exists"));
    }
    let group = DbSubnetGroup::builder()
        .set_db_subnet_group_name(input.db_subnet_group_name.clone())
        .set_db_subnet_group_description(input.db_subnet_group_description.clone())
        .vpc_id("vpc-given")
        .set_subnets(subnets(input.subnet_ids()))
        .build();
    rds.subnet_groups.push(group.clone());
    Ok(CreateDbSubnetGroupOutput::builder().db_subnet_group(group).build())
}

fn describe(rds: &mut Rds, _input: &DescribeDbSubnetGroupsInput) -> Result<DescribeDbSubnetGroupsOutput, Refusal> {
    Ok(DescribeDbSubnetGroupsOutput::builder().set_db_subnet_groups(Some(rds.subnet_groups.clone())).build())
}

fn modify(rds: &mut Rds, input: &ModifyDbSubnetGroupInput) -> Result<ModifyDbSubnetGroupOutput, Refusal> {
    let group = rds.subnet_group(input.db_subnet_group_name())?;
    group.subnets = subnets(input.subnet_ids());
    Ok(ModifyDbSubnetGroupOutput::builder().db_subnet_group(group.clone()).build())
}

fn delete(rds: &mut Rds, input: &DeleteDbSubnetGroupInput) -> Result<DeleteDbSubnetGroupOutput, Refusal> {
    rds.subnet_group(input.db_subnet_group_name())?;
    let mut used = rds.instances.iter().filter_map(DbInstance::db_subnet_group);
    if used.any(|group| group.db_subnet_group_name() == input.db_subnet_group_name()) {
        return Err(Refusal::new("InvalidDBSubnetGroupStateFault", "a DB instance uses the DB subnet group"));
    }
    rds.subnet_groups.retain(|group| group.db_subnet_group_name() != input.db_subnet_group_name());
    Ok(DeleteDbSubnetGroupOutput::builder().build())
}
