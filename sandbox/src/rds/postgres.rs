//! The Postgres programs of this machine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Result, bail};
use tokio::process::Command;

use crate::children;

/// The folder of the Postgres programs.
#[derive(Clone)]
pub(crate) struct Postgres(PathBuf);

impl Postgres {
    /// Finds the newest Postgres of this machine.
    pub(crate) fn find() -> Result<Self> {
        let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
            .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
            .unwrap_or_default();
        versions.sort();
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let mut places: Vec<PathBuf> = versions.into_iter().rev().collect();
        places.extend(std::env::split_paths(&on_path));
        let complete =
            |place: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|program| place.join(program).is_file());
        match places.into_iter().find(complete) {
            Some(place) => Ok(Self(place)),
            None => bail!(
                "Postgres is not installed: the sandbox runs a real one for each database. sudo apt-get install postgresql"
            ),
        }
    }

    /// Returns the folder of the programs.
    pub(crate) fn programs(&self) -> &Path {
        &self.0
    }

    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = children::command(&self.0.join(program));
        command.stdin(Stdio::null()).env("LC_ALL", "C");
        command
    }

    /// Runs SQL as the superuser, through the socket in `dir`.
    pub(super) async fn sql(&self, dir: &Path, sql: &str) -> Result<()> {
        let mut command = self.command("psql");
        command.arg("--host").arg(dir).args([
            "--username",
            "rdsadmin",
            "--dbname",
            "template1",
            "--no-psqlrc",
            "-v",
            "ON_ERROR_STOP=1",
        ]);
        // The SQL goes through standard input, because everybody on this machine can read arguments.
        command.arg("--quiet").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            tokio::io::AsyncWriteExt::write_all(&mut stdin, sql.as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!("psql: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }
}
