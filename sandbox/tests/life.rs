//! The sandbox's own life: several side by side, and none that leaves a process behind.

#[expect(dead_code, reason = "each test program uses its own part of the support")]
mod support;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;
use support::{Sandbox, network, serve, until};

/// A sandbox in which moto and a Postgres run.
async fn with_a_database() -> Sandbox {
    let sandbox = Sandbox::start().await;
    let (_, subnets) = network(&sandbox).await;
    let group = [
        ("DBSubnetGroupName", "private"),
        ("DBSubnetGroupDescription", "private"),
        ("SubnetIds.SubnetIdentifier.1", subnets[0].as_str()),
        ("SubnetIds.SubnetIdentifier.2", subnets[1].as_str()),
    ];
    sandbox.query("rds", "CreateDBSubnetGroup", &group).await.ok();
    let database = [
        ("DBInstanceIdentifier", "main"),
        ("DBInstanceClass", "db.t4g.micro"),
        ("Engine", "postgres"),
        ("AllocatedStorage", "20"),
        ("MasterUsername", "app"),
        ("MasterUserPassword", "a-password"),
        ("DBSubnetGroupName", "private"),
    ];
    sandbox.query("rds", "CreateDBInstance", &database).await.ok();
    // While it is still setpriv, it may not have said yet that it wants to end with its parent.
    let runs = |line: &String| line.contains("postgres -D") && !line.contains("setpriv");
    until("Postgres runs", async || sandbox.processes().iter().any(runs).then_some(())).await;
    sandbox
}

#[tokio::test]
async fn stopping_it_leaves_no_process() {
    let mut sandbox = with_a_database().await;
    sandbox.stop(Signal::SIGTERM).await;
    assert_eq!(sandbox.processes(), [""; 0]);
    assert!(!sandbox.dir().join("sandbox.json").exists());
}

#[tokio::test]
async fn a_call_whose_client_goes_away_comes_to_its_end() {
    let sandbox = with_a_database().await;
    let cluster = sandbox.dir().join("rds/main");
    assert!(cluster.exists());
    let params = [("DBInstanceIdentifier", "main"), ("SkipFinalSnapshot", "true")];
    let answer =
        tokio::time::timeout(Duration::from_millis(20), sandbox.query("rds", "DeleteDBInstance", &params)).await;
    assert!(answer.is_err(), "its server takes longer than that to end");
    until("the cluster is gone", async || (!cluster.exists()).then_some(())).await;
    assert!(!sandbox.processes().iter().any(|line| line.contains("postgres")));
}

#[tokio::test]
async fn stopping_it_at_once_lets_what_it_has_begun_come_to_its_end() {
    // Moto is installed already; the empty cluster is yet to be made.
    let kept = tempfile::tempdir().expect("there is room for a temporary folder");
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let installed = cache.expect("there is a home folder").join("stackctl");
    drop(Sandbox::start().await);
    std::fs::create_dir(kept.path().join("stackctl")).expect("a folder");
    for entry in std::fs::read_dir(installed).expect("a sandbox has run").flatten() {
        if entry.file_name().to_string_lossy().starts_with("moto-") {
            let link = kept.path().join("stackctl").join(entry.file_name());
            std::os::unix::fs::symlink(entry.path(), link).expect("a link");
        }
    }
    let mut sandbox = Sandbox::start_keeping(&[], Some(kept.path())).await;
    sandbox.stop(Signal::SIGTERM).await;
    assert_eq!(sandbox.processes(), [""; 0]);
    let names = |folder: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let clusters = names(&kept.path().join("stackctl"));
    let clusters: Vec<&String> = clusters.iter().filter(|name| name.starts_with("postgres-")).collect();
    let [cluster] = clusters.as_slice() else { panic!("one empty cluster is kept: {clusters:?}") };
    let files = names(&kept.path().join("stackctl").join(cluster));
    assert!(files.iter().any(|name| name == "PG_VERSION"), "{files:?}");
    assert_eq!(names(&sandbox.dir().join("rds")), [""; 0], "nothing of its making is left");
}

#[tokio::test]
async fn killing_it_leaves_no_process_either() {
    let mut sandbox = with_a_database().await;
    sandbox.stop(Signal::SIGKILL).await;
    until("nothing of it runs", async || sandbox.processes().is_empty().then_some(())).await;
}

#[tokio::test]
async fn two_run_side_by_side_and_know_nothing_of_each_other() {
    let (one, other) = tokio::join!(Sandbox::start(), Sandbox::start());
    network(&one).await;
    let count = async |sandbox: &Sandbox| sandbox.query("ec2", "DescribeVpcs", &[]).await.ok().elements("vpcId").len();
    assert_eq!(count(&one).await, count(&other).await + 1);
}

#[tokio::test]
async fn a_port_in_use_is_said_at_once() {
    let sandbox = Sandbox::start().await;
    let dir = tempfile::tempdir().expect("there is room for a temporary folder");
    let mut second = serve(dir.path(), &["--port", sandbox.port()], &[]);
    let status = until("the second has ended", async || second.try_wait().expect("it is our child")).await;
    assert!(!status.success());
    let log = std::fs::read_to_string(dir.path().join("sandbox.log")).expect("it has a log");
    assert!(log.contains(sandbox.port()) && log.contains("--port"), "{log}");
}
