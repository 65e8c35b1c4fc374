//! From a Cargo package to a static program.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::{Deserialize, de::DeserializeOwned};
use tokio::process::Command;

use super::{elf, kept::Kept, lines::last_lines, sbom};
use crate::model::{Evidence, Failure, Subject};

/// What Fargate runs, and what a host can link statically without another toolchain: glibc's own static libraries.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A program and what its package says of it.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) description: String,
    pub(super) bytes: Vec<u8>,
    /// Its bill of materials.
    pub(super) bill: Vec<u8>,
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    version: String,
    description: Option<String>,
    pub(super) manifest_path: PathBuf,
    default_run: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds the program of the package in `folder`; `say` gets the compiler's lines. With it comes what was packed of it before.
pub(super) async fn build(folder: &Path, say: &(dyn Fn(&str) + Sync)) -> Result<(Program, Kept), Failure> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(Failure::about(Subject::activity("build"), format!("there is no {}", manifest.display()))
            .hint("`build:` names the folder of a Cargo package, from the folder of stack.yaml"));
    }
    let manifest = manifest.canonicalize().map_err(|error| unusable(&manifest, &error))?;
    let metadata = metadata(&manifest).await?;
    let program = program_of(&manifest, &metadata, say).await?;
    let kept = Kept::new(&target(&metadata).join("packed").join(&program.name));
    Ok((program, kept))
}

/// A folder of its own in Cargo's: a build for the image neither waits for nor undoes what `cargo build` does beside it.
fn target(metadata: &Metadata) -> PathBuf {
    metadata.target_directory.join("stackctl")
}

async fn program_of(manifest: &Path, metadata: &Metadata, say: &(dyn Fn(&str) + Sync)) -> Result<Program, Failure> {
    let package = metadata.packages.iter().find(|package| package.manifest_path == manifest);
    let package = package.ok_or_else(|| {
        Failure::about(Subject::activity("build"), format!("{} is a workspace, not a package", manifest.display()))
            .hint("name the folder of one of its members")
    })?;
    let name = program(package)?;
    let target = target(metadata);
    let alone = Alone::enter(&target, metadata).await?;
    compile(manifest, package, name, &metadata.workspace_root, &target, say).await?;
    let path = target.join(TARGET).join("release").join(name);
    let bytes = tokio::fs::read(&path).await.map_err(|error| unusable(&path, &error))?;
    drop(alone);
    if !elf::is_static(&bytes) {
        return Err(Failure::about(Subject::activity("build"), format!("{name} is not a static program"))
            .hint("a dependency links a shared library; choose its static or pure Rust feature"));
    }
    // After the compiler, which has written a Cargo.lock where there was none.
    let resolved = ask(manifest, &["--filter-platform", TARGET]).await?;
    Ok(Program {
        name: name.to_owned(),
        version: package.version.clone(),
        description: package.description.clone().unwrap_or_default(),
        bytes,
        bill: sbom::bill(&resolved, &package.name, &package.version)?,
    })
}

/// The only build in a target directory, until this is dropped.
///
/// Cargo tells the members of two workspaces that share a target directory (two checkouts of one project) apart by
/// nothing but the age of their files, and would take one's program for the other's.
struct Alone {
    _lock: File,
}

impl Alone {
    async fn enter(target: &Path, metadata: &Metadata) -> Result<Self, Failure> {
        std::fs::create_dir_all(target).map_err(|error| unusable(target, &error))?;
        let path = target.join("built-from");
        let file = File::options().read(true).append(true).create(true).open(&path);
        let file = file.map_err(|error| unusable(&path, &error))?;
        let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
        let lock = locked.map_err(|error| Failure::internal(error.to_string()))?;
        let lock = lock.map_err(|error| unusable(&path, &error))?;
        // Which workspace each package was last built from; of another form only where an older stackctl wrote it.
        let before = std::fs::read(&path).map_err(|error| unusable(&path, &error))?;
        let mut built: BTreeMap<String, PathBuf> = serde_json::from_slice(&before).unwrap_or_default();
        let names = || metadata.packages.iter().map(|package| &package.name);
        let others: Vec<&String> = names().filter(|name| built.get(*name) != Some(&metadata.workspace_root)).collect();
        if !others.is_empty() {
            forget(target, metadata, &others).await?;
            built.extend(others.into_iter().map(|name| (name.clone(), metadata.workspace_root.clone())));
            let after = serde_json::to_vec(&built).map_err(|error| Failure::internal(error.to_string()))?;
            std::fs::write(&path, after).map_err(|error| unusable(&path, &error))?;
        }
        Ok(Self { _lock: lock })
    }
}

/// Removes what was built of these packages of the workspace; their dependencies stay.
async fn forget(target: &Path, metadata: &Metadata, packages: &[&String]) -> Result<(), Failure> {
    let mut command = cargo();
    command.args(["clean", "--release", "--target", TARGET]).arg("--target-dir").arg(target);
    command.arg("--manifest-path").arg(metadata.workspace_root.join("Cargo.toml"));
    for package in packages {
        command.args(["--package", package]);
    }
    let output = command.output().await.map_err(|error| no_cargo(&error))?;
    if output.status.success() {
        return Ok(());
    }
    let failure = Failure::about(Subject::program("cargo clean"), "what another checkout has built cannot be removed");
    Err(failure.evidence(lines_of(&output.stderr)))
}

fn lines_of(output: &[u8]) -> Evidence {
    Evidence::Output { lines: String::from_utf8_lossy(output).lines().map(str::to_owned).collect() }
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::about(Subject::file(path), error.to_string())
}

pub(super) async fn metadata(manifest: &Path) -> Result<Metadata, Failure> {
    ask(manifest, &["--no-deps"]).await
}

/// What `cargo metadata` answers.
async fn ask<T: DeserializeOwned>(manifest: &Path, flags: &[&str]) -> Result<T, Failure> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1"]).args(flags).arg("--manifest-path").arg(manifest);
    let output = command.output().await.map_err(|error| no_cargo(&error))?;
    if !output.status.success() {
        let failure = Failure::about(Subject::program("cargo metadata"), "the package cannot be read");
        return Err(failure.evidence(lines_of(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| {
        Failure::about(Subject::program("cargo metadata"), format!("its answer cannot be read: {error}"))
    })
}

/// The package's one program, or the one that it names as its default.
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
            Err(Failure::about(Subject::activity("build"), format!("the package {} has no program", package.name))
                .hint("add src/main.rs, or name another package"))
        }
        (None, several) => Err(Failure::about(
            Subject::activity("build"),
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
    command.env("CARGO_ENCODED_RUSTFLAGS", flags());
    command.env_remove("RUSTFLAGS").env("CARGO_TERM_COLOR", "never");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
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
        Failure::about(Subject::program("cargo build"), format!("the package {} does not build", package.name));
    Err(failure
        .evidence(Evidence::Output { lines: last })
        .hint(format!("mend it, then check with `cargo build --release --package {}`", package.name)))
}

/// Static, and with no path of this machine in the program: the same source in another folder is the same program.
/// Cargo gives the compiler the workspace's own files by relative paths; a flag with the workspace's path would only make
/// it compile every dependency anew for each folder.
fn flags() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags.join("\x1f")
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn no_cargo(error: &std::io::Error) -> Failure {
    Failure::about(Subject::activity("build"), format!("cargo cannot be run: {error}"))
        .hint("a Rust toolchain builds the package: https://rustup.rs")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A workspace with one package, whose program says `word`.
    fn checkout(word: &str) -> TempDir {
        checkout_of("hello", word)
    }

    fn checkout_of(name: &str, word: &str) -> TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let package = folder.path().join("hello");
        fs::create_dir_all(package.join("src")).expect("a folder");
        let workspace = "[workspace]\nmembers = [\"hello\"]\nresolver = \"3\"\n";
        fs::write(folder.path().join("Cargo.toml"), workspace).expect("it can be written");
        let manifest = format!("[package]\nname = {name:?}\nversion = \"1.2.3\"\nedition = \"2024\"\n");
        fs::write(package.join("Cargo.toml"), manifest).expect("it can be written");
        let source = format!("fn main() {{\n    println!(\"{word}\");\n}}\n");
        fs::write(package.join("src/main.rs"), source).expect("it can be written");
        folder
    }

    async fn built(checkout: &TempDir, target: &TempDir) -> Vec<u8> {
        told(checkout, target).await.0
    }

    /// The program, and what the compiler has said.
    async fn told(checkout: &TempDir, target: &TempDir) -> (Vec<u8>, String) {
        let manifest = checkout.path().join("hello/Cargo.toml");
        let mut metadata = metadata(&manifest).await.expect("it is a package");
        target.path().clone_into(&mut metadata.target_directory);
        let said = std::sync::Mutex::new(String::new());
        let say = |line: &str| said.lock().expect("nobody panics").push_str(line);
        let program = program_of(&manifest, &metadata, &say).await.expect("it builds");
        (program.bytes, said.into_inner().expect("nobody panics"))
    }

    fn says(program: &[u8], word: &str) -> bool {
        program.windows(word.len()).any(|bytes| bytes == word.as_bytes())
    }

    #[tokio::test]
    async fn checkouts_sharing_a_target_directory_get_their_own_program() {
        let target = tempfile::tempdir().expect("a temporary folder");
        let (older, newer) = (checkout("good morning"), checkout("good evening"));
        assert!(says(&built(&newer, &target).await, "good evening"));
        // Its files are older than the program that is there, so that Cargo by itself would take that for fresh.
        assert!(says(&built(&older, &target).await, "good morning"));
    }

    #[tokio::test]
    async fn a_package_of_another_name_in_between_costs_no_second_build() {
        let target = tempfile::tempdir().expect("a temporary folder");
        let (own, other) = (checkout("good morning"), checkout_of("other", "good evening"));
        assert!(told(&own, &target).await.1.contains("Compiling hello"));
        assert!(told(&other, &target).await.1.contains("Compiling other"));
        assert!(!told(&own, &target).await.1.contains("Compiling hello"));
    }

    #[tokio::test]
    async fn the_same_source_in_another_folder_is_the_same_program() {
        let targets = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let checkouts = [checkout("good morning"), checkout("good morning")];
        let one = built(&checkouts[0], &targets[0]).await;
        assert!(one == built(&checkouts[1], &targets[1]).await, "the two programs differ");
    }

    #[tokio::test]
    async fn a_folder_without_a_package_is_refused_with_its_path() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let failure = build(folder.path(), &|_| {}).await.expect_err("there is nothing to build");
        assert!(failure.to_string().contains("there is no") && failure.to_string().contains("Cargo.toml"), "{failure}");
    }
}
