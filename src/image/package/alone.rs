//! One build at a time in a target directory, which checkouts may share.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use super::cargo::{Metadata, cargo, lines_of, no_cargo, unusable};
use crate::model::{Failure, Subject};

/// The only build in a target directory, until this is dropped.
///
/// Cargo tells the packages of two workspaces that share a target directory (two checkouts of one project) apart by
/// nothing but the age of their files, and would take one's program for the other's.
pub(super) struct Alone {
    _lock: File,
    path: PathBuf,
}

impl Alone {
    /// Waits until no other build is in `target`.
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

    /// Removes what was built for `triple` of the packages of `metadata`'s workspace in another folder; its dependencies stay.
    pub(super) async fn forget_others(
        &self,
        folder: &Path,
        (target, triple): (&Path, &str),
        metadata: &Metadata,
    ) -> Result<(), Failure> {
        // Which workspace each package was last built from, by target and name; of another form only where an older stackctl wrote it.
        let before = std::fs::read(&self.path).map_err(|error| unusable(&self.path, &error))?;
        let mut built: BTreeMap<String, PathBuf> = serde_json::from_slice(&before).unwrap_or_default();
        let root = &metadata.workspace_root;
        // A package of a folder elsewhere is told apart by its whole path.
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
