//! DB parameter groups.

use aws_sdk_rds::{
    operation::{
        create_db_parameter_group::{
            CreateDBParameterGroupError, CreateDbParameterGroupInput, CreateDbParameterGroupOutput,
        },
        delete_db_parameter_group::{
            DeleteDBParameterGroupError, DeleteDbParameterGroupInput, DeleteDbParameterGroupOutput,
        },
        describe_db_parameter_groups::{
            DescribeDBParameterGroupsError, DescribeDbParameterGroupsInput, DescribeDbParameterGroupsOutput,
        },
        describe_db_parameters::{DescribeDBParametersError, DescribeDbParametersInput, DescribeDbParametersOutput},
        modify_db_parameter_group::{
            ModifyDBParameterGroupError, ModifyDbParameterGroupInput, ModifyDbParameterGroupOutput,
        },
    },
    types::{DbInstance, DbParameterGroup, Parameter},
};

use super::state::{ParameterGroup, Rds};
use crate::aws::model::{Cloud, Refusal};

/// A group that the tests over all kinds give to a database: of the stack by its name.
pub(in super::super) const OWN: &str = "shop-test-parameters";

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateDBParameterGroupError::generic, create);
    cloud.on(DescribeDBParameterGroupsError::generic, describe);
    cloud.on(DescribeDBParametersError::generic, parameters);
    cloud.on(ModifyDBParameterGroupError::generic, modify);
    cloud.on(DeleteDBParameterGroupError::generic, delete);
}

pub(super) fn own() -> ParameterGroup {
    let group = DbParameterGroup::builder().db_parameter_group_name(OWN).db_parameter_group_family("postgres16");
    ParameterGroup { group: group.description("of the tests").build(), parameters: Vec::new() }
}

pub(super) fn line(group: &ParameterGroup) -> String {
    let set: Vec<(Option<&str>, Option<&str>)> =
        group.parameters.iter().map(|set| (set.parameter_name(), set.parameter_value())).collect();
    let (name, family) = (group.group.db_parameter_group_name(), group.group.db_parameter_group_family());
    format!("parameter group {name:?} of {family:?} with {set:?}")
}

impl Rds {
    pub(super) fn parameter_group(&mut self, name: Option<&str>) -> Result<&mut ParameterGroup, Refusal> {
        let found = self.parameter_groups.iter_mut().find(|group| group.group.db_parameter_group_name() == name);
        found.ok_or_else(|| Refusal::new("DBParameterGroupNotFound", "the DB parameter group does not exist"))
    }

    /// Sets `rds.force_ssl` in every group but [`OWN`].
    pub(in super::super) fn force_tls(&mut self, value: &str) {
        let is_other = |group: &&mut ParameterGroup| group.group.db_parameter_group_name() != Some(OWN);
        for group in self.parameter_groups.iter_mut().filter(is_other) {
            group.set(&[Parameter::builder().parameter_name("rds.force_ssl").parameter_value(value).build()]);
        }
    }
}

impl ParameterGroup {
    fn set(&mut self, parameters: &[Parameter]) {
        for new in parameters {
            self.parameters.retain(|old| old.parameter_name() != new.parameter_name());
            self.parameters.push(new.clone());
        }
    }
}

fn create(rds: &mut Rds, input: &CreateDbParameterGroupInput) -> Result<CreateDbParameterGroupOutput, Refusal> {
    if rds.parameter_group(input.db_parameter_group_name()).is_ok() {
        return Err(Refusal::new("DBParameterGroupAlreadyExists", "the DB parameter group already exists"));
    }
    let group = DbParameterGroup::builder()
        .set_db_parameter_group_name(input.db_parameter_group_name.clone())
        .set_db_parameter_group_family(input.db_parameter_group_family.clone())
        .set_description(input.description.clone())
        .build();
    rds.parameter_groups.push(ParameterGroup { group: group.clone(), parameters: Vec::new() });
    Ok(CreateDbParameterGroupOutput::builder().db_parameter_group(group).build())
}

fn describe(
    rds: &mut Rds,
    _input: &DescribeDbParameterGroupsInput,
) -> Result<DescribeDbParameterGroupsOutput, Refusal> {
    let groups = rds.parameter_groups.iter().map(|group| group.group.clone()).collect();
    Ok(DescribeDbParameterGroupsOutput::builder().set_db_parameter_groups(Some(groups)).build())
}

/// Those of RDS itself are left out: hundreds.
fn parameters(rds: &mut Rds, input: &DescribeDbParametersInput) -> Result<DescribeDbParametersOutput, Refusal> {
    let set = rds.parameter_group(input.db_parameter_group_name())?.parameters.clone();
    Ok(DescribeDbParametersOutput::builder().set_parameters(Some(set)).build())
}

fn modify(rds: &mut Rds, input: &ModifyDbParameterGroupInput) -> Result<ModifyDbParameterGroupOutput, Refusal> {
    rds.parameter_group(input.db_parameter_group_name())?.set(input.parameters());
    Ok(ModifyDbParameterGroupOutput::builder().build())
}

fn delete(rds: &mut Rds, input: &DeleteDbParameterGroupInput) -> Result<DeleteDbParameterGroupOutput, Refusal> {
    rds.parameter_group(input.db_parameter_group_name())?;
    let mut used = rds.instances.iter().flat_map(DbInstance::db_parameter_groups);
    if used.any(|group| group.db_parameter_group_name() == input.db_parameter_group_name()) {
        return Err(Refusal::new("InvalidDBParameterGroupState", "a DB instance uses the DB parameter group"));
    }
    rds.parameter_groups.retain(|group| group.group.db_parameter_group_name() != input.db_parameter_group_name());
    Ok(DeleteDbParameterGroupOutput::builder().build())
}
