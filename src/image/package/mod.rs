//! Builds a Cargo package into a static program, with the settings that `cargo build --release` uses in the package's
//! folder.

mod alone;
mod cargo;
mod flags;
mod linker;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use super::{elf, kept::Kept, lines::last_lines, sbom};
use crate::{
    kind::Arch,
    model::{Evidence, Failure, Subject},
};

use alone::Alone;
use cargo::{Metadata, ask, cargo, check, no_cargo, parsed, triple, unusable};
pub(super) use cargo::{Package, metadata};
use flags::Settings;

/// A built program and the metadata of its package.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) arch: Arch,
    pub(super) version: String,
    pub(super) description: String,
    pub(super) bytes: Vec<u8>,
    /// The bill of materials.
    pub(super) bill: Vec<u8>,
}

/// Builds the program of the package in `folder` for `arch`; `say` gets the compiler's lines. Returns the program and
/// the cache of its compressed layers.
pub(super) async fn build(folder: &Path, arch: Arch, say: &(dyn Fn(&str) + Sync)) -> Result<(Program, Kept), Failure> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(Failure::about(Subject::activity("build"), format!("{} not found", manifest.display()))
            .hint("set `build:` to the folder of a Cargo package, relative to the folder of stack.yaml"));
    }
    let manifest = manifest.canonicalize().map_err(|error| unusable(&manifest, &error))?;
    let metadata = metadata(&manifest).await?;
    let target = target(&metadata);
    let program = program_of(&manifest, &metadata.workspace_root, (&target, arch), say).await?;
    let kept = Kept::new(&target.join(format!("packed-{}", arch.name())).join(&program.name));
    Ok((program, kept))
}

/// Returns a separate folder in Cargo's target directory, so that this build neither waits for a `cargo build` at the
/// same time nor invalidates its results.
fn target(metadata: &Metadata) -> PathBuf {
    metadata.target_directory.join("stackctl")
}

async fn program_of(
    manifest: &Path,
    workspace: &Path,
    (target, arch): (&Path, Arch),
    say: &(dyn Fn(&str) + Sync),
) -> Result<Program, Failure> {
    let (folder, triple) = (cargo::folder(manifest), triple(arch));
    // This command writes a Cargo.lock if there is none.
    let mut arguments = vec!["--filter-platform", triple];
    if workspace.join("Cargo.lock").is_file() {
        arguments.push("--locked");
    }
    let resolved = ask(manifest, &arguments).await?;
    let metadata: Metadata = parsed(&resolved)?;
    let package = metadata.packages.iter().find(|package| package.manifest_path == manifest);
    let package = package.ok_or_else(|| {
        Failure::about(Subject::activity("build"), format!("{} is a workspace, not a package", manifest.display()))
            .hint("set `build:` to the folder of one of its members")
    })?;
    let name = program(package)?;
    let alone = Alone::enter(target).await?;
    alone.forget_others(folder, (target, triple), &metadata).await?;
    let settings = flags::settings(folder, (target, arch), &metadata).await?;
    compile(folder, (package, name), (target, triple), settings, say).await?;
    let path = target.join(triple).join("release").join(name);
    let bytes = tokio::fs::read(&path).await.map_err(|error| unusable(&path, &error))?;
    drop(alone);
    if !elf::is_static(&bytes) {
        return Err(Failure::about(Subject::activity("build"), format!("{name} is not statically linked"))
            .hint("a dependency links a shared library: enable its static or pure Rust feature"));
    }
    Ok(Program {
        name: name.to_owned(),
        arch,
        version: package.version.clone(),
        description: package.description.clone().unwrap_or_default(),
        bytes,
        bill: sbom::bill(&parsed(&resolved)?, &package.id)?,
    })
}

/// Returns the only program of the package, or the one that `default-run` names.
pub(super) fn program(package: &Package) -> Result<&str, Failure> {
    let programs: Vec<&str> = package
        .targets
        .iter()
        .filter(|target| target.kind.iter().any(|kind| kind == "bin"))
        .map(|target| target.name.as_str())
        .collect();
    match (package.default_run.as_deref(), programs.as_slice()) {
        (Some(name), _) => Ok(name),
        (None, [name]) => Ok(name),
        (None, []) => {
            Err(Failure::about(Subject::activity("build"), format!("the package {} has no binary", package.name))
                .hint("add src/main.rs, or set `build:` to another package"))
        }
        (None, several) => Err(Failure::about(
            Subject::activity("build"),
            format!("the package {} has several binaries: {}", package.name, several.join(", ")),
        )
        .hint("choose one with `default-run` in its Cargo.toml")),
    }
}

async fn compile(
    folder: &Path,
    (package, program): (&Package, &str),
    (target, triple): (&Path, &str),
    settings: Settings,
    say: &(dyn Fn(&str) + Sync),
) -> Result<(), Failure> {
    let mut command = cargo(folder);
    command.args(["build", "--release", "--locked", "--target", triple]);
    command.args(["--package", &package.specification(), "--bin", program]);
    command.arg("--manifest-path").arg(&package.manifest_path).arg("--target-dir").arg(target);
    // `settings.flags` contains the flags of RUSTFLAGS, which this variable overrides.
    command.env("CARGO_ENCODED_RUSTFLAGS", settings.flags).env_remove("RUSTFLAGS").envs(settings.linker);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| no_cargo(&error))?;
    let hear = |line: &str| {
        let line = line.trim_start();
        if line.starts_with("Compiling") || line.starts_with("Finished") {
            say(line);
        }
    };
    let last = last_lines(child.stderr.take(), &hear).await;
    let status = child.wait().await.map_err(|error| no_cargo(&error))?;
    if status.success() {
        return Ok(());
    }
    let failure =
        Failure::about(Subject::program("cargo build"), format!("the package {} failed to build", package.name));
    Err(failure.evidence(Evidence::Output { lines: last }).hint(check(folder)))
}
