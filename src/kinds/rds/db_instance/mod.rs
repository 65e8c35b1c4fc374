//! A PostgreSQL database: private, encrypted, never replaced or deleted by the way.
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

/// From how many GiB on PostgreSQL's gp3 storage is spread over four volumes, and has operations of its own a second.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage>
const STRIPED: u32 = 400;

/// How many those are at least, a second.
const STRIPED_IOPS: i32 = 12_000;

/// For how long RDS may show a database as `available` before it begins to modify it.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);

/// A DB instance.
pub struct DbInstance;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// PostgreSQL's version: `16` is any 16.x, and `16.4` is 16.4 or a newer 16.x.
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
    /// The network that it stands in.
    pub vpc: Input,
    /// The DB subnet group's name.
    pub subnet_group: Input,
    /// The DB parameter group's name; none for RDS's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_group: Option<Input>,
    /// Who may call it.
    pub security_groups: Vec<Input>,
    /// The master user.
    pub username: String,
    /// The ARN of the secret with the master user's password.
    pub password: Input,
    /// The version of that secret.
    pub password_version: Input,
    /// The database that it is made with.
    pub database: String,
}

fields! {
    /// What is changed in place.
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

    /// What takes a replacement.
    pub enum Fixed {
        SubnetGroup = "subnet_group",
        Username = "username",
        Database = "database",
    }
}

/// Sets one field in the call that makes a database, or in the call that changes one.
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
        // Whether RDS offers it is asked before anything is made.
        Permission::make(&["rds:DescribeOrderableDBInstanceOptions"], On::Any),
        // RDS looks these up in the caller's name.
        Permission::make(&["ec2:DescribeAccountAttributes"], On::Any),
        Permission::make(&["iam:CreateServiceLinkedRole"], On::ServiceRole("rds.amazonaws.com")),
        secretsmanager::READING,
        // Protection is taken off first, and a last snapshot has the database's tags.
        Permission::delete(
            &["rds:AddTagsToResource", "rds:CreateDBSnapshot", "rds:DeleteDBInstance", "rds:ModifyDBInstance"],
            On::Named(&[rds::ARNS]),
        ),
    ];
    const ADOPTABLE: bool = true;
    const USUAL: Duration = Duration::from_secs(300);
    // RDS takes no change while it backs up, which is longer than a minute for a large database.
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
            // It is kept after all.
            diff.push(Field::Protect, Shown::value("off (deletion started)"), Shown::value(desired.protect));
        } else {
            diff.field(Field::Protect, &live.protect, &desired.protect);
        }
        diff.field(Field::Public, &live.public, &false);
        // A group that is being made anew has the name that it had: no reason to replace a database. One that was adopted
        // stays in the group that it is in: RDS moves no database to another one of the same network.
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

    /// Storage never shrinks.
    fn outdated(seen: &Live, written: &Live) -> bool {
        seen.storage < written.storage || parameters::outdated(seen, written)
    }

    async fn explain(_cx: &Context, live: &Live, _phase: &Phase) -> Explanation {
        state::explanation(live)
    }

    /// RDS goes on showing `available` for a while after it has taken a change.
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.DBInstance.Modifying.html>
    fn begins_within(changes: &Changed<Field>) -> Duration {
        // What the others change is not done by a restart or a move, and may be done without a word.
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
            // Not in the maintenance window, which would leave the plan open for days.
            .apply_immediately(true);
        for field in changes {
            call = set!(call, field, password.as_ref(), Some(&group), desired);
        }
        if changes.contains(Field::Version) {
            let to = version::target(&desired.version, live.upgrades.as_deref());
            call = call.engine_version(to).allow_major_version_upgrade(!version::same_major(&live.version, to));
        }
        if changes.contains(Field::Storage) {
            // A database with operations of its own a second has to be told them again, and it cannot have fewer.
            let striped = desired.storage >= STRIPED;
            call = call.set_iops(striped.then(|| live.iops.unwrap_or_default().max(STRIPED_IOPS)));
        }
        if changes.contains(Field::Password) && live.password == Password::Managed {
            // RDS takes a password for a database whose password it manages only if it is to stop that.
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
            // Of a deletion, RDS says so as long as the database is protected.
            Some("RDS to disable its deletion protection")
        } else if failure.is_of("CreateDBInstance")
            && failure.is(&["InvalidParameterValue"])
            && aws::about(failure) == About::Role
        {
            // The first database of an account has RDS make its service-linked role, and RDS may not be able to use it at once.
            // It has no code of its own for that.
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

/// The version that stack.yaml asks for of the database at `address`.
fn asked(cx: &Context, address: &Address) -> Option<String> {
    let (_, desired) = cx.expected(DbInstance::NAME).find(|(own, _)| *own == address)?;
    serde_json::from_value::<Desired>(desired.clone()).ok().map(|desired| desired.version)
}

/// Whether its password is an earlier one than the secret holds: the secret was made anew, or its value was changed.
fn is_earlier(desired: &Desired, live: &Live) -> bool {
    match (desired.password_version.known(), &live.password_version) {
        // The secret is not there yet.
        (None, _) => true,
        (Some(now), Some(given)) => now != given,
        (Some(_), None) => false,
    }
}

/// A standby costs as much as the instance itself.
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
