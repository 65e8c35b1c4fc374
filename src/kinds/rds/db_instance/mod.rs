//! A PostgreSQL database: private and encrypted. It is never replaced, and never deleted without a request.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_PostgreSQL.html>

mod deletion;
mod live;
pub mod offer;
mod parameters;
#[cfg(test)]
mod sample;
mod state;
#[cfg(test)]
mod tests;
mod version;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use live::{Live, Password};

use live::{FOREIGN, NO, OWES_SNAPSHOT, PASSWORD, live, tag_instance};

use crate::{
    aws::{self, About, Once, Outcome, given},
    kind::{Charge, Context, Cost, Doc, Kind, State},
    kinds::{rds, secretsmanager},
    model::{
        Address, Changed, Changes, Diff, Explanation, Failure, Found, Input, On, Outputs, Permission, Phase, Shown,
        fields,
    },
};

/// The size in GiB from which PostgreSQL's gp3 storage is striped over four volumes and has provisioned IOPS.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage>
const STRIPED: u32 = 400;

/// The minimum IOPS of striped storage.
const STRIPED_IOPS: i32 = 12_000;

/// How long RDS may report `available` before it starts a modification.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);

/// A DB instance.
pub struct DbInstance;

/// The database that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The PostgreSQL version: `16` means any 16.x, and `16.4` means 16.4 or a newer 16.x.
    pub version: String,
    /// The instance class, such as `db.t4g.micro`.
    pub class: String,
    /// The size of the gp3 storage in GiB. It never shrinks.
    pub storage: u32,
    /// Whether there is a standby in another zone for failover.
    pub multi_az: bool,
    /// The retention of automatic backups in days (0 to 35). 0 disables backups.
    pub backup_days: u32,
    /// Whether deletion protection is enabled.
    pub protect: bool,
    /// The network of the database.
    pub vpc: Input,
    /// The name of the DB subnet group.
    pub subnet_group: Input,
    /// The DB parameter group's name; none for RDS's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_group: Option<Input>,
    /// Who may call it.
    pub security_groups: Vec<Input>,
    /// The master user.
    pub username: String,
    /// The ARN of the secret that holds the master user's password.
    pub password: Input,
    /// The version of that secret.
    pub password_version: Input,
    /// The database to create with it.
    pub database: String,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Version = "version",
        Class = "class",
        Storage = "storage",
        MultiAz = "multi_az",
        BackupDays = "backup_days",
        Protect = "protect",
        Public = "public",
        SecurityGroups = "security_groups",
        Password = "password",
        ParameterGroup = "parameter_group",
        Parameters = "parameters",
    }

    /// The fields whose change replaces the database.
    pub enum Fixed {
        SubnetGroup = "subnet_group",
        Username = "username",
        Database = "database",
    }
}

/// Sets one field in the call that creates or modifies a database.
macro_rules! set {
    ($call:expr, $field:expr, $password:expr, $parameters:expr, $desired:expr) => {
        match $field {
            Field::Version => $call.engine_version(&$desired.version),
            Field::Class => $call.db_instance_class(&$desired.class),
            Field::Storage => $call.allocated_storage(aws::signed($desired.storage)),
            Field::MultiAz => $call.multi_az($desired.multi_az),
            Field::BackupDays => $call.backup_retention_period(aws::signed($desired.backup_days)),
            Field::Protect => $call.deletion_protection($desired.protect),
            Field::Public => $call.publicly_accessible(false),
            Field::SecurityGroups => $call.set_vpc_security_group_ids(Some(Input::all(&$desired.security_groups)?)),
            Field::Password => $call.set_master_user_password($password.map(|value| value.expose().to_owned())),
            Field::ParameterGroup => $call.set_db_parameter_group_name($parameters.cloned()),
            // A restart applies these.
            Field::Parameters => $call,
        }
    };
}

impl Kind for DbInstance {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "db_instance";
    const HEADLINE: &'static [&'static str] = &["class", "version", "storage", "multi_az"];
    const DOC: Doc = Doc {
        summary: "The PostgreSQL database.",
        page: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_PostgreSQL.html",
    };
    const USES: &'static [&'static str] = &["db_parameter_group", "db_subnet_group", "security_group", "subnet"];
    // Tasks read and write as long as they run.
    const OUTLIVES: &'static [&'static str] = &["service", "schedule", "task_definition"];
    const COST: Cost<Desired, Live> = Cost::Counted {
        prices: &["database * hour", "database GB month"],
        charge: |_, state, _| Ok(Some(charge(state))),
    };
    const NOT_YET: &'static [&'static str] = &["InvalidSubnet", "DBParameterGroupNotFound"];
    const COMES_LAST: Option<Field> = Some(Field::Parameters);
    const PERMISSIONS: &'static [Permission] = &[
        // The second is for an upgrade.
        Permission::look(&["rds:DescribeDBInstances", "rds:DescribeDBEngineVersions"]),
        // With the option group and the parameter group of AWS's own, and with the stack's groups.
        Permission::make(
            &["rds:AddTagsToResource", "rds:CreateDBInstance", "rds:ModifyDBInstance", "rds:RebootDBInstance"],
            On::Named(&[rds::ARNS, "rds:{region}:{account}:?g:*"]),
        ),
        // Checks that RDS offers the database before anything is created.
        Permission::make(&["rds:DescribeOrderableDBInstanceOptions"], On::Any),
        // RDS reads these with the permissions of the caller.
        Permission::make(&["ec2:DescribeAccountAttributes"], On::Any),
        Permission::make(&["iam:CreateServiceLinkedRole"], On::ServiceRole("rds.amazonaws.com")),
        secretsmanager::READING,
        // A deletion first removes the deletion protection. The final snapshot has the tags of the database.
        Permission::delete(
            &["rds:AddTagsToResource", "rds:CreateDBSnapshot", "rds:DeleteDBInstance", "rds:ModifyDBInstance"],
            On::Named(&[rds::ARNS]),
        ),
    ];
    const ADOPTABLE: bool = true;
    const USUAL: Duration = Duration::from_secs(300);
    // RDS rejects changes during a backup, which for a large database takes more than a minute.
    const PATIENCE: Duration = Duration::from_secs(1800);
    const DEADLINE: Duration = Duration::from_secs(3600);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let mut found = Vec::new();
        for instance in rds::instances(cx).await?.iter() {
            let Some(address) = cx.address_of(instance.tag_list()) else { continue };
            let mut live = live(&cx.id, instance);
            if cx.claimed().is_some() && live.password == Password::Own {
                live.password = Password::Foreign;
            }
            if let Some(asked) = asked(cx, &address) {
                live.upgrades = version::targets(cx, &live.version, &asked).await?;
            }
            found.push(Found { address, id: live.identifier.clone(), live });
        }
        Ok(found)
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        if !version::is_enough(&live.version, &desired.version) {
            diff.field(
                Field::Version,
                &live.version.as_str(),
                &version::target(&desired.version, live.upgrades.as_deref()),
            );
        }
        diff.field(Field::Class, &live.class, &desired.class);
        diff.field(Field::Storage, &live.storage, &desired.storage);
        diff.field(Field::MultiAz, &live.multi_az, &desired.multi_az);
        diff.field(Field::BackupDays, &live.backup_days, &desired.backup_days);
        if live.owes_snapshot {
            // The database is kept after all.
            diff.push(Field::Protect, Shown::value("off (deletion started)"), Shown::value(desired.protect));
        } else {
            diff.field(Field::Protect, &live.protect, &desired.protect);
        }
        diff.field(Field::Public, &live.public, &false);
        // A subnet group that is being replaced keeps its name. This is no reason to replace the database. An adopted
        // database stays in its group: RDS cannot move a database to another group of the same network.
        if let Some(group) = desired.subnet_group.known().filter(|_| desired.vpc.known() != Some(live.vpc.as_str())) {
            diff.fixed(Fixed::SubnetGroup, &live.subnet_group.as_str(), &group);
        }
        diff.inputs(Field::SecurityGroups, &live.security_groups, &desired.security_groups);
        let group = desired.parameter_group.as_ref();
        if let Some(to) = parameters::another(group, &desired.version, live) {
            diff.push(Field::ParameterGroup, Shown::value(&live.parameter_group), to);
        } else if parameters::are_pending(group, live) {
            diff.push(Field::Parameters, Shown::value("applied after a restart"), Shown::value("applied"));
        }
        diff.fixed(Fixed::Username, &live.username, &desired.username);
        diff.fixed(Fixed::Database, &live.database, &desired.database);
        let others = match live.password {
            Password::Foreign | Password::Replaced => Some("changed by somebody else"),
            Password::Managed => Some("managed by RDS"),
            Password::Own | Password::BeingSet => is_earlier(desired, live).then_some("an earlier value of the secret"),
        };
        if let Some(others) = others {
            diff.push(Field::Password, Shown::value(others), Shown::value("the stack's own"));
        }
        diff.finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        state::phase(live)
    }

    fn phase_after(live: &Live, _desired: &Desired, written: &Live) -> Phase {
        state::phase_after(live, written)
    }

    /// A read with less storage is stale, because storage never shrinks.
    fn outdated(seen: &Live, written: &Live) -> bool {
        seen.storage < written.storage || parameters::outdated(seen, written)
    }

    async fn explain(_cx: &Context, live: &Live, _phase: &Phase) -> Explanation {
        state::explanation(live)
    }

    /// RDS may report `available` for a while after it accepted a change.
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.DBInstance.Modifying.html>
    fn begins_within(changes: &Changed<Field>) -> Duration {
        // Changes of the other fields need no restart or move, and may not change the status at all.
        let works = [Field::Version, Field::Class, Field::Storage, Field::MultiAz, Field::BackupDays];
        if works.into_iter().any(|field| changes.contains(field)) { BEGINS_WITHIN } else { Duration::ZERO }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new()
            .with("id", &live.identifier)
            .with("arn", &live.arn)
            .with_some("host", live.host.as_deref())
            .with_some("port", live.port.map(|port| port.to_string()))
    }

    fn outputs_hold(live: &Live) -> bool {
        state::keeps_endpoint(live)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let password = secretsmanager::value(cx, desired.password.get()?).await?;
        let mut tags = aws::tags(&cx.id, address);
        tags.push(aws::tag(PASSWORD, password.version()));
        let mut call = cx
            .aws
            .rds
            .create_db_instance()
            .db_instance_identifier(aws::derived(&cx.id, address, rds::LONGEST_NAME))
            .engine("postgres")
            .storage_type("gp3")
            .storage_encrypted(true)
            .copy_tags_to_snapshot(true)
            .auto_minor_version_upgrade(true)
            .db_subnet_group_name(desired.subnet_group.get()?)
            .master_username(&desired.username)
            .db_name(&desired.database)
            .set_tags(Some(tags));
        let group = desired.parameter_group.as_ref().map(Input::get).transpose()?.map(str::to_owned);
        for field in Field::ALL {
            call = set!(call, field, Some(&password), group.as_ref(), desired);
        }
        let answer = call.customize().once().send().await.during("CreateDBInstance").map_err(state::with_hint)?;
        Ok(live(&cx.id, &given(answer.db_instance, "CreateDBInstance", "DBInstance")?))
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        state::refuse_stopped(live)?;
        if changes.iter().all(|field| field == Field::Parameters) {
            return parameters::apply(cx, live).await;
        }
        let group = parameters::wanted(desired.parameter_group.as_ref(), &desired.version)?;
        let password = if changes.contains(Field::Password) {
            Some(secretsmanager::value(cx, desired.password.get()?).await?)
        } else {
            None
        };
        let mut call = cx
            .aws
            .rds
            .modify_db_instance()
            .db_instance_identifier(&live.identifier)
            // Otherwise AWS waits for the maintenance window, and the plan would show the change for days.
            .apply_immediately(true);
        for field in changes {
            call = set!(call, field, password.as_ref(), Some(&group), desired);
        }
        if changes.contains(Field::Version) {
            let to = version::target(&desired.version, live.upgrades.as_deref());
            call = call.engine_version(to).allow_major_version_upgrade(!version::same_major(&live.version, to));
        }
        if changes.contains(Field::Storage) {
            // A database with provisioned IOPS needs them in the call again, and they cannot decrease.
            let striped = desired.storage >= STRIPED;
            call = call.set_iops(striped.then(|| live.iops.unwrap_or_default().max(STRIPED_IOPS)));
        }
        if changes.contains(Field::Password) && live.password == Password::Managed {
            // If RDS manages the password, it accepts a new one only together with the end of that management.
            call = call.manage_master_user_password(false);
        }
        let answer = call.customize().once().send().await.during("ModifyDBInstance").map_err(state::with_hint)?;
        let mut made = self::live(&cx.id, &given(answer.db_instance, "ModifyDBInstance", "DBInstance")?);
        if changes.contains(Field::ParameterGroup) {
            made = parameters::given_to(made, &group);
        }
        // Only now: a run that is killed before does it once more.
        let mut tags = Vec::new();
        if let Some(password) = &password {
            tags.push(aws::tag(PASSWORD, password.version()));
            made.password = Password::BeingSet;
            made.password_version = Some(password.version().to_owned());
        }
        if live.owes_snapshot && changes.contains(Field::Protect) {
            tags.push(aws::tag(OWES_SNAPSHOT, NO));
            made.owes_snapshot = false;
        }
        if !tags.is_empty() {
            tag_instance(cx, &live.arn, tags).await?;
        }
        Ok(made)
    }

    async fn adopt(cx: &Context, address: &Address, live: &Live) -> Result<(), Failure> {
        let mut tags = aws::tags(&cx.id, address);
        tags.push(aws::tag(PASSWORD, FOREIGN));
        tag_instance(cx, &live.arn, tags).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        deletion::delete(cx, live).await
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        if failure.is(&["InvalidDBInstanceState"]) {
            Some("the database to finish another operation")
        } else if failure.is_of("DeleteDBInstance") && failure.is(&["InvalidParameterCombination"]) {
            // RDS rejects a deletion in this way as long as the database is protected.
            Some("RDS to disable its deletion protection")
        } else if failure.is_of("CreateDBInstance")
            && failure.is(&["InvalidParameterValue"])
            && aws::about(failure) == About::Role
        {
            // With the first database of an account, RDS creates its service-linked role, and may not be able to use it
            // immediately. It has no specific code for this.
            // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ServiceLinkedRoles.html
            Some("the service-linked role of RDS to become usable")
        } else {
            None
        }
    }

    fn guard(live: &Live) -> Option<String> {
        if live.protect {
            return Some("deletion protection is on (database.protect)".to_owned());
        }
        let interrupted = "an earlier `destroy` disabled its deletion protection, but there is no final snapshot yet";
        live.owes_snapshot.then(|| interrupted.to_owned())
    }

    fn by_hand(_address: &Address, desired: &Desired, live: Option<&Live>) -> Option<String> {
        let live = live?;
        let has = live.storage;
        let smaller = (desired.storage < has).then(|| {
            let wanted = desired.storage;
            format!("cannot shrink from {has} to {wanted} GiB: set `database.storage` to {has} or more")
        });
        smaller.or_else(|| version::no_way(&live.version, &desired.version, live.upgrades.as_deref()))
    }

    /// Warns of changes that restart the database.
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.DBInstance.Modifying.html#USER_ModifyInstance.Settings>
    fn consequence(desired: &Desired, live: &Live, changes: &Changed<Field>) -> Option<String> {
        let backups = changes.contains(Field::BackupDays) && (live.backup_days == 0) != (desired.backup_days == 0);
        let restarting = [Field::Class, Field::Version, Field::ParameterGroup, Field::Parameters];
        let restarts = backups || restarting.into_iter().any(|field| changes.contains(field));
        restarts.then(|| "restarts and is unavailable for some minutes".to_owned())
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        sample::sample()
    }
}

/// Returns the version in stack.yaml of the database at `address`.
fn asked(cx: &Context, address: &Address) -> Option<String> {
    let (_, desired) = cx.expected(DbInstance::NAME).find(|(own, _)| *own == address)?;
    serde_json::from_value::<Desired>(desired.clone()).ok().map(|desired| desired.version)
}

/// Whether the database has an earlier password than the secret holds, because the secret was recreated or its value
/// changed.
fn is_earlier(desired: &Desired, live: &Live) -> bool {
    match (desired.password_version.known(), &live.password_version) {
        // The secret does not exist yet.
        (None, _) => true,
        (Some(now), Some(given)) => now != given,
        (Some(_), None) => false,
    }
}

/// Returns the cost. A standby costs as much as the instance itself.
fn charge(state: &State<Desired, Live>) -> Charge {
    let (class, storage, multi_az) = match state {
        State::Desired(desired) => (&desired.class, desired.storage, desired.multi_az),
        State::Live(live) => (&live.class, live.storage, live.multi_az),
    };
    let (times, standby) = if multi_az { (2.0, ", with a standby") } else { (1.0, "") };
    Charge::new(format!("{class}, {storage} GiB{standby}"))
        .plus(format!("database {class} hour"), times)
        .plus("database GB month", f64::from(storage) * times)
}
