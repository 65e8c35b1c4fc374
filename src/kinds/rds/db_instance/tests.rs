use std::sync::Arc;

use super::*;
use crate::{
    aws::model,
    kind::NoImages,
    kinds::rds::model::Rds,
    model::{How, StackId},
};

fn desired() -> Desired {
    Desired {
        version: "16".into(),
        class: "db.t4g.micro".into(),
        storage: 20,
        multi_az: false,
        backup_days: 7,
        protect: true,
        vpc: "vpc-1".into(),
        subnet_group: "group".into(),
        parameter_group: None,
        security_groups: vec!["sg-1".into()],
        username: "postgres".into(),
        password: "arn".into(),
        password_version: "version-1".into(),
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
        upgrades: None,
        class: "db.t4g.micro".into(),
        storage: 20,
        growing: false,
        iops: None,
        multi_az: false,
        backup_days: 7,
        protect: true,
        owes_snapshot: false,
        public: false,
        subnet_group: "group".into(),
        vpc: "vpc-1".into(),
        parameter_group: "default.postgres16".into(),
        own_parameters: false,
        parameters: "in-sync".into(),
        security_groups: vec!["sg-1".into()],
        username: "postgres".into(),
        password: Password::Own,
        password_version: Some("version-1".into()),
        database: "app".into(),
        status: "available".into(),
    }
}

#[test]
fn unchanged_database_has_no_changes() {
    assert_eq!(DbInstance::diff(&desired(), &live()), []);
}

#[test]
fn replaced_subnet_group_does_not_replace_the_database() {
    let group = Input::output(&Address::new("db_subnet_group", "database"), "name");
    assert_eq!(DbInstance::diff(&Desired { subnet_group: group, ..desired() }, &live()), []);
}

#[test]
fn protected_database_is_guarded_and_available_one_is_ready() {
    assert!(DbInstance::guard(&live()).is_some());
    assert_eq!(DbInstance::guard(&Live { protect: false, ..live() }), None);
    let interrupted = Live { protect: false, owes_snapshot: true, ..live() };
    assert!(DbInstance::guard(&interrupted).is_some_and(|why| why.contains("no final snapshot yet")));
    assert_eq!(DbInstance::phase(&live(), None), Phase::Ready);
    let creating = Live { status: "creating".into(), host: None, ..live() };
    assert_eq!(DbInstance::phase(&creating, None), Phase::Pending("creating".into()));
}

#[test]
fn database_is_ready_during_a_backup() {
    let in_state = |status: &str| DbInstance::phase(&Live { status: status.into(), ..live() }, None);
    // RDS reports some of these every night, and accepts no change in them.
    for status in [
        "available",
        "backing-up",
        "configuring-enhanced-monitoring",
        "configuring-iam-database-auth",
        "configuring-log-exports",
        "storage-config-upgrade",
        "storage-initialization",
        "storage-optimization",
    ] {
        assert_eq!(in_state(status), Phase::Ready, "{status}");
    }
    for status in ["creating", "modifying", "upgrading", "rebooting", "maintenance", "starting", "renaming"] {
        assert_eq!(in_state(status), Phase::Pending(status.into()));
    }
    let waiting = Live { status: "backing-up".into(), password: Password::BeingSet, ..live() };
    assert_eq!(DbInstance::phase(&waiting, None), Phase::Pending("waiting for RDS to set the password".into()));
}

#[test]
fn changing_database_keeps_its_endpoint() {
    let holds = |live: Live| DbInstance::outputs_hold(&live);
    for status in ["modifying", "upgrading", "maintenance", "rebooting", "starting", "stopped", "storage-full"] {
        assert!(holds(Live { status: status.into(), ..live() }), "{status}");
        assert!(!holds(Live { status: status.into(), host: None, ..live() }), "{status}");
    }
    assert!(holds(Live { password: Password::BeingSet, ..live() }), "a new password is no other endpoint");
    for status in ["creating", "renaming", "deleting", "failed", "restore-error"] {
        assert!(!holds(Live { status: status.into(), ..live() }), "{status}");
    }
    let endpoint = aws_sdk_rds::types::Endpoint::builder().address("host").port(5432).build();
    let pending = aws_sdk_rds::types::PendingModifiedValues::builder().port(5433).build();
    let moving = aws_sdk_rds::types::DbInstance::builder().endpoint(endpoint).pending_modified_values(pending);
    let id = StackId { stack: "shop".into(), environment: "test".into() };
    let port = |status: &str| live::live(&id, &moving.clone().db_instance_status(status).build()).port;
    assert_eq!((port("available"), port("modifying")), (Some(5432), None));
}

#[test]
fn another_parameter_group_is_used_after_a_restart() {
    let own = "demo-default-database-postgres16";
    let open = Desired { parameter_group: Some(own.into()), ..desired() };
    let fields = |desired: &Desired, live: &Live| {
        let changes = DbInstance::diff(desired, live).into_iter();
        changes.map(|change| format!("{} {}", change.field, change.to)).collect::<Vec<_>>()
    };
    assert_eq!(fields(&open, &live()), [format!("parameter_group {own}")]);
    let given = Live { parameter_group: own.into(), own_parameters: true, ..live() };
    for (parameters, changes) in [("in-sync", 0), ("pending-reboot", 1), ("applying", 1)] {
        let live = Live { parameters: parameters.into(), ..given.clone() };
        assert_eq!(fields(&open, &live), ["parameters applied"][..changes], "{parameters}");
        assert_eq!(fields(&desired(), &live), ["parameter_group default.postgres16"], "{parameters}");
    }
    let newer = Desired { version: "17".into(), ..desired() };
    assert_eq!(fields(&newer, &given), ["version 17", "parameter_group default.postgres17"]);
    // What RDS gave it of its own counts as well, and what whoever made the database gave it does not.
    let pending = Live { parameters: "pending-reboot".into(), ..live() };
    assert_eq!(fields(&desired(), &pending), ["parameters applied"]);
    let theirs = Live { parameter_group: "theirs".into(), ..pending };
    assert_eq!(fields(&desired(), &theirs), [""; 0]);
    assert_eq!(fields(&open, &theirs), [format!("parameter_group {own}")]);
    let applying = Live { parameters: "applying".into(), ..given };
    assert_eq!(DbInstance::phase(&applying, None), Phase::Pending("its parameters to be applied".into()));
}

#[test]
fn a_full_storage_is_no_failure_of_what_adds_storage() {
    let full = Live { status: "storage-full".into(), ..live() };
    assert_eq!(DbInstance::phase(&full, None), Phase::Failed("storage-full".into()));
    let next = state::explanation(&full).next.expect("there is a way out");
    assert!(next.contains("`database.storage` to more than 20"), "{next}");
    let written = Live { storage: 40, growing: true, ..full.clone() };
    assert!(matches!(DbInstance::phase(&written, None), Phase::Pending(_)), "a run that was killed left it so");
    assert!(DbInstance::outdated(&full, &written), "a look that lags shows it as it was before");
    assert!(matches!(DbInstance::phase_after(&full, &desired(), &written), Phase::Pending(_)));
    assert!(matches!(DbInstance::phase_after(&full, &desired(), &full), Phase::Failed(_)), "by another change");
}

#[test]
fn change_of_a_stopped_database_is_rejected_with_a_fix() {
    let stopped = Live { status: "stopped".into(), ..live() };
    let failure = state::refuse_stopped(&stopped).expect_err("RDS would refuse the change");
    assert!(failure.hint.is_some_and(|hint| hint.contains("start-db-instance --db-instance-identifier demo")));
    assert_eq!(state::refuse_stopped(&live()), Ok(()));
}

#[test]
fn minor_upgrade_by_aws_is_not_drift() {
    let pinned = Desired { version: "16.2".into(), ..desired() };
    assert_eq!(DbInstance::diff(&pinned, &live()), []);
    assert_eq!(DbInstance::by_hand(&Address::new("db_instance", "database"), &pinned, Some(&live())), None);
    let changes = DbInstance::diff(&Desired { version: "16.8".into(), ..desired() }, &live());
    assert_eq!(changes[0].to, Shown::value("16.8"));
}

#[test]
fn plan_shows_the_target_version_of_a_major_upgrade() {
    let live = Live { upgrades: Some(vec!["16.10".into(), "17.5".into(), "17.6".into()]), ..live() };
    let to = |version: &str| Desired { version: version.into(), ..desired() };
    let changes = DbInstance::diff(&to("17"), &live);
    assert_eq!((&changes[0].from, &changes[0].to), (&Shown::value("16.4"), &Shown::value("17.6")));
    let address = Address::new("db_instance", "database");
    let by_hand = |version: &str| DbInstance::by_hand(&address, &to(version), Some(&live));
    assert_eq!(by_hand("17"), None);
    assert!(by_hand("18").is_some_and(|told| told.contains("RDS can upgrade it to 16.10, 17.6")));
    assert!(by_hand("15").is_some_and(|told| told.contains("cannot be downgraded from 16.4 to 15")));
}

#[test]
fn adopted_database_keeps_its_subnet_group_in_the_network() {
    let theirs = |vpc: &str| Live { subnet_group: "theirs".into(), vpc: vpc.into(), ..live() };
    assert_eq!(DbInstance::diff(&desired(), &theirs("vpc-1")), []);
    let changes = DbInstance::diff(&desired(), &theirs("vpc-2"));
    assert_eq!(changes.iter().map(|change| change.how).collect::<Vec<_>>(), [How::Replace]);
}

#[test]
fn foreign_password_is_a_change_that_shows_no_password() {
    let changes = DbInstance::diff(&desired(), &Live { password: Password::Foreign, public: true, ..live() });
    let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["public", "password"]);
    assert!(changes.iter().all(|change| change.how == How::InPlace));
    let managed = DbInstance::diff(&desired(), &Live { password: Password::Managed, ..live() });
    assert_eq!(managed[0].from, Shown::value("managed by RDS"));
    for (password, changes) in [(Password::BeingSet, 0), (Password::Replaced, 1)] {
        let setting = Live { password, ..live() };
        assert!(matches!(DbInstance::phase(&setting, None), Phase::Pending(_)));
        assert_eq!(DbInstance::diff(&desired(), &setting).len(), changes, "{password:?}");
    }
}

#[test]
fn new_version_of_the_secret_changes_the_password() {
    let unknown = Input::output(&Address::new("secret", "database-password"), "version");
    for (password_version, changes) in [("version-1".into(), 0), ("version-2".into(), 1), (unknown, 1)] {
        let desired = Desired { password_version, ..desired() };
        for password in [Password::Own, Password::BeingSet] {
            let live = Live { password, ..live() };
            assert_eq!(DbInstance::diff(&desired, &live).len(), changes, "{desired:?}");
        }
    }
    let untold = Live { password_version: None, ..live() };
    assert_eq!(DbInstance::diff(&desired(), &untold), []);
}

#[test]
fn up_after_interrupted_destroy_clears_the_snapshot_tag() {
    let interrupted = Live { protect: false, owes_snapshot: true, ..live() };
    for protect in [true, false] {
        let changes = DbInstance::diff(&Desired { protect, ..desired() }, &interrupted);
        let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["protect"]);
    }
}

#[tokio::test]
async fn free_plan_error_has_a_hint_with_its_limits() {
    let cloud = rds::model::cloud();
    cloud.with(|rds: &mut Rds| rds.free_plan = true);
    let id = StackId { stack: "shop".into(), environment: "test".into() };
    let cx = Context::new(id, Arc::new(model::session(&cloud)), Arc::new(NoImages));
    let address = Address::new("db_instance", "database");
    let desired = Desired { subnet_group: "group-given".into(), password: "arn:of:password".into(), ..desired() };
    let failure = DbInstance::create(&cx, &address, &desired).await.expect_err("the plan has no 7 days of backups");
    assert!(failure.hint.is_some_and(|hint| hint.contains("`database.backup_days: 1`")));
    let one = Desired { backup_days: 1, ..desired };
    DbInstance::create(&cx, &address, &one).await.expect("the plan has that");
}
