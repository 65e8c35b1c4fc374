//! `stackctl exec`: runs a command in a running task with ECS Exec.

use std::{io::IsTerminal, time::Duration};

use clap::Args;
use tokio::{
    io::AsyncReadExt,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::{
    cli::{error::Stop, global::Global, project::Project, signals::Signals},
    exit,
    kinds::ecs::service,
    model::{Failure, Subject},
    output::{LineEnds, Output, Raw, terminal_size},
    session::{Event, Input, Session, Size, Tasks},
    spec::Stack,
};

/// How many bytes of input are read at once.
const KEYS: usize = 4096;

/// The character that ends the input on a terminal: Ctrl-D.
const END_OF_INPUT: u8 = 4;

/// How long sending the terminal's size may take.
const FAREWELL: Duration = Duration::from_millis(100);

/// Arguments of `stackctl exec`.
#[derive(Debug, Args)]
#[command(
    after_help = "The service needs `exec: true` in stack.yaml. The image must contain the command, which runs as root. ECS does not \
    report its exit code: use `stackctl run`, which starts a new task, if you need the exit code.\n\n\
    Examples:\n  stackctl exec web -- /bin/sh\n  stackctl exec web --task 0a1b2c -- /app/web --version"
)]
pub(in crate::cli) struct Exec {
    /// Service whose task runs the command.
    service: String,
    /// Task id or the beginning of it [default: any running task].
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Exec {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let (name, live) = enabled(&project, "exec", &self.service).await?;
        let task = Tasks::of(&project.cx, &name, &live).pick(self.task.as_deref()).await?;
        let started = task.execute(&project.cx, &self.command).await?;
        if output.is_json() {
            output.document(&serde_json::json!({ "event": "task", "id": task.id() }));
        } else if std::io::stdin().is_terminal() {
            output.status(&format!("Connected to task {} of {name}.", task.id()));
        }
        let session = Session::open(&project.cx, started).await?;
        Shown::new(output).follow(session).await
    }
}

/// Returns the live service `name`, which must allow sessions.
///
/// # Errors
/// If sessions are not enabled in stack.yaml or on AWS.
pub(super) async fn enabled(project: &Project, command: &str, name: &str) -> Result<(String, service::Live), Stop> {
    let mut services = project.services(command, Some(name)).await?;
    let (name, live) = services.pop().ok_or_else(|| Failure::internal("a service that is named is found"))?;
    if live.exec {
        return Ok((name, live));
    }
    if wants_exec(&project.stack, &name) {
        return Err(Failure::about(
            Subject::command(command),
            format!("`exec: true` is not applied to service.{name} yet"),
        )
        .hint("run `stackctl up`, which replaces its tasks")
        .into());
    }
    Err(Stop::usage(
        format!("cannot run commands in tasks of {name}: the service does not have `exec: true`"),
        format!(
            "add `exec: true` to services.{name} in stack.yaml and run `stackctl up` (docs/concepts/security.md explains the \
             access this gives), or use `stackctl run {name} -- COMMAND`, which does not need it"
        ),
    ))
}

/// Returns whether stack.yaml enables sessions for the service `name`.
fn wants_exec(stack: &Stack, name: &str) -> bool {
    stack.services.get(name).is_some_and(|service| service.exec)
}

/// The output of a session.
struct Shown<'a> {
    output: &'a Output,
    raw: Option<Raw>,
    /// Converts line ends if the output goes to a file.
    ends: Option<LineEnds>,
    /// Holds back incomplete characters if the output is JSON.
    text: Text,
    any: bool,
}

impl<'a> Shown<'a> {
    fn new(output: &'a Output) -> Self {
        let raw = if output.is_json() { None } else { Raw::begin() };
        let ends = (!std::io::stdout().is_terminal()).then(LineEnds::default);
        Self { output, raw, ends, text: Text::default(), any: false }
    }

    fn data(&mut self, bytes: &[u8]) {
        self.any = true;
        let bytes = self.ends.as_mut().map_or_else(|| bytes.to_vec(), |ends| ends.plain(bytes));
        self.write(&bytes);
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.output.is_json() {
            let text = self.text.after(bytes);
            self.document(&text);
        } else {
            self.output.bytes(bytes);
        }
    }

    fn document(&self, text: &str) {
        if !text.is_empty() {
            self.output.document(&serde_json::json!({ "event": "output", "text": text }));
        }
    }

    /// Follows the session until it ends.
    async fn follow(mut self, mut session: Session) -> Result<u8, Stop> {
        let mut resized = signal(SignalKind::window_change())
            .map_err(|error| Failure::about(Subject::activity("listen for the terminal's size"), error.to_string()))?;
        let mut signals = Signals::listen()?;
        let mut typing = None;
        let mut code = None;
        let ended = loop {
            tokio::select! {
                event = session.events.recv() => match event {
                    Some(Event::Ready) => {
                        tell_size(&session.input).await;
                        typing = Some(tokio::spawn(type_in(session.input.clone(), self.raw.is_some())));
                    }
                    Some(Event::Data(bytes)) => self.data(&bytes),
                    Some(Event::Error(bytes)) => self.output.error_bytes(&bytes),
                    Some(Event::ExitCode(number)) => code = Some(number),
                    Some(Event::Greeted { .. } | Event::Flag(_)) => {}
                    Some(Event::Closed(why)) => break Ok(why),
                    None => break Ok("the session ended without a message".to_owned()),
                },
                _ = resized.recv() => tell_size(&session.input).await,
                by = signals.next() => break Err(by),
            }
        };
        if let Some(typing) = typing {
            typing.abort();
        }
        if let Some(rest) = self.ends.as_mut().map(LineEnds::rest).filter(|rest| !rest.is_empty()) {
            self.write(&rest);
        }
        let rest = self.text.rest();
        self.document(&rest);
        // Restore the terminal before anything is printed.
        drop(self.raw.take());
        match ended {
            Ok(why) => self.end(code, &why),
            Err(by) => {
                session.end().await;
                Ok(by.code())
            }
        }
    }

    fn end(&self, code: Option<i32>, why: &str) -> Result<u8, Stop> {
        let lines = why.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("-----"));
        let why: Vec<&str> = lines.collect();
        if why.is_empty() {
            if self.output.is_json() {
                self.output.document(&serde_json::json!({ "event": "ended", "exit_code": code }));
            }
            return Ok(code.map_or(exit::DONE, |code| u8::try_from(code).unwrap_or(exit::FAILED)));
        }
        let failure = Failure::about(Subject::command("exec"), why.join(" "));
        let in_image = "the image must contain the command, by its path or on the image's PATH. An image that \
         `build:` makes from a crate contains the crate's binary but no shell";
        Err(if self.any { failure } else { failure.hint(in_image) }.into())
    }
}

/// Text in pieces that may end within a character.
#[derive(Default)]
struct Text {
    /// The start of an incomplete character.
    held: Vec<u8>,
}

impl Text {
    /// Returns the text up to the last complete character of `piece`. Invalid bytes are replaced.
    fn after(&mut self, piece: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(piece);
        let whole = bytes.len() - begun(&bytes);
        self.held = bytes.split_off(whole);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the rest at the end of the input.
    fn rest(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// Returns how many bytes at the end belong to an incomplete character.
fn begun(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last().map(|chunk| chunk.invalid()).unwrap_or_default();
    let is_begun = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
    if is_begun { last.len() } else { 0 }
}

async fn tell_size(input: &mpsc::Sender<Input>) {
    let (cols, rows) = terminal_size();
    // If typed input is still waiting, the size is skipped; the next one replaces it.
    drop(input.send_timeout(Input::Size(Size { cols, rows }), FAREWELL).await);
}

/// Sends standard input. If it is not a terminal, also sends its end.
async fn type_in(input: mpsc::Sender<Input>, is_raw: bool) {
    let mut stdin = tokio::io::stdin();
    let mut keys = vec![0; KEYS];
    let mut last = b'\n';
    while let Ok(length @ 1..) = stdin.read(&mut keys).await {
        last = keys[length - 1];
        if input.send(Input::Data(keys[..length].to_vec())).await.is_err() {
            return;
        }
    }
    if !is_raw {
        // In the middle of a line, the first one only ends the line.
        let end = if last == b'\n' { vec![END_OF_INPUT] } else { vec![END_OF_INPUT; 2] };
        drop(input.send(Input::Data(end)).await);
    }
    // The session ends with the command, not with the input.
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_does_not_depend_on_where_it_is_cut(text in "\\PC{0,40}", size in 1..8_usize) {
            let mut pieces = Text::default();
            let mut shown: String = text.as_bytes().chunks(size).map(|piece| pieces.after(piece)).collect();
            shown.push_str(&pieces.rest());
            prop_assert_eq!(shown, text);
        }
    }

    #[test]
    fn invalid_text_is_shown_at_once_and_a_cut_character_at_the_end() {
        let mut text = Text::default();
        assert_eq!(text.after(b"a\xffb\xe2\x82"), "a\u{fffd}b");
        assert_eq!(text.after(b"\xac!"), "\u{20ac}!");
        assert_eq!(text.after(b"\xe2"), "");
        assert_eq!((text.rest().as_str(), text.rest().as_str()), ("\u{fffd}", ""));
    }
}
