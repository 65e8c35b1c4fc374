//! A PostgreSQL database: private, encrypted, never replaced or deleted by the way.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_PostgreSQL.html>

use std::time::Duration;

use aws_sdk_rds::types::DbInstance as SdkInstance;
use serde::{Deserialize, Serialize};

use super::{rds, secretsmanager};
use crate::{
    aws::{self, Outcome, given},
    kind::{Context, Kind},
    model::{Address, Change, Diff, Failure, Found, How, Input, On, Outputs, Permission, Phase},
};

/// A DB instance.
pub struct DbInstance;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// PostgreSQL's version: `16` is any 16.x.
    pub version: String,
    /// The instance class, such as `db.t4g.micro`.
    pub class: String,
    /// GiB of gp3 storage; it never shrinks.
    pub storage: u32,
    /// Whether a standby in another zone takes over when this one fails.
    pub multi_az: bool,
    /// How many days of automatic backups are kept (0 to 35); 0 for none.
    pub backup_days: u32,
    /// Whether AWS refuses to delete it.
    pub protect: bool,
    /// The DB subnet group's name.
    pub subnet_group: Input,
    /// Who may call it.
    pub security_group: Input,
    /// The master user.
    pub username: String,
    /// The ARN of the secret with the master user's password.
    pub password: Input,
    /// The database that it is made with.
    pub database: String,
}

/// What AWS has.
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
    /// PostgreSQL's version, in full.
    pub version: String,
    /// The instance class; one that AWS is about to apply counts as applied.
    pub class: String,
    /// GiB of storage; likewise.
    pub storage: u32,
    /// Whether there is a standby; likewise.
    pub multi_az: bool,
    /// Days of automatic backups; likewise.
    pub backup_days: u32,
    /// Whether AWS refuses to delete it.
    pub protect: bool,
    /// The DB subnet group's name.
    pub subnet_group: String,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// The master user.
    pub username: String,
    /// The database that it was made with.
    pub database: String,
    /// AWS's word, such as `creating`.
    pub status: String,
}

impl Kind for DbInstance {
    type Desired = Desired;
    type Live = Live;

    const NAME: &'static str = "db_instance";
    const USES: &'static [&'static str] = &["db_subnet_group", "security_group", "subnet"];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["rds:DescribeDBInstances"]),
        // With the option group and the parameter group of AWS's own, and with the stack's subnet group.
        Permission::make(
            &["rds:AddTagsToResource", "rds:CreateDBInstance", "rds:ModifyDBInstance"],
            On::Named(&[
                "rds:{region}:{account}:db:{name:63}*",
                "rds:{region}:{account}:og:*",
                "rds:{region}:{account}:pg:*",
                "rds:{region}:{account}:subgrp:{name:63}*",
            ]),
        ),
        // RDS looks these up in the caller's name.
        Permission::make(&["ec2:DescribeAccountAttributes"], On::Any),
        Permission::make(&["iam:CreateServiceLinkedRole"], On::ServiceRole("rds.amazonaws.com")),
        secretsmanager::READING,
        // Protection is taken off first, and a last snapshot has the database's tags.
        Permission::delete(
            &["rds:AddTagsToResource", "rds:CreateDBSnapshot", "rds:DeleteDBInstance", "rds:ModifyDBInstance"],
            On::Named(&["rds:{region}:{account}:db:{name:63}*", "rds:{region}:{account}:snapshot:{name:63}*"]),
        ),
    ];
    const USUAL: Duration = Duration::from_secs(300);
    const DEADLINE: Duration = Duration::from_secs(3600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let pages = cx.aws.rds.describe_db_instances().into_paginator().items().send();
        let instances: Vec<SdkInstance> = pages.try_collect().await.during("DescribeDBInstances")?;
        Ok(instances
            .iter()
            .filter_map(|instance| {
                let tags = instance.tag_list().iter();
                let tags = tags.map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()));
                let address = aws::address_of(&cx.id, tags)?;
                let live = live(instance);
                Some(Found { address, id: live.identifier.clone(), live })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Vec<Change> {
        let mut diff = Diff::new();
        if !is_version(&live.version, &desired.version) {
            diff.field("version", &live.version, &desired.version);
        }
        diff.field("class", &live.class, &desired.class);
        diff.field("storage", &live.storage, &desired.storage);
        diff.field("multi_az", &live.multi_az, &desired.multi_az);
        diff.field("backup_days", &live.backup_days, &desired.backup_days);
        diff.field("protect", &live.protect, &desired.protect);
        // A group that is being made anew has the name that it had: no reason to replace a database.
        if let Some(group) = desired.subnet_group.known() {
            diff.fixed("subnet_group", &live.subnet_group.as_str(), &group);
        }
        let group = std::slice::from_ref(&desired.security_group);
        diff.inputs("security_group", &live.security_groups, group, How::InPlace);
        diff.fixed("username", &live.username, &desired.username);
        diff.fixed("database", &live.database, &desired.database);
        diff.finish()
    }

    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>
    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        let word = live.status.clone();
        match live.status.as_str() {
            "available" | "storage-optimization" if live.host.is_some() => Phase::Ready,
            "deleting" => Phase::Deleting(word),
            "failed" | "restore-error" | "storage-full" | "insufficient-capacity" | "stopped" => Phase::Failed(word),
            status if status.starts_with("incompatible-") || status.starts_with("inaccessible-") => Phase::Failed(word),
            _ => Phase::Pending(word),
        }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new()
            .with("id", &live.identifier)
            .with("arn", &live.arn)
            .with_some("host", live.host.as_deref())
            .with_some("port", live.port.map(|port| port.to_string()))
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let password = secretsmanager::value(cx, desired.password.get()?).await?;
        let call = cx
            .aws
            .rds
            .create_db_instance()
            .db_instance_identifier(aws::derived(&cx.id, address, rds::LONGEST_NAME))
            .engine("postgres")
            .engine_version(&desired.version)
            .db_instance_class(&desired.class)
            .allocated_storage(number(desired.storage))
            .storage_type("gp3")
            .storage_encrypted(true)
            .multi_az(desired.multi_az)
            .backup_retention_period(number(desired.backup_days))
            .deletion_protection(desired.protect)
            .publicly_accessible(false)
            .copy_tags_to_snapshot(true)
            .auto_minor_version_upgrade(true)
            .db_subnet_group_name(desired.subnet_group.get()?)
            .vpc_security_group_ids(desired.security_group.get()?)
            .master_username(&desired.username)
            .master_user_password(password.expose())
            .db_name(&desired.database)
            .set_tags(Some(rds::tagged(&cx.id, address)));
        let answer = call.customize().config_override(rds::once()).send().await.during("CreateDBInstance")?;
        Ok(live(&given(answer.db_instance, "CreateDBInstance", "DBInstance")?))
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &[Change],
    ) -> Result<Live, Failure> {
        if desired.storage < live.storage {
            let message = format!("storage cannot shrink from {} to {} GiB", live.storage, desired.storage);
            return Err(Failure::refused("ModifyDBInstance", message)
                .hint(format!("set `database.storage` to {} or more", live.storage)));
        }
        let mut call = cx
            .aws
            .rds
            .modify_db_instance()
            .db_instance_identifier(&live.identifier)
            // Not in the maintenance window, which would leave the plan open for days.
            .apply_immediately(true);
        for change in changes {
            call = match change.field.as_str() {
                "version" => {
                    let major = |version: &str| version.split('.').next().unwrap_or_default().to_owned();
                    let upgrades = major(&live.version) != major(&desired.version);
                    call.engine_version(&desired.version).allow_major_version_upgrade(upgrades)
                }
                "class" => call.db_instance_class(&desired.class),
                "storage" => call.allocated_storage(number(desired.storage)),
                "multi_az" => call.multi_az(desired.multi_az),
                "backup_days" => call.backup_retention_period(number(desired.backup_days)),
                "protect" => call.deletion_protection(desired.protect),
                "security_group" => call.vpc_security_group_ids(desired.security_group.get()?),
                _ => call,
            };
        }
        let answer = call.customize().config_override(rds::once()).send().await.during("ModifyDBInstance")?;
        Ok(self::live(&given(answer.db_instance, "ModifyDBInstance", "DBInstance")?))
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        if live.status == "deleting" {
            return Ok(());
        }
        let mut call = cx.aws.rds.delete_db_instance().db_instance_identifier(&live.identifier);
        if live.protect {
            let off = cx.aws.rds.modify_db_instance().db_instance_identifier(&live.identifier);
            let off = off.deletion_protection(false).apply_immediately(true).customize().config_override(rds::once());
            off.send().await.or_absent("ModifyDBInstance", &["DBInstanceNotFound", "DBInstanceNotFoundFault"])?;
            // A name of its own each time: the one of an earlier stack of this name is still there.
            let stamp = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
            call = call
                .skip_final_snapshot(false)
                .final_db_snapshot_identifier(format!("{}-final-{stamp}", live.identifier));
        } else {
            call = call.skip_final_snapshot(true).delete_automated_backups(true);
        }
        let answer = call.customize().config_override(rds::once()).send().await;
        answer.or_absent("DeleteDBInstance", &["DBInstanceNotFound", "DBInstanceNotFoundFault"]).map(drop)
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure
            .is(&["InvalidDBInstanceState", "InvalidDBInstanceStateFault"])
            .then_some("the database to finish what it is doing")
    }

    fn guard(live: &Live) -> Option<String> {
        live.protect.then(|| "deletion protection is on (database.protect)".to_owned())
    }
}

/// Whether `full`, such as `16.4`, is what stack.yaml means by `asked`, such as `16`.
fn is_version(full: &str, asked: &str) -> bool {
    full == asked || full.strip_prefix(asked).is_some_and(|rest| rest.starts_with('.'))
}

fn live(instance: &SdkInstance) -> Live {
    let count = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).unwrap_or_default();
    let pending = instance.pending_modified_values();
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let endpoint = instance.endpoint();
    let groups = instance.vpc_security_groups().iter();
    Live {
        identifier: owned(instance.db_instance_identifier()),
        arn: owned(instance.db_instance_arn()),
        host: endpoint.and_then(|endpoint| endpoint.address()).map(str::to_owned),
        port: endpoint.and_then(aws_sdk_rds::types::Endpoint::port),
        version: owned(pending.and_then(|to| to.engine_version()).or(instance.engine_version())),
        class: owned(pending.and_then(|to| to.db_instance_class()).or(instance.db_instance_class())),
        storage: count(
            pending
                .and_then(aws_sdk_rds::types::PendingModifiedValues::allocated_storage)
                .or(instance.allocated_storage()),
        ),
        multi_az: pending
            .and_then(aws_sdk_rds::types::PendingModifiedValues::multi_az)
            .or(instance.multi_az())
            .unwrap_or(false),
        backup_days: count(
            pending
                .and_then(aws_sdk_rds::types::PendingModifiedValues::backup_retention_period)
                .or(instance.backup_retention_period()),
        ),
        protect: instance.deletion_protection().unwrap_or(false),
        subnet_group: owned(instance.db_subnet_group().and_then(|group| group.db_subnet_group_name())),
        security_groups: groups.filter_map(|group| group.vpc_security_group_id().map(str::to_owned)).collect(),
        username: owned(instance.master_username()),
        database: owned(instance.db_name()),
        status: owned(instance.db_instance_status()),
    }
}

/// stack.yaml's numbers are checked to be small; AWS takes signed ones.
fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desired() -> Desired {
        Desired {
            version: "16".into(),
            class: "db.t4g.micro".into(),
            storage: 20,
            multi_az: false,
            backup_days: 7,
            protect: true,
            subnet_group: "group".into(),
            security_group: "sg-1".into(),
            username: "postgres".into(),
            password: "arn".into(),
            database: "app".into(),
        }
    }

    fn live() -> Live {
        Live {
            identifier: "demo".into(),
            arn: "arn".into(),
            host: Some("host".into()),
            port: Some(5432),
            version: "16.4".into(),
            class: "db.t4g.micro".into(),
            storage: 20,
            multi_az: false,
            backup_days: 7,
            protect: true,
            subnet_group: "group".into(),
            security_groups: vec!["sg-1".into()],
            username: "postgres".into(),
            database: "app".into(),
            status: "available".into(),
        }
    }

    #[test]
    fn a_database_as_desired_needs_no_change() {
        assert_eq!(DbInstance::diff(&desired(), &live()), []);
    }

    #[test]
    fn a_subnet_group_that_is_made_anew_replaces_no_database() {
        let group = Input::output(&Address::new("db_subnet_group", "database"), "name");
        assert_eq!(DbInstance::diff(&Desired { subnet_group: group, ..desired() }, &live()), []);
    }

    #[test]
    fn a_protected_database_is_guarded_and_one_that_answers_is_ready() {
        assert!(DbInstance::guard(&live()).is_some());
        assert_eq!(DbInstance::guard(&Live { protect: false, ..live() }), None);
        assert_eq!(DbInstance::phase(&live(), None), Phase::Ready);
        let creating = Live { status: "creating".into(), host: None, ..live() };
        assert_eq!(DbInstance::phase(&creating, None), Phase::Pending("creating".into()));
    }

    #[test]
    fn a_minor_upgrade_by_aws_is_no_drift() {
        assert!(is_version("16.4", "16"));
        assert!(is_version("16.4", "16.4"));
        assert!(!is_version("160.1", "16"));
        assert!(!is_version("15.8", "16"));
    }
}
