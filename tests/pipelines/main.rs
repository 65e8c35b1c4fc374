//! What this repository gives to others to run: its own workflow, the pipelines that `stackctl init --ci` writes, and the
//! files for Docker. None of them can run here, so their form is held against what reads them, and their words against
//! what they speak of.

mod compose;
mod dockerfile;
mod forges;
mod roles;
mod yaml;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// The repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A user's project: a Cargo package and a stack.yaml.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = Self { folder };
        project.write("Cargo.toml", "[package]\nname = \"shop\"\nversion = \"1.0.0\"\nedition = \"2024\"\n");
        project.write("Cargo.lock", "version = 4\n");
        project.write("src/main.rs", "fn main() {}\n");
        project.write(
            "stack.yaml",
            "name: shop\nregion: eu-central-1\nservices: { web: { build: ., port: 3000 } }\n\
             environments: { production: { services: { web: { replicas: 2 } } } }\n",
        );
        project
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("it can be written");
    }

    fn init(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stackctl"));
        command.arg("init").args(arguments).current_dir(self.folder.path()).env("NO_COLOR", "1");
        command.output().expect("the binary runs")
    }

    /// The text of `path` after `init --ci` with these arguments, which has to end well.
    fn pipeline(&self, arguments: &[&str], path: &str) -> String {
        let output = self.init(&[arguments, &["--account", "123456789012", "--force"]].concat());
        assert!(output.status.success(), "{}", said(&output));
        assert!(String::from_utf8_lossy(&output.stdout).lines().any(|line| line == path), "{}", said(&output));
        read(self.path(path))
    }
}

/// Both outputs, for a message.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What the shell thinks of `script`, without running it.
fn shell_accepts(shell: &str, script: &str) {
    let checked = Command::new(shell).args(["-n", "-c", script]).output().expect("a shell runs");
    assert!(checked.status.success(), "{script}\n{}", said(&checked));
}
