//! RDS: each DB instance is a real Postgres server with the states, the password and the deletion of AWS.

#[expect(dead_code, reason = "each test program uses its own part of the support")]
mod support;

use std::process::{Command, Output, Stdio};

use support::{Answer, Sandbox, network, until};

const PASSWORD: &str = "first'pass\\word";

/// Starts a sandbox with a DB subnet group.
async fn with_subnet_group() -> Sandbox {
    let sandbox = Sandbox::start().await;
    let (_, subnets) = network(&sandbox).await;
    let (name, about) = (("DBSubnetGroupName", "private"), ("DBSubnetGroupDescription", "private"));
    let one = [name, about, ("SubnetIds.SubnetIdentifier.1", subnets[0].as_str())];
    let refused = sandbox.query("rds", "CreateDBSubnetGroup", &one).await;
    assert_eq!(refused.code(), "DBSubnetGroupDoesNotCoverEnoughAZs");
    let two = [one[0], one[1], one[2], ("SubnetIds.SubnetIdentifier.2", subnets[1].as_str())];
    sandbox.query("rds", "CreateDBSubnetGroup", &two).await.ok();
    assert_eq!(sandbox.query("rds", "CreateDBSubnetGroup", &two).await.code(), "DBSubnetGroupAlreadyExists");
    sandbox
}

/// Creates a database with the usual parameters and `changes`.
async fn create(sandbox: &Sandbox, changes: &[(&str, &str)]) -> Answer {
    let usual = [
        ("DBInstanceIdentifier", "main"),
        ("DBInstanceClass", "db.t4g.micro"),
        ("Engine", "postgres"),
        ("EngineVersion", "16"),
        ("AllocatedStorage", "20"),
        ("MasterUsername", "app"),
        ("MasterUserPassword", PASSWORD),
        ("DBName", "orders"),
        ("DBSubnetGroupName", "private"),
        ("Tags.Tag.1.Key", "of"),
        ("Tags.Tag.1.Value", "us"),
    ];
    let kept = usual.into_iter().filter(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
    let params: Vec<(&str, &str)> = kept.chain(changes.iter().copied()).collect();
    sandbox.query("rds", "CreateDBInstance", &params).await
}

async fn describe(sandbox: &Sandbox) -> Answer {
    sandbox.query("rds", "DescribeDBInstances", &[]).await.ok()
}

async fn until_available(sandbox: &Sandbox) -> Answer {
    until("the database is available", async || {
        let answer = describe(sandbox).await;
        (answer.id("DBInstanceStatus") == "available").then_some(answer)
    })
    .await
}

/// Runs the machine's psql as the application would connect.
fn psql(address: &str, password: &str, mode: &str, sql: &str) -> Output {
    let to = format!("host={address} port=5432 user=app dbname=orders sslmode={mode}");
    Command::new("psql")
        .args([&to, "-XAtc", sql])
        .env("PGPASSWORD", password)
        .stdin(Stdio::null())
        .output()
        .expect("psql is installed beside Postgres")
}

#[tokio::test]
async fn database_is_a_real_postgres_until_it_is_deleted() {
    let sandbox = with_subnet_group().await;
    let created = create(&sandbox, &[]).await.ok();
    assert_eq!((created.id("DBInstanceStatus").as_str(), created.element("Address")), ("creating", None));
    assert_eq!(create(&sandbox, &[]).await.code(), "DBInstanceAlreadyExists");
    let grow = [("DBInstanceIdentifier", "main"), ("AllocatedStorage", "30"), ("ApplyImmediately", "true")];
    assert_eq!(sandbox.query("rds", "ModifyDBInstance", &grow).await.code(), "InvalidDBInstanceState");

    let there = until_available(&sandbox).await;
    assert!(there.id("EngineVersion").starts_with("16."));
    assert_eq!((there.id("Key").as_str(), there.id("Value").as_str()), ("of", "us"));
    let address = there.id("Address");
    let asked = "select current_user, (select ssl from pg_stat_ssl where pid = pg_backend_pid())";
    let answer = psql(&address, PASSWORD, "require", asked);
    assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "app|t", "{answer:?}");
    assert!(psql(&address, PASSWORD, "require", "create table t (n int)").status.success());
    assert!(!psql(&address, "another-one", "require", asked).status.success());
    assert!(!psql(&address, PASSWORD, "disable", asked).status.success());

    sandbox.query("rds", "ModifyDBInstance", &grow).await.ok();
    let grown = until_available(&sandbox).await;
    assert_eq!(grown.id("AllocatedStorage"), "30");
    let password = [("DBInstanceIdentifier", "main"), ("MasterUserPassword", "second-password")];
    sandbox.query("rds", "ModifyDBInstance", &password).await.ok();
    assert!(psql(&address, "second-password", "require", asked).status.success());
    assert!(!psql(&address, PASSWORD, "require", asked).status.success());

    until_available(&sandbox).await;
    let named = ("DBInstanceIdentifier", "main");
    let delete = async |more: &[(&str, &str)]| {
        sandbox.query("rds", "DeleteDBInstance", &[[named].as_slice(), more].concat()).await
    };
    assert_eq!(delete(&[]).await.code(), "InvalidParameterCombination");
    let group = [("DBSubnetGroupName", "private")];
    let in_use = sandbox.query("rds", "DeleteDBSubnetGroup", &group).await;
    assert_eq!(in_use.code(), "InvalidDBSubnetGroupStateFault");
    let deleted = delete(&[("FinalDBSnapshotIdentifier", "last")]).await.ok();
    assert_eq!(deleted.id("DBInstanceStatus"), "deleting");
    assert_eq!(delete(&[("SkipFinalSnapshot", "true")]).await.code(), "InvalidDBInstanceState");
    until("the database is gone", async || {
        describe(&sandbox).await.element("DBInstanceStatus").is_none().then_some(())
    })
    .await;
    let snapshots = sandbox.query("rds", "DescribeDBSnapshots", &[]).await.ok();
    assert_eq!(snapshots.elements("DBSnapshotIdentifier"), ["last"]);
    sandbox.query("rds", "DeleteDBSubnetGroup", &group).await.ok();
    assert_eq!(postgres_of(&sandbox), [""; 0]);
    assert!(!sandbox.dir().join("rds/main").exists());
}

#[tokio::test]
async fn invalid_databases_are_refused() {
    let sandbox = with_subnet_group().await;
    let wrong = [
        ("MasterUserPassword", "", "InvalidParameterValue"),
        ("MasterUserPassword", "short", "InvalidParameterValue"),
        ("MasterUserPassword", "with@a-sign", "InvalidParameterValue"),
        ("MasterUsername", "rdsadmin", "InvalidParameterValue"),
        ("DBInstanceClass", "db.t4g.gigantic", "InvalidParameterValue"),
        ("EngineVersion", "99", "InvalidParameterCombination"),
        ("EngineVersion", "16.99", "InvalidParameterCombination"),
        ("AllocatedStorage", "5", "InvalidParameterValue"),
        ("DBInstanceIdentifier", "1st", "InvalidParameterValue"),
        ("DBSubnetGroupName", "nowhere", "DBSubnetGroupNotFoundFault"),
    ];
    for (key, value, code) in wrong {
        assert_eq!(create(&sandbox, &[(key, value)]).await.code(), code, "{key}={value}");
    }
    assert_eq!(describe(&sandbox).await.element("DBInstanceStatus"), None);
}

#[tokio::test]
async fn major_upgrade_needs_a_version_that_rds_offers() {
    let sandbox = with_subnet_group().await;
    create(&sandbox, &[("EngineVersion", "16.10"), ("BackupRetentionPeriod", "0")]).await.ok();
    until_available(&sandbox).await;
    let of = [("Engine", "postgres"), ("EngineVersion", "16.10"), ("IncludeAll", "true")];
    let offered = sandbox.query("rds", "DescribeDBEngineVersions", &of).await.ok().elements("EngineVersion");
    let newest = offered.iter().find(|version| version.starts_with("17.")).expect("it is offered").clone();
    let upgrade = async |version: &str| {
        let to = [("DBInstanceIdentifier", "main"), ("EngineVersion", version), ("AllowMajorVersionUpgrade", "true")];
        sandbox.query("rds", "ModifyDBInstance", &to).await
    };
    // `17` means the default minor version of RDS. Only the newest minor version is an upgrade target.
    assert_eq!(upgrade("17").await.code(), "InvalidParameterCombination");
    assert_eq!(upgrade("16.9").await.code(), "InvalidParameterCombination");
    upgrade(&newest).await.ok();
    assert_eq!(until_available(&sandbox).await.id("EngineVersion"), newest);
}

#[tokio::test]
async fn protected_database_cannot_be_deleted() {
    let sandbox = with_subnet_group().await;
    create(&sandbox, &[("DeletionProtection", "true")]).await.ok();
    until_available(&sandbox).await;
    let delete = [("DBInstanceIdentifier", "main"), ("SkipFinalSnapshot", "true")];
    assert_eq!(sandbox.query("rds", "DeleteDBInstance", &delete).await.code(), "InvalidParameterCombination");
    let off = [("DBInstanceIdentifier", "main"), ("DeletionProtection", "false")];
    sandbox.query("rds", "ModifyDBInstance", &off).await.ok();
    sandbox.query("rds", "DeleteDBInstance", &delete).await.ok();
}

#[tokio::test]
async fn database_deleted_during_creation_leaves_nothing() {
    let sandbox = with_subnet_group().await;
    create(&sandbox, &[]).await.ok();
    let delete = [("DBInstanceIdentifier", "main"), ("SkipFinalSnapshot", "true")];
    sandbox.query("rds", "DeleteDBInstance", &delete).await.ok();
    until("no Postgres runs", async || postgres_of(&sandbox).is_empty().then_some(())).await;
    assert!(!sandbox.dir().join("rds/main").exists());
}

fn postgres_of(sandbox: &Sandbox) -> Vec<String> {
    let main = sandbox.dir().join("rds/main");
    support::processes_of(&main)
}
