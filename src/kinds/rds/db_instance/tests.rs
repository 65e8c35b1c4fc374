use super::*;
use crate::model::How;

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
        class: "db.t4g.micro".into(),
        storage: 20,
        iops: None,
        multi_az: false,
        backup_days: 7,
        protect: true,
        owes_snapshot: false,
        public: false,
        subnet_group: "group".into(),
        vpc: "vpc-1".into(),
        security_groups: vec!["sg-1".into()],
        username: "postgres".into(),
        password: Password::Own,
        password_version: Some("version-1".into()),
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
fn a_protected_database_is_guarded_and_an_available_one_ready() {
    assert!(DbInstance::guard(&live()).is_some());
    assert_eq!(DbInstance::guard(&Live { protect: false, ..live() }), None);
    let interrupted = Live { protect: false, owes_snapshot: true, ..live() };
    assert!(DbInstance::guard(&interrupted).is_some_and(|why| why.contains("no final snapshot yet")));
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

#[test]
fn an_adopted_one_keeps_its_subnet_group_of_the_same_network() {
    let theirs = |vpc: &str| Live { subnet_group: "theirs".into(), vpc: vpc.into(), ..live() };
    assert_eq!(DbInstance::diff(&desired(), &theirs("vpc-1")), []);
    let changes = DbInstance::diff(&desired(), &theirs("vpc-2"));
    assert_eq!(changes.iter().map(|change| change.how).collect::<Vec<_>>(), [How::Replace]);
}

#[test]
fn a_password_of_somebody_elses_is_a_change_that_shows_none() {
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
fn a_password_that_was_made_anew_is_given_to_the_database() {
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
fn a_database_that_up_keeps_owes_no_snapshot_any_more() {
    let interrupted = Live { protect: false, owes_snapshot: true, ..live() };
    for protect in [true, false] {
        let changes = DbInstance::diff(&Desired { protect, ..desired() }, &interrupted);
        let fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(fields, ["protect"]);
    }
}
