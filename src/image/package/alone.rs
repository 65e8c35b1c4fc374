//! Allows one build at a time in a target directory, which several checkouts may share.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use super::cargo::{Metadata, cargo, lines_of, no_cargo, unusable};
use crate::model::{Failure, Subject};

/// An exclusive lock on a target directory, until this is dropped.
///
/// If two workspaces (two checkouts of one project) share a target directory, Cargo distinguishes their packages only
/// by the modification time of their files, and would use the program of one checkout for the other.
pub(super) struct Alone {
    _lock: File,
    path: PathBuf,
}

impl Alone {
    /// Waits until no other build uses `target`, and locks it.
    pub(super) async fn enter(target: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(target).map_err(|error| unusable(target, &error))?;
        let path = target.join("built-from");
        let file = File::options().read(true).append(true).create(true).open(&path);
        let file = file.map_err(|error| unusable(&path, &error))?;
        let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
        let lock = locked.map_err(|error| Failure::internal(error.to_string()))?;
        let lock = lock.map_err(|error| unusable(&path, &error))?;
        Ok(Self { _lock: lock, path })
    }

    /// Removes build results for `triple` if the same package of the workspace was last built from another folder. The
    /// results of dependencies stay.
    pub(super) async fn forget_others(
        &self,
        folder: &Path,
        (target, triple): (&Path, &str),
        metadata: &Metadata,
    ) -> Result<(), Failure> {
        // The file lists the workspace that each package was last built from, by target and name. A file in an older
        // format of stackctl counts as empty.
        let before = std::fs::read(&self.path).map_err(|error| unusable(&self.path, &error))?;
        let mut built: BTreeMap<String, PathBuf> = serde_json::from_slice(&before).unwrap_or_default();
        let root = &metadata.workspace_root;
        // Cargo distinguishes packages outside the workspace by their full path.
        let own =
            metadata.packages.iter().filter(|one| one.own_folder().is_some_and(|folder| folder.starts_with(root)));
        let key = |name: &str| format!("{triple}/{name}");
        let others: Vec<&String> =
            own.map(|one| &one.name).filter(|name| built.get(&key(name)) != Some(root)).collect();
        if others.is_empty() {
            return Ok(());
        }
        forget(folder, (target, triple), metadata, &others).await?;
        built.extend(others.into_iter().map(|name| (key(name), root.clone())));
        let after = serde_json::to_vec(&built).map_err(|error| Failure::internal(error.to_string()))?;
        std::fs::write(&self.path, after).map_err(|error| unusable(&self.path, &error))
    }
}

async fn forget(
    folder: &Path,
    (target, triple): (&Path, &str),
    metadata: &Metadata,
    packages: &[&String],
) -> Result<(), Failure> {
    let mut command = cargo(folder);
    command.args(["clean", "--release", "--target", triple]).arg("--target-dir").arg(target);
    command.arg("--manifest-path").arg(metadata.workspace_root.join("Cargo.toml"));
    for package in packages {
        command.args(["--package", package]);
    }
    let output = command.output().await.map_err(|error| no_cargo(&error))?;
    if output.status.success() {
        return Ok(());
    }
    let failure =
        Failure::about(Subject::program("cargo clean"), "cannot remove the build results of another checkout");
    Err(failure.evidence(lines_of(&output.stderr)))
}
