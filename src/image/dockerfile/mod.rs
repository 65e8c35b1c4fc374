//! Builds a Dockerfile with the `docker` command and reads the archive that it saves. The digest, the tag and the push
//! work as for any other image.
//!
//! The layers have Docker's exact content and are only compressed again here. One layer is added on top and listed in
//! the configuration, so an image from Docker's cache has the same digest again.

mod archive;

use std::{collections::BTreeMap, ffi::OsStr, path::Path, process::Stdio};

use tokio::process::Command;

use super::{
    layered::Layered,
    lines::{LAST_LINES, last_lines},
};
use crate::model::{Evidence, Failure, Subject};

/// A Dockerfile and the options of its build.
pub(super) struct Build<'a> {
    pub(super) dockerfile: &'a Path,
    /// The folder that its COPY paths are relative to.
    pub(super) context: &'a Path,
    /// The stage to build; the last one if `None`.
    pub(super) target: Option<&'a str>,
    /// The build arguments.
    pub(super) args: &'a BTreeMap<String, String>,
    /// The platform to build for, independent of the build machine, such as `linux/amd64`.
    pub(super) platform: &'a str,
}

impl Build<'_> {
    /// Returns the arguments of `docker`, which writes the image ID to the file `id`. A build argument is passed
    /// without its value, and Docker reads the value from its environment, so that a process list does not show it.
    fn arguments<'b>(&'b self, id: &'b Path) -> Vec<&'b OsStr> {
        let mut arguments: Vec<&OsStr> =
            vec!["build".as_ref(), "--platform".as_ref(), self.platform.as_ref(), "--iidfile".as_ref(), id.as_ref()];
        let stage = self.target.iter().map(|stage| ("--target", *stage));
        for (option, value) in stage.chain(self.args.keys().map(|name| ("--build-arg", name.as_str()))) {
            arguments.extend([OsStr::new(option), OsStr::new(value)]);
        }
        arguments.extend([OsStr::new("--file"), self.dockerfile.as_os_str()]);
        arguments.push(self.context.as_os_str());
        arguments
    }

    /// Returns the same build as a command to type in a shell.
    fn in_words(&self) -> String {
        let stage = self.target.map(|stage| format!(" --target {stage}")).unwrap_or_default();
        let args: String = self.args.keys().map(|name| format!(" --build-arg {name}=…")).collect();
        format!(
            "docker build --platform {} --file {}{stage}{args} {}",
            self.platform,
            self.dockerfile.display(),
            self.context.display()
        )
    }
}

/// Builds the image with `docker`, the name or path of the command; `say` gets the steps of the build.
pub(super) async fn build(docker: &OsStr, build: &Build<'_>, say: &(dyn Fn(&str) + Sync)) -> Result<Layered, Failure> {
    if !build.dockerfile.is_file() {
        return Err(Failure::about(Subject::activity("build"), format!("{} not found", build.dockerfile.display()))
            .hint("set `dockerfile:` to the path of a file, relative to the folder of stack.yaml"));
    }
    let engine = ["version", "--format", "{{.Server.Version}}"];
    let none = BTreeMap::new();
    run(docker, engine, &none, &|_| {}).await.map_err(|failure| match failure.hint {
        // The command was not found, and the error already has a hint.
        Some(_) => failure,
        None => failure.hint("start the Docker engine, or set DOCKER_HOST; `docker version` must show a server"),
    })?;
    let scratch = tempfile::tempdir().map_err(|error| {
        Failure::about(Subject::activity("build"), format!("cannot create a temporary folder: {error}"))
    })?;
    let (id, archive) = (scratch.path().join("id"), scratch.path().join("image.tar"));
    run(docker, build.arguments(&id), build.args, say)
        .await
        .map_err(|failure| failure.hint(format!("fix the error, then check with `{}`", build.in_words())))?;
    let id = std::fs::read_to_string(&id).map_err(|error| {
        Failure::about(Subject::program("docker build"), format!("cannot read the ID of the image: {error}"))
    })?;
    run(docker, ["save".as_ref(), "--output".as_ref(), archive.as_os_str(), id.trim().as_ref()], &none, &|_| {})
        .await?;
    let platform = build.platform.to_owned();
    tokio::task::spawn_blocking(move || {
        // The folder must exist until the archive is read.
        let _scratch = scratch;
        archive::read(&archive, &platform)
    })
    .await
    .map_err(|error| Failure::internal(format!("cannot read the image: {error}")))?
}

/// Runs `docker` to its end with these additional environment variables; `say` gets the output lines that begin a step.
async fn run<'a>(
    docker: &OsStr,
    arguments: impl IntoIterator<Item = &'a (impl AsRef<OsStr> + ?Sized + 'a)>,
    variables: &BTreeMap<String, String>,
    say: &(dyn Fn(&str) + Sync),
) -> Result<(), Failure> {
    let arguments: Vec<&OsStr> = arguments.into_iter().map(AsRef::as_ref).collect();
    let mut command = Command::new(docker);
    command.args(&arguments).envs(variables);
    // BuildKit prints one line per step and adds no attestations, which are of no use in a task.
    command.env("BUILDKIT_PROGRESS", "plain").env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| {
        Failure::about(Subject::activity("build"), format!("cannot run docker: {error}")).hint(
            "install Docker to build a Dockerfile: https://docs.docker.com/engine/install; a Cargo package needs no \
             Docker: `build: app`",
        )
    })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let hear = |line: &str| {
        if is_step(line) {
            say(line);
        }
    };
    // The legacy builder prints its steps to standard output, BuildKit to standard error.
    let (out, err) = tokio::join!(last_lines(stdout, &hear), last_lines(stderr, &hear));
    let program = format!("docker {}", arguments.first().and_then(|word| word.to_str()).unwrap_or_default());
    let status = child.wait().await.map_err(|error| Failure::about(Subject::program(&program), error.to_string()))?;
    if status.success() {
        return Ok(());
    }
    let mut lines: Vec<String> = out.into_iter().chain(err).collect();
    lines.drain(..lines.len().saturating_sub(LAST_LINES));
    let failure = Failure::about(Subject::program(&program), format!("failed with {status}"));
    Err(failure.evidence(Evidence::Output { lines }))
}

/// Whether this output line begins a step: `Step 2/5 : COPY …`, or BuildKit's `#7 [build 2/5] COPY …`.
fn is_step(line: &str) -> bool {
    let numbered = line.strip_prefix('#').is_some_and(|rest| {
        rest.split_once(' ').is_some_and(|(number, rest)| number.parse::<u32>().is_ok() && rest.starts_with('['))
    });
    numbered || line.starts_with("Step ")
}

#[cfg(test)]
mod tests;
