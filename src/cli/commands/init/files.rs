//! Writes the files of `init`: all of them or none, and over existing files only with `--force`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    cli::error::Stop,
    model::{Failure, Subject},
};

/// Files to write, and the next step.
pub(super) struct Files {
    files: Vec<File>,
    /// The next step, as text.
    pub(super) next: String,
}

struct File {
    path: PathBuf,
    text: String,
    executable: bool,
}

impl Files {
    /// Creates an empty list of files.
    pub(super) fn new(next: String) -> Self {
        Self { files: Vec::new(), next }
    }

    /// Creates a list with one file.
    pub(super) fn one(path: PathBuf, text: String, next: String) -> Self {
        Self { files: vec![File { path, text, executable: false }], next }
    }

    /// Adds a file.
    #[must_use]
    pub(super) fn with(mut self, path: PathBuf, text: String) -> Self {
        self.files.push(File { path, text, executable: false });
        self
    }

    /// Adds an executable script.
    #[must_use]
    pub(super) fn with_script(mut self, path: PathBuf, text: String) -> Self {
        self.files.push(File { path, text, executable: true });
        self
    }

    /// Writes all files and returns their paths.
    pub(super) fn write(&self, force: bool) -> Result<Vec<String>, Stop> {
        for file in &self.files {
            refuse_existing(&file.path, force)?;
        }
        for file in &self.files {
            file.write().map_err(|error| {
                Failure::about(Subject::file(&file.path), format!("cannot write it: {error}"))
                    .hint("check the permissions of the folder")
            })?;
        }
        Ok(self.files.iter().map(|file| file.path.display().to_string()).collect())
    }
}

impl File {
    fn write(&self) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        fs::write(&self.path, &self.text)?;
        if self.executable {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&self.path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }
}

/// Refuses to overwrite an existing file.
pub(super) fn refuse_existing(path: &Path, force: bool) -> Result<(), Stop> {
    if force || !path.exists() {
        return Ok(());
    }
    Err(Stop::usage(
        format!("{} already exists; nothing was written", path.display()),
        "add --force to overwrite it, or name another file with --file",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_written_if_one_exists() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (new, old) = (folder.path().join("deep/new"), folder.path().join("old"));
        fs::write(&old, "mine").expect("it can be written");
        let files = Files::new(String::new()).with(new.clone(), "new".into()).with(old.clone(), "new".into());
        assert!(files.write(false).is_err());
        assert!(!new.exists());
        assert_eq!(fs::read_to_string(&old).expect("it is there"), "mine");
        assert!(files.write(true).is_ok());
        assert_eq!(fs::read_to_string(&old).expect("it is there"), "new");
        assert_eq!(fs::read_to_string(&new).expect("it is there"), "new");
    }
}
