//! The lifecycle of sandboxes: several run side by side, and none leaves a process behind.

#[expect(dead_code, reason = "each test program uses its own part of the support")]
mod support;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use nix::sys::signal::Signal;
use support::{Sandbox, network, serve, until};

/// Starts a sandbox in which moto and a Postgres server run.
async fn with_a_database() -> Sandbox {
    let sandbox = Sandbox::start_with_own_moto(None).await;
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
    // While the process is still setpriv, it may not yet be set to end with its parent.
    let runs = |line: &String| line.contains("postgres -D") && !line.contains("setpriv");
    until("Postgres runs", async || sandbox.processes().iter().any(runs).then_some(())).await;
    sandbox
}

#[tokio::test]
async fn stopping_a_sandbox_leaves_no_process() {
    let mut sandbox = with_a_database().await;
    sandbox.stop(Signal::SIGTERM).await;
    assert_eq!(sandbox.processes(), [""; 0]);
    assert!(!sandbox.dir().join("sandbox.json").exists());
}

#[tokio::test]
async fn call_completes_after_its_client_disconnects() {
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
async fn stopping_at_once_waits_for_a_running_initdb() {
    // moto is installed already, but the empty cluster has to be created.
    let kept = tempfile::tempdir().expect("there is room for a temporary folder");
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let installed = cache.expect("there is a home folder").join("stackctl");
    drop(Sandbox::start_with_own_moto(None).await);
    std::fs::create_dir(kept.path().join("stackctl")).expect("a folder");
    for entry in std::fs::read_dir(installed).expect("a sandbox has run").flatten() {
        if entry.file_name().to_string_lossy().starts_with("moto-") {
            let link = kept.path().join("stackctl").join(entry.file_name());
            std::os::unix::fs::symlink(entry.path(), link).expect("a link");
        }
    }
    let mut sandbox = Sandbox::start_with_own_moto(Some(kept.path())).await;
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
async fn killing_a_sandbox_leaves_no_process() {
    let mut sandbox = with_a_database().await;
    sandbox.stop(Signal::SIGKILL).await;
    until("nothing of it runs", async || sandbox.processes().is_empty().then_some(())).await;
}

#[tokio::test]
async fn two_sandboxes_side_by_side_are_isolated() {
    let (one, other) = tokio::join!(Sandbox::start(), Sandbox::start());
    network(&one).await;
    let count = async |sandbox: &Sandbox| sandbox.query("ec2", "DescribeVpcs", &[]).await.ok().elements("vpcId").len();
    assert_eq!(count(&one).await, count(&other).await + 1);
}

#[tokio::test]
async fn port_in_use_is_reported_at_once() {
    let sandbox = Sandbox::start().await;
    let dir = tempfile::tempdir().expect("there is room for a temporary folder");
    let mut second = serve(dir.path(), &["--port", sandbox.port()], &[]);
    let status = until("the second has ended", async || second.try_wait().expect("it is our child")).await;
    assert!(!status.success());
    let log = std::fs::read_to_string(dir.path().join("sandbox.log")).expect("it has a log");
    assert!(log.contains(sandbox.port()) && log.contains("--port"), "{log}");
}

/// A warm moto. Dropping it ends the process.
struct Warm {
    child: Child,
    dir: tempfile::TempDir,
}

impl Warm {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("there is room for a temporary folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackctl-sandbox"));
        let child = command.args(["warm", "--dir"]).arg(dir.path()).spawn().expect("the program was just built");
        let warm = Self { child, dir };
        until("it is ready", async || Path::new(&warm.socket()).exists().then_some(())).await;
        warm
    }

    fn socket(&self) -> String {
        self.dir.path().join("moto.socket").to_str().expect("a temporary folder's name is plain").to_owned()
    }

    /// Returns the number of its forks that run.
    fn forks(&self) -> usize {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        children.expect("it runs").split_whitespace().count()
    }

    async fn until_forks(&self, count: usize) {
        until(&format!("{count} forks run"), async || (self.forks() == count).then_some(())).await;
    }
}

impl Drop for Warm {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn fork_of_a_warm_moto_ends_with_its_sandbox() {
    let warm = Warm::start().await;
    let socket = warm.socket();
    let start = || Sandbox::start_with_warm_moto(&socket);
    let (mut one, mut other, third) = tokio::join!(start(), start(), start());
    assert_eq!(warm.forks(), 3);
    let ((of_one, _), (of_other, _)) = tokio::join!(network(&one), network(&other));
    assert_ne!(of_one, of_other, "each has ids of its own");
    let vpcs = async |sandbox: &Sandbox| sandbox.query("ec2", "DescribeVpcs", &[]).await.ok().elements("vpcId");
    assert!(!vpcs(&one).await.contains(&of_other) && !vpcs(&other).await.contains(&of_one));

    one.stop(Signal::SIGTERM).await;
    assert_eq!(warm.forks(), 2, "it has ended before its sandbox");
    other.stop(Signal::SIGKILL).await;
    warm.until_forks(1).await;
    assert!(!vpcs(&third).await.is_empty());
}

#[tokio::test]
async fn forks_of_a_warm_moto_end_with_it() {
    let mut warm = Warm::start().await;
    let sandbox = Sandbox::start_with_warm_moto(&warm.socket()).await;
    let id = warm.child.id();
    let fork = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("it runs");
    warm.child.kill().expect("it runs until now");
    warm.child.wait().expect("it is our child");
    let folder = PathBuf::from("/proc").join(fork.trim());
    until("the fork has ended", async || (!folder.exists()).then_some(())).await;
    // And it does not fork for another sandbox.
    let dir = tempfile::tempdir().expect("there is room for a temporary folder");
    let mut second = serve(dir.path(), &[], &[("STACKCTL_SANDBOX_MOTO", &warm.socket())]);
    let status = until("the second has ended", async || second.try_wait().expect("it is our child")).await;
    assert!(!status.success());
    let log = std::fs::read_to_string(dir.path().join("sandbox.log")).expect("it has a log");
    assert!(log.contains("STACKCTL_SANDBOX_MOTO"), "{log}");
    drop(sandbox);
}
