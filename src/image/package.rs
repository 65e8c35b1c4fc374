//! From a Cargo package to a static program.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::elf;
use crate::model::Failure;

/// What Fargate runs, and what a host can link statically without another toolchain: glibc's own static libraries.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// How many of the compiler's last lines are shown when it fails.
const LAST_LINES: usize = 40;

/// A program and what its package says of it.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) description: String,
    pub(super) bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    description: Option<String>,
    manifest_path: PathBuf,
    default_run: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds the program of the package in `folder`; `say` gets the compiler's lines.
pub(super) async fn build(folder: &Path, say: &(dyn Fn(&str) + Sync)) -> Result<Program, Failure> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(Failure::refused("build", format!("there is no {}", manifest.display()))
            .hint("`build:` names the folder of a Cargo package, from the folder of stack.yaml"));
    }
    let manifest = manifest
        .canonicalize()
        .map_err(|error| Failure::refused("build", format!("{}: {error}", manifest.display())))?;
    let metadata = metadata(&manifest).await?;
    let package = metadata.packages.iter().find(|package| package.manifest_path == manifest);
    let package = package.ok_or_else(|| {
        Failure::refused("build", format!("{} is a workspace, not a package", manifest.display()))
            .hint("name the folder of one of its members")
    })?;
    let name = program(package)?;
    // A folder of its own: a build for the image neither waits for nor undoes what `cargo build` does beside it.
    let target = metadata.target_directory.join("stackctl");
    compile(&manifest, package, name, &metadata.workspace_root, &target, say).await?;
    let path = target.join(TARGET).join("release").join(name);
    let bytes = tokio::fs::read(&path)
        .await
        .map_err(|error| Failure::refused("build", format!("{}: {error}", path.display())))?;
    if !elf::is_static(&bytes) {
        return Err(Failure::refused("build", format!("{name} is not a static program"))
            .hint("a dependency links a shared library; choose its static or pure Rust feature"));
    }
    Ok(Program {
        name: name.to_owned(),
        version: package.version.clone(),
        description: package.description.clone().unwrap_or_default(),
        bytes,
    })
}

async fn metadata(manifest: &Path) -> Result<Metadata, Failure> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]).arg(manifest);
    let output = command.output().await.map_err(|error| no_cargo(&error))?;
    if !output.status.success() {
        let mut failure = Failure::refused("cargo metadata", "the package cannot be read");
        failure.details = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
        return Err(failure);
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::refused("cargo metadata", format!("its answer cannot be read: {error}")))
}

/// The package's one program, or the one that it names as its default.
fn program(package: &Package) -> Result<&str, Failure> {
    let programs: Vec<&str> = package
        .targets
        .iter()
        .filter(|target| target.kind.iter().any(|kind| kind == "bin"))
        .map(|target| target.name.as_str())
        .collect();
    match (package.default_run.as_deref(), programs.as_slice()) {
        (Some(name), _) => Ok(name),
        (None, [name]) => Ok(name),
        (None, []) => Err(Failure::refused("build", format!("the package {} has no program", package.name))
            .hint("add src/main.rs, or name another package")),
        (None, several) => Err(Failure::refused(
            "build",
            format!("the package {} has several programs: {}", package.name, several.join(", ")),
        )
        .hint("say which one with `default-run` in its Cargo.toml")),
    }
}

async fn compile(
    manifest: &Path,
    package: &Package,
    program: &str,
    workspace: &Path,
    target: &Path,
    say: &(dyn Fn(&str) + Sync),
) -> Result<(), Failure> {
    let mut command = cargo();
    command.args(["build", "--release", "--target", TARGET, "--package", &package.name, "--bin", program]);
    command.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(target);
    if workspace.join("Cargo.lock").is_file() {
        command.arg("--locked");
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(workspace));
    command.env_remove("RUSTFLAGS").env("CARGO_TERM_COLOR", "never");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| no_cargo(&error))?;
    let mut last: Vec<String> = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let line = line.trim_end().to_owned();
            if line.trim_start().starts_with("Compiling") || line.trim_start().starts_with("Finished") {
                say(line.trim());
            }
            if last.len() == LAST_LINES {
                last.remove(0);
            }
            last.push(line);
        }
    }
    let status = child.wait().await.map_err(|error| no_cargo(&error))?;
    if status.success() {
        return Ok(());
    }
    let mut failure = Failure::refused("cargo build", format!("the package {} does not build", package.name));
    failure.details = last;
    Err(failure.hint(format!("mend it, then check with `cargo build --release --package {}`", package.name)))
}

/// Static, and with no path of this machine in the program: the same source in another folder is the same program.
fn flags(workspace: &Path) -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    flags.push(format!("--remap-path-prefix={}=/src", workspace.display()));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags.join("\x1f")
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn no_cargo(error: &std::io::Error) -> Failure {
    Failure::refused("build", format!("cargo cannot be run: {error}"))
        .hint("a Rust toolchain builds the package: https://rustup.rs")
}
