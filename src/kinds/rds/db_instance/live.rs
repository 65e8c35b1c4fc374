//! What RDS has of a DB instance, in our own types.

use aws_sdk_rds::types::{DbInstance as SdkInstance, Endpoint, PendingModifiedValues, Tag};
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome},
    kind::Context,
    model::{Failure, StackId},
};

/// The tag of a DB instance that says which master password it has: the id of a version of the stack's secret, or [`FOREIGN`] from
/// its adoption on until `up` has set the stack's own.
pub(super) const PASSWORD: &str = "stackctl:password";

/// The value of [`PASSWORD`] for one that somebody else has set.
pub(super) const FOREIGN: &str = "foreign";

/// The tag that says, by [`YES`], of a DB instance whose protection a `destroy` has taken off that it may go only with a final
/// snapshot.
pub(super) const OWES_SNAPSHOT: &str = "stackctl:owes-snapshot";

/// The value of [`OWES_SNAPSHOT`] for one that owes a snapshot.
pub(super) const YES: &str = "true";

/// The value of [`OWES_SNAPSHOT`] for one that `up` has kept since.
pub(super) const NO: &str = "false";

/// Whose a master user's password is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Password {
    /// The stack's.
    #[default]
    Own,
    /// Of whoever made the database before it was adopted.
    Foreign,
    /// RDS' own: it keeps it in a secret that nobody has asked stackctl for.
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html>
    Managed,
    /// RDS is about to set the stack's.
    BeingSet,
    /// The same, and the tag still says that it is somebody else's: a run was killed in between.
    Replaced,
}

/// What AWS has.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of RDS' own")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its identifier.
    pub identifier: String,
    /// Its ARN.
    pub arn: String,
    /// Where it answers, once it does.
    pub host: Option<String>,
    /// The port there.
    pub port: Option<i32>,
    /// PostgreSQL's version, in full; one that AWS is about to apply counts as applied.
    pub version: String,
    /// The versions to which RDS upgrades it; read where stack.yaml asks for a newer one.
    #[serde(default)]
    pub upgrades: Option<Vec<String>>,
    /// The instance class; one that AWS is about to apply counts as applied.
    pub class: String,
    /// GiB of storage; likewise.
    pub storage: u32,
    /// Whether AWS is about to add storage.
    #[serde(default)]
    pub growing: bool,
    /// Operations a second that its storage is made for, where it has any of its own.
    #[serde(default)]
    pub iops: Option<i32>,
    /// Whether there is a standby; likewise.
    pub multi_az: bool,
    /// Days of automatic backups; likewise.
    pub backup_days: u32,
    /// Whether AWS refuses to delete it.
    pub protect: bool,
    /// Whether AWS refused to delete it until a `destroy` that did not come to its end: it is kept in a snapshot.
    #[serde(default)]
    pub owes_snapshot: bool,
    /// Whether it has a public address.
    #[serde(default)]
    pub public: bool,
    /// The DB subnet group's name.
    pub subnet_group: String,
    /// The VPC of that.
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
    /// Whose its password is.
    #[serde(default)]
    pub password: Password,
    /// The version of the stack's secret that it was given last; none where nothing says so.
    #[serde(default)]
    pub password_version: Option<String>,
    /// The database that it was made with.
    pub database: String,
    /// AWS's word, such as `creating`.
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
