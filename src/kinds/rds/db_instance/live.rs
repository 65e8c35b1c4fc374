//! The DB instance as RDS reports it, in stackctl's types.

use aws_sdk_rds::types::{DbInstance as SdkInstance, Endpoint, PendingModifiedValues, Tag};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome},
    kind::Context,
    model::{Failure, StackId},
};

/// The tag that records the master password of a DB instance: the id of a version of the stack's secret, or [`FOREIGN`]
/// from its adoption until `up` sets the stack's password.
pub(super) const PASSWORD: &str = "stackctl:password";

/// The value of [`PASSWORD`] for a password that the stack did not set.
pub(super) const FOREIGN: &str = "foreign";

/// The tag that records that a `destroy` removed the deletion protection of a DB instance. With the value [`YES`], it
/// may be deleted only with a final snapshot.
pub(super) const OWES_SNAPSHOT: &str = "stackctl:owes-snapshot";

/// The value of [`OWES_SNAPSHOT`] while a final snapshot is required.
pub(super) const YES: &str = "true";

/// The value of [`OWES_SNAPSHOT`] after `up` kept the instance.
pub(super) const NO: &str = "false";

/// The origin of a master user's password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Password {
    /// The stack set it.
    #[default]
    Own,
    /// The previous owner of an adopted database set it.
    Foreign,
    /// RDS manages it in a secret that stackctl did not create.
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html>
    Managed,
    /// RDS is applying the stack's password.
    BeingSet,
    /// RDS is applying the stack's password, but the tag still records a foreign one, because a run was killed in
    /// between.
    Replaced,
}

/// The DB instance as AWS reports it.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of RDS' own")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its identifier.
    pub identifier: String,
    /// Its ARN.
    pub arn: String,
    /// The host name of its endpoint, once there is one.
    pub host: Option<String>,
    /// The port of its endpoint.
    pub port: Option<i32>,
    /// The full PostgreSQL version. A version that AWS is about to apply counts as applied.
    pub version: String,
    /// The versions to which RDS can upgrade it. Read only if stack.yaml describes a newer version.
    #[serde(default)]
    pub upgrades: Option<Vec<String>>,
    /// The instance class. A class that AWS is about to apply counts as applied.
    pub class: String,
    /// The storage size in GiB. A size that AWS is about to apply counts as applied.
    pub storage: u32,
    /// Whether AWS is about to add storage.
    #[serde(default)]
    pub growing: bool,
    /// The provisioned IOPS of its storage, if any.
    #[serde(default)]
    pub iops: Option<i32>,
    /// Whether there is a standby. A setting that AWS is about to apply counts as applied.
    pub multi_az: bool,
    /// The retention of automatic backups in days. A value that AWS is about to apply counts as applied.
    pub backup_days: u32,
    /// Whether deletion protection is enabled.
    pub protect: bool,
    /// Whether an interrupted `destroy` removed the deletion protection. It may then be deleted only with a final
    /// snapshot.
    #[serde(default)]
    pub owes_snapshot: bool,
    /// Whether it has a public address.
    #[serde(default)]
    pub public: bool,
    /// The name of the DB subnet group.
    pub subnet_group: String,
    /// The VPC of the subnet group.
    #[serde(default)]
    pub vpc: String,
    /// The DB parameter group's name.
    #[serde(default)]
    pub parameter_group: String,
    /// Whether that is one of the stack's.
    #[serde(default)]
    pub own_parameters: bool,
    /// RDS's word for whether the group's parameters are applied, such as `in-sync`.
    #[serde(default)]
    pub parameters: String,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// The master user.
    pub username: String,
    /// The origin of its password.
    #[serde(default)]
    pub password: Password,
    /// The version of the stack's secret that it was last set to, if the tag records one.
    #[serde(default)]
    pub password_version: Option<String>,
    /// The database that was created with it.
    pub database: String,
    /// The status that AWS reports, such as `creating`.
    pub status: String,
}

/// The instance in our types, as the stack `id` sees it.
pub(super) fn live(id: &StackId, instance: &SdkInstance) -> Live {
    let count = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
    let pending = instance.pending_modified_values();
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let (endpoint, group) = (instance.endpoint(), instance.db_subnet_group());
    let groups = instance.vpc_security_groups().iter();
    let parameters = instance.db_parameter_groups().first();
    let parameter_group = owned(parameters.and_then(|group| group.db_parameter_group_name()));
    // A port that somebody changes by hand is not known before that is done.
    let changes_port = pending.and_then(PendingModifiedValues::port).is_some()
        && instance.db_instance_status().is_some_and(|status| status != "available");
    Live {
        identifier: owned(instance.db_instance_identifier()),
        arn: owned(instance.db_instance_arn()),
        host: endpoint.and_then(|endpoint| endpoint.address()).map(str::to_owned),
        port: endpoint.and_then(Endpoint::port).filter(|_| !changes_port),
        version: owned(pending.and_then(|to| to.engine_version()).or(instance.engine_version())),
        upgrades: None,
        class: owned(pending.and_then(|to| to.db_instance_class()).or(instance.db_instance_class())),
        storage: count(pending.and_then(PendingModifiedValues::allocated_storage).or(instance.allocated_storage())),
        growing: pending.is_some_and(|to| to.allocated_storage().is_some()),
        iops: pending.and_then(PendingModifiedValues::iops).or(instance.iops()),
        multi_az: pending.and_then(PendingModifiedValues::multi_az).or(instance.multi_az()).unwrap_or(false),
        backup_days: count(
            pending.and_then(PendingModifiedValues::backup_retention_period).or(instance.backup_retention_period()),
        ),
        protect: instance.deletion_protection().unwrap_or(false),
        owes_snapshot: aws::tag_value(instance.tag_list(), OWES_SNAPSHOT) == Some(YES),
        public: instance.publicly_accessible().unwrap_or(false),
        subnet_group: owned(group.and_then(|group| group.db_subnet_group_name())),
        vpc: owned(group.and_then(|group| group.vpc_id())),
        own_parameters: parameter_group.starts_with(&aws::stack_prefix(id)),
        parameter_group,
        parameters: owned(parameters.and_then(|group| group.parameter_apply_status())),
        security_groups: groups.filter_map(|group| group.vpc_security_group_id().map(str::to_owned)).collect(),
        username: owned(instance.master_username()),
        password: password(instance),
        password_version: aws::tag_value(instance.tag_list(), PASSWORD)
            .filter(|version| *version != FOREIGN)
            .map(str::to_owned),
        database: owned(instance.db_name()),
        status: owned(instance.db_instance_status()),
    }
}

fn password(instance: &SdkInstance) -> Password {
    let is_foreign = aws::tag_value(instance.tag_list(), PASSWORD) == Some(FOREIGN);
    match instance.pending_modified_values().and_then(|to| to.master_user_password()) {
        Some(_) if is_foreign => Password::Replaced,
        Some(_) => Password::BeingSet,
        None if instance.master_user_secret().is_some() => Password::Managed,
        None if is_foreign => Password::Foreign,
        None => Password::Own,
    }
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_AddTagsToResource.html>
pub(super) async fn tag_instance(cx: &Context, arn: &str, tags: Vec<Tag>) -> Result<(), Failure> {
    let call = cx.aws.rds.add_tags_to_resource().resource_name(arn).set_tags(Some(tags));
    call.customize().once().send().await.during("AddTagsToResource").map(drop)
}
