//! Tests that load dumps of this machine's `pg_dump` into a real Postgres with psql.

use std::{
    io::Write,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use tempfile::TempDir;

use super::super::{Dump, MultiGzDecoder};

/// A database with tables, functions and all other kinds of objects in a dump.
const RICH: &str = include_str!("rich.sql");

/// The user that runs the server if root runs the tests, because Postgres refuses to run as root.
const UNPRIVILEGED: u32 = 65534;

/// A Postgres server for one test, and the folder with its data and the dumps.
struct Server {
    folder: TempDir,
    programs: PathBuf,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = Pid::from_raw(i32::try_from(self.process.id()).expect("an id"));
        let _ = kill(process, Signal::SIGQUIT);
        drop(self.process.wait());
    }
}

impl Server {
    fn start() -> Self {
        let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
            .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
            .unwrap_or_default();
        versions.sort();
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let mut places = versions.into_iter().rev().chain(std::env::split_paths(&on_path));
        let complete = |place: &PathBuf| {
            ["initdb", "postgres", "psql", "pg_dump"].iter().all(|program| place.join(program).is_file())
        };
        let programs = places.find(complete).expect("Postgres is installed: scripts/setup says how");
        let folder = tempfile::tempdir().expect("a folder");
        if geteuid().is_root() {
            chown(folder.path(), Some(UNPRIVILEGED), Some(UNPRIVILEGED)).expect("it is ours");
        }
        let data = folder.path().join("data");
        let made = unprivileged(&programs.join("initdb"))
            .args([
                "--username",
                "admin",
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
                "--no-locale",
                "--no-sync",
                "--pgdata",
            ])
            .arg(&data)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", text(&made.stderr));
        let mut server = unprivileged(&programs.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-c", "listen_addresses=", "-c", "fsync=off"]);
        server.args(["-c", "dynamic_shared_memory_type=mmap", "-c", "shared_buffers=16MB", "-c", "wal_level=logical"]);
        let process = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("postgres runs");
        let server = Self { folder, programs, process };
        for _ in 0..300 {
            if server.psql("postgres", &["--command=SELECT 1"], b"").status.success() {
                return server;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("postgres does not answer");
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env("PGHOST", self.folder.path()).env("PGUSER", "admin").env_remove("PGOPTIONS");
        command
    }

    /// Runs psql as the task does, with `input` as standard input.
    fn psql(&self, database: &str, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.client("psql");
        command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", database]).args(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("it is a pipe");
        // psql stops reading at an error and reports it, so a failed write is ignored.
        thread::scope(|scope| {
            scope.spawn(move || drop(stdin.write_all(input)));
            child.wait_with_output().expect("it is our child")
        })
    }

    fn run(&self, database: &str, arguments: &[&str], input: &[u8]) -> String {
        let output = self.psql(database, arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn make(&self, database: &str) {
        self.run("postgres", &[&format!("--command=DROP DATABASE IF EXISTS {database}")], b"");
        self.run("postgres", &[&format!("--command=CREATE DATABASE {database} TEMPLATE template0")], b"");
    }

    /// Returns the file that `pg_dump` writes with these arguments.
    fn dump(&self, database: &str, arguments: &[&str], options: &str) -> PathBuf {
        let file = self.folder.path().join("dump.sql");
        let mut command = self.client("pg_dump");
        command.env("PGOPTIONS", options).args(arguments).arg("--file").arg(&file).arg(database);
        let output = command.output().expect("pg_dump runs");
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        file
    }

    /// Returns the content of a database, without owners and the key that is different in each dump.
    fn content(&self, database: &str) -> String {
        let dump = std::fs::read(self.dump(database, &["--no-owner"], "")).expect("it is there");
        let dump = text(&dump);
        dump.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
    }

    /// Loads the file as the task does.
    fn load(&self, database: &str, file: &Path) {
        let dump = Dump::prepare(file, false).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        let mut loaded = Vec::new();
        let packed = std::fs::File::open(dump.path()).expect("it is there");
        std::io::Read::read_to_end(&mut MultiGzDecoder::new(packed), &mut loaded).expect("it is whole");
        let lines = |text: &[u8]| text.split(|byte| *byte == b'\n').count();
        assert_eq!(lines(&loaded), lines(&std::fs::read(file).expect("it is there")));
        self.run(database, &["--single-transaction", "--output=/dev/null", "--file=-"], &loaded);
    }
}

fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if geteuid().is_root() {
        let id = UNPRIVILEGED.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
    }
    command.arg("--").arg(program).current_dir("/").env("LC_ALL", "C").stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn rich_dump_is_loaded_like_pg_dump_no_owner() {
    let server = Server::start();
    server.make("rich");
    server.run("rich", &["--output=/dev/null", "--file=-"], RICH.as_bytes());
    let content = server.content("rich");
    let owners = "--command=SELECT count(*) FROM pg_class WHERE relowner <> 'admin'::regrole";
    assert_ne!(server.run("rich", &["--no-align", "--tuples-only", owners], b""), "0\n");

    // The second dump is loaded over the objects of the first.
    let cases: &[&[&str]] = &[
        &[],
        &["--clean"],
        &["--clean", "--if-exists"],
        &["--inserts"],
        &["--column-inserts"],
        &["--rows-per-insert=2"],
        &["--use-set-session-authorization"],
        &["--no-owner"],
        &["--quote-all-identifiers"],
        &["--disable-dollar-quoting", "--quote-all-identifiers", "--clean", "--if-exists", "--inserts"],
    ];
    for arguments in cases {
        if *arguments != ["--clean"] {
            server.make("copy");
        }
        server.load("copy", &server.dump("rich", arguments, ""));
        assert_eq!(server.content("copy"), content, "{arguments:?}");
        assert_eq!(server.run("copy", &["--no-align", "--tuples-only", owners], b""), "0\n", "{arguments:?}");
    }

    server.make("copy");
    server.load("copy", &server.dump("rich", &["--disable-dollar-quoting"], "-c standard_conforming_strings=off"));
    assert_eq!(server.content("copy"), content, "with backslashes that escape");

    server.make("copy");
    server.load("copy", &server.dump("rich", &["--schema=\"Odd; schema\""], ""));
    let rows = "--command=SELECT * FROM \"Odd; schema\".\"Odd \"\" table; COMMIT;\"";
    assert_eq!(server.run("copy", &["--no-align", "--tuples-only", rows], b""), "; END;|1\n");

    let refusal = Dump::prepare(&server.dump("rich", &["--create"], ""), false).expect_err("it is refused");
    assert_eq!(refusal.message, "applies to a whole database");
}
