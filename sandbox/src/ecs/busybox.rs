//! The official `busybox` image. The sandbox does not pull it, but builds it from this machine's `BusyBox`.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::tools;

/// Returns the run configuration of the image.
/// <https://hub.docker.com/_/busybox>
pub(super) fn config() -> Value {
    json!({ "Cmd": ["sh"] })
}

/// Copies `BusyBox` into `root`, with a link for each of its commands.
pub(super) fn fill(root: &Path) -> Result<()> {
    let program = tools::found("busybox").context("BusyBox is not installed here: sudo apt-get install busybox")?;
    let programs = root.join("bin");
    fs::create_dir_all(&programs)?;
    fs::create_dir_all(root.join("usr"))?;
    symlink("../bin", root.join("usr/bin"))?;
    tools::lay_libraries(root, tools::needed_by(&program)?)?;
    fs::copy(&program, programs.join("busybox")).context("cannot copy BusyBox")?;
    let listed = Command::new(&program).arg("--list").output().context("cannot run BusyBox")?;
    let names = String::from_utf8_lossy(&listed.stdout);
    for name in names.lines().filter(|name| *name != "busybox") {
        symlink("busybox", programs.join(name)).with_context(|| format!("cannot link {name}"))?;
    }
    Ok(())
}
