//! Runs Cargo as a user would in the package's folder, with the configuration and the toolchain of that folder.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::{Deserialize, de::DeserializeOwned};
use tokio::process::Command;

use crate::{
    kind::Arch,
    model::{Evidence, Failure, Subject},
};

/// Returns the Rust target of a program: Linux, as on Fargate, with the static libraries of glibc. A machine with the
/// same architecture links it without another toolchain.
pub(super) fn triple(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "x86_64-unknown-linux-gnu",
        Arch::Arm64 => "aarch64-unknown-linux-gnu",
    }
}

/// The output of `cargo metadata` for a workspace.
#[derive(Deserialize)]
pub(in crate::image) struct Metadata {
    pub(in crate::image) packages: Vec<Package>,
    pub(super) target_directory: PathBuf,
    pub(super) workspace_root: PathBuf,
}

/// A package of the workspace, or a dependency.
#[derive(Deserialize)]
pub(in crate::image) struct Package {
    /// The unique ID of the package in Cargo's output.
    pub(super) id: String,
    pub(in crate::image) name: String,
    pub(super) version: String,
    pub(super) description: Option<String>,
    pub(in crate::image) manifest_path: PathBuf,
    /// The registry or repository of the package; `None` for a folder on this machine.
    source: Option<String>,
    pub(super) default_run: Option<String>,
    pub(super) targets: Vec<Target>,
}

/// A build target of a package: a library, a program or another kind.
#[derive(Deserialize)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) kind: Vec<String>,
}

impl Package {
    /// Returns the folder of a package on this machine; `None` for a package from a registry or repository.
    pub(super) fn own_folder(&self) -> Option<&Path> {
        self.source.is_none().then(|| self.manifest_path.parent()).flatten()
    }

    /// Returns the package ID specification, which also distinguishes the package from a dependency of the same name.
    /// <https://doc.rust-lang.org/cargo/reference/pkgid-spec.html>
    pub(super) fn specification(&self) -> String {
        // Before Cargo 1.77, the ID was not a package ID specification.
        if self.id.contains('#') { self.id.clone() } else { format!("{}:{}", self.name, self.version) }
    }
}

/// Returns a Cargo command that runs in `folder`. Cargo looks for its configuration in the working directory and its
/// parents, not next to the manifest; rustup does the same for the toolchain.
/// <https://doc.rust-lang.org/cargo/reference/config.html#hierarchical-structure>
/// <https://rust-lang.github.io/rustup/overrides.html>
pub(super) fn cargo(folder: &Path) -> Command {
    let starter = std::env::var_os("CARGO");
    let by_rustup = std::env::var_os("RUSTUP_TOOLCHAIN").is_some();
    // With rustup, `cargo` is the proxy that selects a toolchain, and CARGO is the path of the toolchain selected for
    // stackctl.
    let mut command = Command::new(starter.clone().filter(|_| !by_rustup).unwrap_or_else(|| "cargo".into()));
    if starter.is_some() {
        // `cargo run` has set this for stackctl, not for the package.
        command.env_remove("RUSTUP_TOOLCHAIN");
    }
    command.current_dir(folder).env("CARGO_TERM_COLOR", "never").stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Returns the metadata of the workspace that `manifest` belongs to, without its dependencies.
pub(in crate::image) async fn metadata(manifest: &Path) -> Result<Metadata, Failure> {
    parsed(&ask(manifest, &["--no-deps"]).await?)
}

/// Returns the output of `cargo metadata`.
pub(super) async fn ask(manifest: &Path, flags: &[&str]) -> Result<Vec<u8>, Failure> {
    let folder = folder(manifest);
    let mut command = cargo(folder);
    command.args(["metadata", "--format-version", "1"]).args(flags).arg("--manifest-path").arg(manifest);
    let output = command.output().await.map_err(|error| no_cargo(&error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    toolchain(folder).await?;
    let failure = Failure::about(Subject::program("cargo metadata"), "cannot read the package");
    Err(failure.evidence(lines_of(&output.stderr)).hint(check(folder)))
}

pub(super) fn parsed<T: DeserializeOwned>(metadata: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(metadata).map_err(|error| {
        Failure::about(Subject::program("cargo metadata"), format!("cannot parse the output: {error}"))
    })
}

/// Checks that a toolchain is usable in `folder`, after a command has failed there.
async fn toolchain(folder: &Path) -> Result<(), Failure> {
    let output = cargo(folder).arg("--version").output().await.map_err(|error| no_cargo(&error))?;
    if output.status.success() {
        return Ok(());
    }
    let names = ["rust-toolchain", "rust-toolchain.toml"];
    let file =
        folder.ancestors().find_map(|folder| names.map(|name| folder.join(name)).into_iter().find(|it| it.is_file()));
    let message = match file {
        Some(file) => format!("cannot use the Rust toolchain named in {}", file.display()),
        None => format!("cannot use the Rust toolchain of {}", folder.display()),
    };
    Err(Failure::about(Subject::program("cargo"), message).evidence(lines_of(&output.stderr)).hint(format!(
        "run `rustup toolchain install` in {}, or name an installed toolchain (`rustup toolchain list`)",
        folder.display()
    )))
}

/// Returns a hint with a command that shows the same failure.
pub(super) fn check(folder: &Path) -> String {
    format!("fix the error, then check with `cargo build --release` in {}", folder.display())
}

/// Returns the folder of a manifest.
pub(super) fn folder(manifest: &Path) -> &Path {
    manifest.parent().unwrap_or(manifest)
}

pub(super) fn lines_of(output: &[u8]) -> Evidence {
    Evidence::Output { lines: String::from_utf8_lossy(output).lines().map(str::to_owned).collect() }
}

pub(super) fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::about(Subject::file(path), error.to_string())
}

pub(super) fn no_cargo(error: &std::io::Error) -> Failure {
    Failure::about(Subject::activity("build"), format!("cannot run cargo: {error}"))
        .hint("install a Rust toolchain to build the package: https://rustup.rs")
}
