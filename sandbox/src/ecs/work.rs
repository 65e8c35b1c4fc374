//! The parameters of a container, and the processes that run in it.

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
    /// Whether the task role allows writes.
    pub(super) writable: bool,
}

/// The parameters of a container.
pub(super) struct Work {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) container: Value,
    pub(super) definition: Value,
    pub(super) overrides: Value,
    /// Its port on this computer.
    pub(super) port: u16,
    /// The container ports of its task, each with the port on this computer.
    pub(super) ports: BTreeMap<u16, u16>,
    /// The volumes of its task, by name.
    pub(super) volumes: BTreeMap<String, Folder>,
    /// The parent folder of the in-memory folders of its task.
    pub(super) in_memory: PathBuf,
}

/// An error before the process started: the stop reason of the task, in ECS's words.
pub(super) struct Unstarted(pub(super) String);

/// Returns a command that runs `line` in the container's files, as an unprivileged user. It ends with the sandbox.
pub(super) fn inside(files: &Files, line: &[String], variables: &BTreeMap<String, String>) -> Command {
    limited(files, line, variables, None)
}

/// Like [`inside`], with a limit on open files. A user other than root can only lower the limit.
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
