//! The empty cluster that every database is copied from. It is created once per Postgres version and shared by all
//! sandboxes, because initdb takes longer than everything else that a database needs.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::postgres::Postgres;
use crate::{authority::Issued, cache, children::own};

/// The options of initdb.
const OPTIONS: [&str; 10] = [
    "--username",
    "rdsadmin",
    "--auth-local",
    "trust",
    "--auth-host",
    "scram-sha-256",
    "--encoding",
    "UTF8",
    "--no-sync",
    "--no-instructions",
];

/// Returns the empty cluster. If it does not exist yet, it is created in `dir` and moved to the cache.
pub(super) async fn of(postgres: &Postgres, dir: &Path) -> Result<PathBuf> {
    let version = postgres.command("postgres").arg("--version").output().await.context("cannot run postgres")?;
    let mut of = Sha256::new();
    of.update(&version.stdout);
    of.update(OPTIONS.join(" "));
    // The files belong to the user of the servers, which is another one if the sandbox runs as root.
    of.update(Uid::current().to_string());
    let of: String = of.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let kept = cache::folder()?.join(format!("postgres-{of}"));
    if kept.exists() {
        return Ok(kept);
    }
    let made = dir.join("template");
    let output = postgres.command("initdb").arg("--pgdata").arg(&made).args(OPTIONS).output().await;
    let output = output.context("cannot run initdb")?;
    if !output.status.success() {
        bail!("initdb: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    // Another sandbox may do the same at the same time. The first complete cluster is kept.
    let part = kept.with_extension(std::process::id().to_string());
    copy(&made, &part).await?;
    match fs::rename(&part, &kept) {
        Ok(()) => fs::remove_dir_all(&made)?,
        Err(_) if kept.exists() => fs::remove_dir_all(&part)?,
        Err(error) => return Err(error).with_context(|| format!("cannot keep {}", kept.display())),
    }
    Ok(kept)
}

/// Copies a cluster and preserves its owner.
pub(super) async fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).kill_on_drop(true).output().await?;
    if !copied.status.success() {
        bail!("cannot copy the empty cluster: {}", String::from_utf8_lossy(&copied.stderr).trim());
    }
    Ok(())
}

/// Says who may log in: clients with TLS, or those without as well.
pub(super) fn admit(home: &Path, is_open: bool) -> Result<()> {
    let clients = if is_open { "host" } else { "hostssl" };
    fs::write(home.join("pg_hba.conf"), format!("local all all trust\n{clients} all all all scram-sha-256\n"))?;
    Ok(())
}

/// Gives a copy what is its own: its certificate.
pub(super) fn complete(home: &Path, issued: &Issued) -> Result<()> {
    fs::write(home.join("server.crt"), &issued.certificate)?;
    fs::write(home.join("server.key"), &issued.key)?;
    fs::set_permissions(home.join("server.key"), fs::Permissions::from_mode(0o600))?;
    own(&home.join("server.crt"))?;
    own(&home.join("server.key"))?;
    Ok(())
}
