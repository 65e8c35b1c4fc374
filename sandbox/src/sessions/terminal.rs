//! Runs a command in a task, on its own terminal.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::Path,
    process::Stdio,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use serde_json::Value;
use tokio::{process::Command as Process, sync::mpsc};

use super::wire::{DATA, SIZE, Said};
use crate::{
    children::{Files, entering},
    emulator,
};

/// A command to run in a task.
pub(crate) struct Command {
    pub(crate) line: String,
    pub(crate) files: Files,
    pub(crate) environment: BTreeMap<String, String>,
}

/// The prefix of the agent's own errors.
const ERROR: &str = "----------ERROR-------\nUnable to start command: ";

pub(super) async fn run(command: Command, mut told: mpsc::UnboundedReceiver<(u32, Vec<u8>)>, say: mpsc::Sender<Said>) {
    let (mut child, terminal) = match begin(&command) {
        Ok(begun) => begun,
        Err(why) => return drop(say.send(Said::Over(format!("{ERROR}{why}"))).await),
    };
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let (reader, writer, size) = (terminal.try_clone(), terminal.try_clone(), terminal);
    let (Ok(mut reader), Ok(mut writer)) = (reader, writer) else { return };
    let (output, mut read) = mpsc::channel::<Vec<u8>>(16);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // Reading fails when no process has the terminal open any more.
        while let Ok(length @ 1..) = reader.read(&mut buffer) {
            if output.blocking_send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    let (keys, typed) = std::sync::mpsc::channel::<Vec<u8>>();
    std::thread::spawn(move || {
        while let Ok(bytes) = typed.recv() {
            if writer.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    loop {
        tokio::select! {
            bytes = read.recv() => match bytes {
                Some(bytes) => {
                    if say.send(Said::Payload(DATA, bytes)).await.is_err() {
                        break;
                    }
                }
                None => break,
            },
            one = told.recv() => match one {
                Some((DATA, bytes)) => drop(keys.send(bytes)),
                Some((SIZE, bytes)) => resize(&size, &bytes),
                Some(_) => {}
                None => break,
            },
        }
    }
    if let Some(pid) = pid {
        let _ = killpg(pid, Signal::SIGKILL);
    }
    drop(child.wait().await);
    drop(say.send(Said::Over(String::new())).await);
}

fn resize(terminal: &File, bytes: &[u8]) {
    let size: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let number = |key: &str| size[key].as_u64().and_then(|number| u16::try_from(number).ok());
    if let (Some(columns), Some(rows)) = (number("cols"), number("rows")) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let _ = tcsetwinsize(terminal, size);
    }
}

fn begin(command: &Command) -> Result<(tokio::process::Child, File), String> {
    let words = words(&command.line).ok_or("Failed to parse commands input: EOF found when expecting closing quote")?;
    let program = words.first().ok_or("Failed to parse commands input: there is none")?;
    let path = std::env::var("PATH").unwrap_or_default();
    exists(&command.files.root, program, &path).map_err(|why| format!("Failed to start pty: {why}"))?;
    let unopened = |error: std::io::Error| format!("Failed to start pty: {error}");
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .map_err(|error| unopened(error.into()))?;
    grantpt(&master).and_then(|()| unlockpt(&master)).map_err(|error| unopened(error.into()))?;
    let name = ptsname(&master, Vec::new()).map_err(|error| unopened(error.into()))?;
    let name = name.to_str().map_err(|_| "Failed to start pty: it has no name")?;
    let open = || OpenOptions::new().read(true).write(true).open(name).map(Stdio::from);
    let mut process = Process::new("setsid");
    // The command gets the terminal as its controlling terminal.
    process
        .arg("--ctty")
        .args(entering(&command.files))
        .args(emulator::line(&command.files.root, &words))
        .env_clear()
        .current_dir("/");
    process.envs(&command.environment).env("TERM", "xterm-256color").env("PATH", &path);
    if !command.environment.contains_key("LANG") {
        process.env("LANG", "C.UTF-8");
    }
    process.stdin(open().map_err(unopened)?).stdout(open().map_err(unopened)?).stderr(open().map_err(unopened)?);
    let child = process.kill_on_drop(true).spawn().map_err(unopened)?;
    Ok((child, File::from(master)))
}

/// Checks that the image has the program. The error has the words of Go.
fn exists(root: &Path, program: &str, path: &str) -> Result<(), String> {
    let inside = |path: &str| root.join(path.trim_start_matches('/')).symlink_metadata().is_ok();
    if program.contains('/') {
        return inside(program).then_some(()).ok_or_else(|| format!("fork/exec {program}: no such file or directory"));
    }
    let found = path.split(':').any(|folder| inside(&format!("{folder}/{program}")));
    found.then_some(()).ok_or_else(|| format!("exec: \"{program}\": executable file not found in $PATH"))
}

/// Splits a line into words like a shell, or returns `None` if a quotation is not closed.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut rest) = (Vec::new(), None::<String>, line.chars());
    while let Some(c) = rest.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '#' if word.is_none() => {
                rest.by_ref().find(|c| *c == '\n');
            }
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '"' => break,
                        '\\' => word.push(rest.next()?),
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(rest.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_split_like_in_a_shell() {
        assert_eq!(
            words(r#"sh -c 'echo $A; x' "a\"b" c\ d '' e'f'"#).expect("it ends"),
            ["sh", "-c", "echo $A; x", "a\"b", "c d", "", "ef"]
        );
        assert_eq!(words("echo a#b # the rest\nc").expect("it ends"), ["echo", "a#b", "c"]);
        assert_eq!(words("echo 'open"), None);
    }
}
