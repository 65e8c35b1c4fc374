//! A Postgres cluster for one test, in a temporary folder, run by an unprivileged user and removed on drop.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tempfile::TempDir;

use super::{PASSWORD, free_port, until};

/// The user that runs the cluster if root runs the tests, because Postgres refuses to run as root.
const UNPRIVILEGED: u32 = 65534;

/// A cluster that runs until it is stopped or dropped.
pub struct Postgres {
    dir: TempDir,
    programs: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    /// Starts a cluster with an empty database and waits until it responds.
    pub async fn start() -> Self {
        let mut postgres = Self::prepare();
        postgres.run().await;
        postgres
    }

    /// Returns a cluster that is not started; its URL is already known.
    pub fn prepare() -> Self {
        let dir = tempfile::tempdir().expect("there is room for a temporary folder");
        let postgres = Self { dir, programs: programs(), port: free_port(), server: None };
        if geteuid().is_root() {
            let owner = Some(UNPRIVILEGED);
            std::os::unix::fs::chown(postgres.dir.path(), owner, owner).expect("root may give its folder away");
        }
        let secret = postgres.dir.path().join("password");
        fs::write(&secret, PASSWORD).expect("the folder can be written");
        let mut command = postgres.command("initdb");
        command.args(["--username", "master", "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"]);
        command.arg("--pwfile").arg(&secret).arg("--pgdata").arg(postgres.data());
        if geteuid().is_root() {
            std::os::unix::fs::chown(&secret, Some(UNPRIVILEGED), None).expect("root may give its file away");
        }
        let output = command.output().expect("setpriv is installed");
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        postgres
    }

    /// Starts the cluster and waits until it responds.
    pub async fn run(&mut self) {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(self.dir.path());
        let port = format!("port={}", self.port);
        for setting in ["listen_addresses=127.0.0.1", &port, "fsync=off", "dynamic_shared_memory_type=mmap"] {
            command.arg("-c").arg(setting);
        }
        let log = fs::File::create(self.log()).expect("the folder can be written");
        let server = command.stdout(Stdio::null()).stderr(log).spawn().expect("postgres is installed");
        let server = self.server.insert(server);
        let log = self.dir.path().join("log");
        let url = url(self.port);
        until("Postgres answers", async || {
            let ended = server.try_wait().expect("it is our child");
            assert!(ended.is_none(), "postgres: {}", fs::read_to_string(&log).unwrap_or_default());
            PgPoolOptions::new().max_connections(1).connect(&url).await.ok()
        })
        .await
        .close()
        .await;
    }

    /// Stops the cluster immediately; its data is kept.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let id = i32::try_from(server.id()).expect("process ids are small");
            // SIGQUIT closes all connections immediately and frees the shared memory.
            kill(Pid::from_raw(id), Signal::SIGQUIT).expect("it runs until now");
            server.wait().expect("it is our child");
        }
    }

    /// Returns the URL of the database for the program.
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Opens a pool for queries of the test.
    pub async fn pool(&self) -> PgPool {
        PgPoolOptions::new().max_connections(4).connect(&self.url()).await.expect("it runs")
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn command(&self, program: impl AsRef<Path> + AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if geteuid().is_root() {
            let id = UNPRIVILEGED.to_string();
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
        }
        command.arg("--").arg(self.programs.join(program)).stdin(Stdio::null());
        command.env("LC_ALL", "C").current_dir("/");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

fn url(port: u16) -> String {
    format!("postgresql://master:{PASSWORD}@127.0.0.1:{port}/postgres")
}

/// Returns the programs of the newest Postgres on this machine. The test fails if there is none: it must not pass
/// without having run.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let mut places: Vec<PathBuf> = versions.into_iter().flatten().map(|entry| entry.path().join("bin")).collect();
    places.sort();
    places.reverse();
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let complete = |place: &PathBuf| ["initdb", "postgres"].iter().all(|program| place.join(program).is_file());
    places.into_iter().find(complete).expect("Postgres is installed; `make setup` does it")
}
