//! Checks files that others run: the workflows of this repository, the pipelines that `stackctl init --ci` writes,
//! and the files for Docker. They cannot run here, so the tests check their syntax against the rules of their
//! readers, and their references against the program.

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

/// Returns the root of the repository.
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

    /// Runs `init --ci` with these arguments, which must succeed, and returns the text of `path`.
    fn pipeline(&self, arguments: &[&str], path: &str) -> String {
        let output = self.init(&[arguments, &["--account", "123456789012", "--force"]].concat());
        assert!(output.status.success(), "{}", said(&output));
        assert!(String::from_utf8_lossy(&output.stdout).lines().any(|line| line == path), "{}", said(&output));
        read(self.path(path))
    }
}

/// Returns both outputs, for an assertion message.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Asserts that the shell can parse `script`, without running it.
fn shell_accepts(shell: &str, script: &str) {
    let checked = Command::new(shell).args(["-n", "-c", script]).output().expect("a shell runs");
    assert!(checked.status.success(), "{script}\n{}", said(&checked));
}
