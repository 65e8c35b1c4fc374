//! The processes that the sandbox starts. They end with it, and none runs as root.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use tokio::process::Command;

/// The user of children when the sandbox runs as root. Postgres refuses to run as root.
pub(crate) const UNPRIVILEGED: u32 = 65534;

/// Refuses a folder that the unprivileged user cannot enter, such as root's home on many systems.
pub(crate) fn may_enter(dir: &Path) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    for folder in dir.ancestors().skip(1) {
        let mode = fs::metadata(folder)?.permissions().mode();
        if mode & 0o001 == 0 {
            bail!(
                "databases run as an unprivileged user, which {} is closed to: name another folder with --dir or \
                 STACKCTL_SANDBOX_DIR, such as /var/lib/stackctl/sandbox",
                folder.display(),
            );
        }
    }
    Ok(())
}

/// Returns the command of a server: it ends with the sandbox and runs as an unprivileged user.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if nix::unistd::geteuid().is_root() {
        let id = UNPRIVILEGED.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
    }
    command.arg("--").arg(program).current_dir("/").kill_on_drop(true);
    command
}

/// The files that the processes of a container see.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// The root file system of its image.
    pub(crate) root: PathBuf,
    /// The mounts on top of it.
    pub(crate) mounts: Vec<Mount>,
}

/// A folder of this computer that is mounted over a folder of a container.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    /// The folder of this computer.
    pub(crate) source: PathBuf,
    /// The folder of the container, as a path on this computer. It exists.
    pub(crate) target: PathBuf,
    pub(crate) read_only: bool,
}

/// A shell script that makes the mounts in its arguments up to `--` and then executes the rest.
const MOUNTING: &str = r#"set -e; while [ "$1" != -- ]; do mount --bind "$1" "$2"; [ "$3" = rw ] || mount -o remount,bind,ro "$2"; shift 3; done; shift; exec "$@""#;

/// Returns the arguments that make the mounts of `files` in a private namespace. Each process of a container makes
/// them anew.
fn mounting(files: &Files) -> Vec<OsString> {
    let shell = ["--mount", "--propagation", "private", "--", "sh", "-c", MOUNTING, "sh"].map(OsString::from);
    let mounts = files.mounts.iter().flat_map(|mount| {
        let how = if mount.read_only { "ro" } else { "rw" };
        [mount.source.clone().into_os_string(), mount.target.clone().into_os_string(), how.into()]
    });
    shell.into_iter().chain(mounts).chain(["--".into()]).collect()
}

/// Returns the command line that enters a task's files as an unprivileged user. The task's command follows it.
pub(crate) fn entering(files: &Files) -> Vec<OsString> {
    let root = &files.root;
    let mut words: Vec<OsString> = ["setpriv", "--pdeathsig", "KILL", "--"].map(OsString::from).to_vec();
    if nix::unistd::geteuid().is_root() {
        // chroot needs root, so it comes first. Its --userspec drops root before the command starts.
        let user = format!("+{UNPRIVILEGED}:+{UNPRIVILEGED}");
        if !files.mounts.is_empty() {
            words.push("unshare".into());
            words.extend(mounting(files));
        }
        words.extend(["chroot", "--groups=", "--userspec", &user].map(OsString::from));
        words.push(root.into());
    } else if !files.mounts.is_empty() {
        words.extend(["unshare", "--map-root-user"].map(OsString::from));
        words.extend(mounting(files));
        words.extend(["chroot".into(), root.into()]);
    } else {
        words.extend(["unshare", "--map-root-user", "--root"].map(OsString::from));
        words.extend([root.into(), "--".into()]);
    }
    words
}

/// Gives a path to the user of the children.
pub(crate) fn own(path: &Path) -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
    }
    Ok(())
}
