//! The operations on DB instances.

use aws_sdk_rds::{
    operation::{
        add_tags_to_resource::{AddTagsToResourceError, AddTagsToResourceInput, AddTagsToResourceOutput},
        create_db_instance::{CreateDBInstanceError, CreateDbInstanceInput, CreateDbInstanceOutput},
        delete_db_instance::{DeleteDBInstanceError, DeleteDbInstanceInput, DeleteDbInstanceOutput},
        describe_db_engine_versions::{
            DescribeDBEngineVersionsError, DescribeDbEngineVersionsInput, DescribeDbEngineVersionsOutput,
        },
        describe_db_instances::{DescribeDBInstancesError, DescribeDbInstancesInput, DescribeDbInstancesOutput},
        modify_db_instance::{ModifyDBInstanceError, ModifyDbInstanceInput, ModifyDbInstanceOutput},
        reboot_db_instance::{RebootDBInstanceError, RebootDbInstanceInput, RebootDbInstanceOutput},
    },
    types::{
        DbEngineVersion, DbInstance, DbParameterGroupStatus, Endpoint, PendingModifiedValues, Tag, UpgradeTarget,
        VpcSecurityGroupMembership,
    },
};

use super::state::Rds;
use crate::aws::{
    self,
    model::{Cloud, Refusal},
};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateDBInstanceError::generic, create);
    cloud.on(DescribeDBInstancesError::generic, describe);
    cloud.on(DescribeDBEngineVersionsError::generic, versions);
    cloud.on(ModifyDBInstanceError::generic, modify);
    cloud.on(RebootDBInstanceError::generic, reboot);
    cloud.on(DeleteDBInstanceError::generic, delete);
    cloud.on(AddTagsToResourceError::generic, tag);
}

pub(super) fn line(instance: &DbInstance) -> String {
    let parameters: Vec<_> =
        instance.db_parameter_groups().iter().map(|group| group.db_parameter_group_name()).collect();
    let address = aws::tag_value(instance.tag_list(), aws::ADDRESS).unwrap_or("of nobody");
    format!("database {address} with {parameters:?}")
}

impl Rds {
    fn instance(&mut self, identifier: Option<&str>) -> Result<&mut DbInstance, Refusal> {
        let found = self.instances.iter_mut().find(|instance| instance.db_instance_identifier() == identifier);
        found.ok_or_else(|| Refusal::new("DBInstanceNotFound", "DBInstance not found."))
    }

    /// Changes every instance without a call to RDS.
    pub(in super::super) fn change(&mut self, change: impl Fn(&mut DbInstance)) {
        self.instances.iter_mut().for_each(change);
    }

    /// Sets this tag on every instance.
    pub(in super::super) fn give_tag(&mut self, tag: &Tag) {
        for instance in &mut self.instances {
            retag(instance, std::slice::from_ref(tag));
        }
    }
}

fn retag(instance: &mut DbInstance, tags: &[Tag]) {
    let own = instance.tag_list.get_or_insert_default();
    own.retain(|old| tags.iter().all(|new| new.key() != old.key()));
    own.extend_from_slice(tags);
}

/// Gives it this group, or its own one anew: it uses that from its next restart on.
pub(in super::super) fn give_parameters(instance: &mut DbInstance, name: Option<&str>) {
    let has = instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name());
    let name = name.or(has).map(str::to_owned);
    set_parameters(instance, name, "pending-reboot");
}

fn set_parameters(instance: &mut DbInstance, name: Option<String>, status: &str) {
    let group = DbParameterGroupStatus::builder().set_db_parameter_group_name(name).parameter_apply_status(status);
    instance.db_parameter_groups = Some(vec![group.build()]);
}

fn groups(ids: &[String]) -> Option<Vec<VpcSecurityGroupMembership>> {
    Some(ids.iter().map(|id| VpcSecurityGroupMembership::builder().vpc_security_group_id(id).build()).collect())
}

/// Returns the full version. Without a minor version, RDS chooses one that is not the newest.
fn full(version: Option<&str>) -> Option<String> {
    version.map(|version| if version.contains('.') { version.to_owned() } else { format!("{version}.4") })
}

/// Returns the versions to which RDS can upgrade `version`: newer minor versions, and two minor versions of the next
/// major version. The default minor version of a major version is not among them.
fn targets(version: &str) -> Vec<String> {
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let (major, minor): (u32, u32) = (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default());
    let minors = (minor + 1..minor + 3).map(|minor| format!("{major}.{minor}"));
    minors.chain([5, 6].map(|minor| format!("{}.{minor}", major + 1))).collect()
}

fn versions(_rds: &mut Rds, input: &DescribeDbEngineVersionsInput) -> Result<DescribeDbEngineVersionsOutput, Refusal> {
    let version = input.engine_version().unwrap_or_default();
    let targets = targets(version).into_iter().map(|target| UpgradeTarget::builder().engine_version(target).build());
    let found = DbEngineVersion::builder().engine_version(version).set_valid_upgrade_target(Some(targets.collect()));
    Ok(DescribeDbEngineVersionsOutput::builder().db_engine_versions(found.build()).build())
}

/// Checks that an instance is idle. RDS rejects a change while another is in progress; here that one is complete at the
/// next try.
fn free(instance: &mut DbInstance) -> Result<(), Refusal> {
    if instance.db_instance_status() == Some("available") {
        return Ok(());
    }
    advance(instance);
    Err(Refusal::new("InvalidDBInstanceState", "Instance is not in available state."))
}

fn create(rds: &mut Rds, input: &CreateDbInstanceInput) -> Result<CreateDbInstanceOutput, Refusal> {
    if rds.instance(input.db_instance_identifier()).is_ok() {
        return Err(Refusal::new("DBInstanceAlreadyExists", "DB instance already exists"));
    }
    if rds.free_plan && input.backup_retention_period() > Some(1) {
        let message = "The specified backup retention period exceeds the maximum available to free tier customers.";
        return Err(Refusal::new("FreeTierRestrictionError", message));
    }
    let group = rds.subnet_group(input.db_subnet_group_name())?.clone();
    let parameters = match input.db_parameter_group_name() {
        Some(name) => {
            rds.parameter_group(Some(name))?;
            name.to_owned()
        }
        None => "default.postgres16".to_owned(),
    };
    let identifier = input.db_instance_identifier().unwrap_or_default();
    let mut instance = DbInstance::builder()
        .db_instance_identifier(identifier)
        .db_instance_arn(format!("arn:aws:rds:eu-west-1:123456789012:db:{identifier}"))
        .db_instance_status("creating")
        .set_engine_version(full(input.engine_version()))
        .set_db_instance_class(input.db_instance_class.clone())
        .set_allocated_storage(input.allocated_storage)
        .set_multi_az(input.multi_az)
        .set_backup_retention_period(input.backup_retention_period)
        .set_deletion_protection(input.deletion_protection)
        .set_publicly_accessible(input.publicly_accessible)
        .set_vpc_security_groups(groups(input.vpc_security_group_ids()))
        .set_master_username(input.master_username.clone())
        .set_db_name(input.db_name.clone())
        .db_subnet_group(group)
        .set_tag_list(input.tags.clone())
        .build();
    set_parameters(&mut instance, Some(parameters), "in-sync");
    rds.instances.push(instance.clone());
    Ok(CreateDbInstanceOutput::builder().db_instance(instance).build())
}

fn describe(rds: &mut Rds, input: &DescribeDbInstancesInput) -> Result<DescribeDbInstancesOutput, Refusal> {
    let mut shown = rds.instances.clone();
    if let Some(wanted) = input.db_instance_identifier() {
        shown = vec![rds.instance(Some(wanted))?.clone()];
    }
    rds.instances.retain(|instance| instance.db_instance_status() != Some("deleting"));
    rds.instances.iter_mut().for_each(advance);
    Ok(DescribeDbInstancesOutput::builder().set_db_instances(Some(shown)).build())
}

/// Moves an instance on between two reads. A full instance reports that it is full until it has more storage.
fn advance(instance: &mut DbInstance) {
    match instance.db_instance_status() {
        Some("creating" | "modifying" | "rebooting" | "backing-up") => {}
        Some("storage-full") if instance.pending_modified_values.is_some() => {
            instance.db_instance_status = Some("modifying".to_owned());
            return;
        }
        _ => return,
    }
    instance.db_instance_status = Some("available".to_owned());
    instance.pending_modified_values = None;
    instance.endpoint = Some(Endpoint::builder().address("database.example").port(5432).build());
}

/// Modifies an instance. Storage never shrinks, and the version can only change to an upgrade target.
fn modify(rds: &mut Rds, input: &ModifyDbInstanceInput) -> Result<ModifyDbInstanceOutput, Refusal> {
    let group = input.db_parameter_group_name().filter(|name| !name.starts_with("default."));
    group.map(|name| rds.parameter_group(Some(name)).map(drop)).transpose()?;
    let instance = rds.instance(input.db_instance_identifier())?;
    let is_full = instance.db_instance_status() == Some("storage-full");
    if !(is_full && input.allocated_storage() > instance.allocated_storage()) {
        free(instance)?;
    }
    let shrinks = input.allocated_storage.is_some_and(|to| Some(to) < instance.allocated_storage);
    let major = |version: Option<&str>| version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    let (from, to) = (major(instance.engine_version()), major(input.engine_version()));
    let upgrade = to.is_some() && to != from && input.allow_major_version_upgrade() != Some(true);
    let version = full(input.engine_version()).filter(|to| Some(to.as_str()) != instance.engine_version());
    let valid = targets(instance.engine_version().unwrap_or_default());
    if shrinks || upgrade || version.is_some_and(|to| !valid.contains(&to)) {
        return Err(Refusal::new("InvalidParameterCombination", "the DB instance cannot be changed so"));
    }
    let was = instance.clone();
    instance.engine_version = full(input.engine_version()).or(was.engine_version);
    instance.db_instance_class = input.db_instance_class.clone().or(was.db_instance_class);
    instance.allocated_storage = input.allocated_storage.or(was.allocated_storage);
    instance.multi_az = input.multi_az.or(was.multi_az);
    instance.backup_retention_period = input.backup_retention_period.or(was.backup_retention_period);
    instance.deletion_protection = input.deletion_protection.or(was.deletion_protection);
    instance.publicly_accessible = input.publicly_accessible.or(was.publicly_accessible);
    if !input.vpc_security_group_ids().is_empty() {
        instance.vpc_security_groups = groups(input.vpc_security_group_ids());
    }
    if let Some(name) = input.db_parameter_group_name() {
        give_parameters(instance, Some(name));
    }
    if input.manage_master_user_password() == Some(false) {
        instance.master_user_secret = None;
    }
    if input.master_user_password().is_some() {
        if instance.master_user_secret.is_some() {
            let message = "a password that RDS manages cannot be given";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        instance.pending_modified_values = Some(PendingModifiedValues::builder().master_user_password("****").build());
    }
    if is_full {
        let pending = PendingModifiedValues::builder().set_allocated_storage(input.allocated_storage);
        instance.pending_modified_values = Some(pending.build());
    } else {
        instance.db_instance_status = Some("modifying".to_owned());
    }
    Ok(ModifyDbInstanceOutput::builder().db_instance(instance.clone()).build())
}

fn reboot(rds: &mut Rds, input: &RebootDbInstanceInput) -> Result<RebootDbInstanceOutput, Refusal> {
    let instance = rds.instance(input.db_instance_identifier())?;
    free(instance)?;
    let name = instance.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name());
    let name = name.map(str::to_owned);
    set_parameters(instance, name, "in-sync");
    instance.db_instance_status = Some("rebooting".to_owned());
    Ok(RebootDbInstanceOutput::builder().db_instance(instance.clone()).build())
}

fn delete(rds: &mut Rds, input: &DeleteDbInstanceInput) -> Result<DeleteDbInstanceOutput, Refusal> {
    let instance = rds.instance(input.db_instance_identifier())?;
    if instance.deletion_protection() == Some(true) {
        return Err(Refusal::new("InvalidParameterCombination", "Cannot delete protected DB Instance"));
    }
    if instance.db_instance_status() == Some("deleting") {
        // The instance is gone at the next try.
        rds.instances.retain(|instance| instance.db_instance_identifier() != input.db_instance_identifier());
        return Err(Refusal::new("InvalidDBInstanceState", "Instance is already being deleted."));
    }
    if instance.db_instance_status() != Some("modifying") {
        free(instance)?;
    }
    instance.db_instance_status = Some("deleting".to_owned());
    Ok(DeleteDbInstanceOutput::builder().db_instance(instance.clone()).build())
}

fn tag(rds: &mut Rds, input: &AddTagsToResourceInput) -> Result<AddTagsToResourceOutput, Refusal> {
    let mut all = rds.instances.iter_mut();
    let found = all.find(|instance| instance.db_instance_arn() == input.resource_name());
    let instance = found.ok_or_else(|| Refusal::new("DBInstanceNotFound", "DBInstance not found."))?;
    retag(instance, input.tags());
    Ok(AddTagsToResourceOutput::builder().build())
}
