//! Cargo, as a person runs it in the package's folder: with the configuration and the toolchain that are in force there.

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

/// What a program is built for, as the compiler calls it: what Fargate runs, with glibc's own static libraries. A host of the
/// same processors links them without another toolchain.
pub(super) fn triple(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "x86_64-unknown-linux-gnu",
        Arch::Arm64 => "aarch64-unknown-linux-gnu",
    }
}

/// What `cargo metadata` says of a workspace.
#[derive(Deserialize)]
pub(in crate::image) struct Metadata {
    pub(in crate::image) packages: Vec<Package>,
    pub(super) target_directory: PathBuf,
    pub(super) workspace_root: PathBuf,
}

/// A package: one of the workspace, or one that it depends on.
#[derive(Deserialize)]
pub(in crate::image) struct Package {
    /// What tells it from others in the answers of Cargo.
    pub(super) id: String,
    pub(in crate::image) name: String,
    pub(super) version: String,
    pub(super) description: Option<String>,
    pub(in crate::image) manifest_path: PathBuf,
    /// Where it comes from; none for a folder of this computer.
    source: Option<String>,
    pub(super) default_run: Option<String>,
    pub(super) targets: Vec<Target>,
}

/// What Cargo makes of a package: a library, a program and others.
#[derive(Deserialize)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) kind: Vec<String>,
}

impl Package {
    /// The folder of a package that comes from this computer.
    pub(super) fn own_folder(&self) -> Option<&Path> {
        self.source.is_none().then(|| self.manifest_path.parent()).flatten()
    }

    /// What tells it from all others, also from a dependency of the same name.
    /// <https://doc.rust-lang.org/cargo/reference/pkgid-spec.html>
    pub(super) fn specification(&self) -> String {
        // Before Cargo 1.77, the id was not one.
        if self.id.contains('#') { self.id.clone() } else { format!("{}:{}", self.name, self.version) }
    }
}

/// Cargo in `folder`. It looks for its configuration in the folder where it runs and in those above, wherever the manifest
/// is; and so does rustup for the toolchain.
/// <https://doc.rust-lang.org/cargo/reference/config.html#hierarchical-structure>
/// <https://rust-lang.github.io/rustup/overrides.html>
pub(super) fn cargo(folder: &Path) -> Command {
    let starter = std::env::var_os("CARGO");
    let by_rustup = std::env::var_os("RUSTUP_TOOLCHAIN").is_some();
    // Where rustup chooses, the name leads to what chooses, and the path to what was chosen for stackctl.
    let mut command = Command::new(starter.clone().filter(|_| !by_rustup).unwrap_or_else(|| "cargo".into()));
    if starter.is_some() {
        // A Cargo that has started stackctl (`cargo run`) has chosen this for stackctl, not for the package.
        command.env_remove("RUSTUP_TOOLCHAIN");
    }
    command.current_dir(folder).env("CARGO_TERM_COLOR", "never").stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What Cargo says of the workspace that `manifest` belongs to, without its dependencies.
pub(in crate::image) async fn metadata(manifest: &Path) -> Result<Metadata, Failure> {
    parsed(&ask(manifest, &["--no-deps"]).await?)
}

/// What `cargo metadata` prints.
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

/// Whether a toolchain can be used in `folder`; asked once a command has failed there.
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

/// How a person sees the same failure.
pub(super) fn check(folder: &Path) -> String {
    format!("fix the error, then check with `cargo build --release` in {}", folder.display())
}

/// The folder of a manifest, which has one.
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
