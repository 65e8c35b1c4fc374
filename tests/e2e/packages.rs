//! What a release publishes: an archive and a wheel. Installed on a path without the repository, the programs work.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::{repository, text};

/// Runs a program to its end; it has to succeed.
fn must(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The only file in `folder` whose name ends like this.
fn file(folder: &Path, end: &str) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("it can be read").path());
    let mut found = entries.filter(|path| path.to_string_lossy().ends_with(end));
    let path = found.next().unwrap_or_else(|| panic!("no file ends in {end}"));
    assert_eq!(found.next(), None);
    path
}

/// A stackctl that is installed in `bin`, in a project of its own.
fn works(bin: &Path) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let stackctl = |args: &[&str]| {
        let mut command = Command::new(bin.join("stackctl"));
        command.args(args).current_dir(home.path()).env("STACKCTL_SANDBOX_DIR", home.path().join("sandbox"));
        must(command.env("PATH", "/usr/bin:/bin").env("CI", "true"))
    };
    assert_eq!(stackctl(&["--version"]), format!("stackctl {}\n", env!("CARGO_PKG_VERSION")));
    stackctl(&["init", "--yes", "--region", "eu-west-1", "--image", "nginx:1.27", "--port", "80"]);
    assert!(stackctl(&["validate"]).contains("stack.yaml is valid"));
    stackctl(&["sandbox", "start"]);
    let plan = stackctl(&["plan", "--sandbox"]);
    let stopped = stackctl(&["sandbox", "stop", "--forget"]);
    assert!(plan.contains("+ service.web"), "{plan}\n{stopped}");
}

#[test]
fn archive_and_wheel_work_without_the_repository() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let built = Path::new(env!("CARGO_BIN_EXE_stackctl")).parent().expect("it is in a folder");
    let programs = folder.join("programs");
    fs::create_dir(&programs).expect("a folder");
    for program in ["stackctl", "stackctl-sandbox"] {
        // Without what only a debugger reads, it is packed in seconds.
        must(Command::new("strip").arg("-o").arg(programs.join(program)).arg(built.join(program)));
    }
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let dist = folder.join("dist");
    must(Command::new("scripts/package").arg(&programs).arg(&target).arg(&dist).current_dir(repository()));

    must(Command::new("tar").arg("-xzf").arg(file(&dist, ".tar.gz")).current_dir(folder));
    let archive = folder.join(format!("stackctl-{}-{target}", env!("CARGO_PKG_VERSION")));
    let manual = fs::read_to_string(archive.join("man/stackctl-deploy.1")).expect("the manual is there");
    assert!(manual.contains("stackctl\\-deploy"), "{manual}");
    assert!(archive.join("completions/stackctl.bash").is_file() && archive.join("LICENSE-MIT").is_file());
    works(&archive);

    let python = folder.join("python");
    must(Command::new("python3").args(["-m", "venv"]).arg(&python));
    let pip = ["-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check"];
    must(Command::new(python.join("bin/python")).args(pip).arg(file(&dist, ".whl")));
    works(&python.join("bin"));
}
