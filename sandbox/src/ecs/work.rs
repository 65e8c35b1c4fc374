//! What a container is run with, and the process of a command in it.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, process::Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::{
    children::{Files, entering},
    emulator,
};

/// A folder of this computer that is a volume of a task.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    /// Whether the role of the task may write there.
    pub(super) writable: bool,
}

/// What a container is run with.
pub(super) struct Work {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) container: Value,
    pub(super) definition: Value,
    pub(super) overrides: Value,
    /// Where it listens on this computer.
    pub(super) port: u16,
    /// Where the containers of its task believe that they listen, and where they do on this computer.
    pub(super) ports: BTreeMap<u16, u16>,
    /// The folders of this computer that are the volumes of its task, by their names, and whether it may write there.
    pub(super) volumes: BTreeMap<String, Folder>,
    /// Where the folders are that its task has in memory.
    pub(super) in_memory: PathBuf,
}

/// What went wrong before the process began: the reason of the task, in ECS's words.
pub(super) struct Unstarted(pub(super) String);

/// The process of `line`: in the container's files, as an unprivileged user, gone when the sandbox is.
pub(super) fn inside(files: &Files, line: &[String], variables: &BTreeMap<String, String>) -> Command {
    limited(files, line, variables, None)
}

/// As [`inside`], with this many open files at most. Whoever is not root can only lower that.
pub(super) fn limited(
    files: &Files,
    line: &[String],
    variables: &BTreeMap<String, String>,
    nofile: Option<u64>,
) -> Command {
    let limit = nofile.map(|nofile| ["prlimit".into(), format!("--nofile={nofile}:{nofile}").into(), "--".into()]);
    let words: Vec<OsString> = limit.into_iter().flatten().chain(entering(files)).collect();
    let [program, arguments @ ..] = &words[..] else { unreachable!("it begins with a program") };
    let mut command = Command::new(program);
    command.args(arguments).args(emulator::line(&files.root, line)).env_clear().current_dir("/").envs(variables);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}
