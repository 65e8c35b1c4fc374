//! Collects the compiler flags: those configured for the package's folder, and flags for a static program without paths
//! of this machine, so that the same source gives the same program in every folder.
//!
//! Cargo takes flags from only one source, the environment before the configuration, so the additional flags must be
//! merged with the flags of that source. No stable command prints them, but Cargo passes them to a build script.
//! <https://doc.rust-lang.org/cargo/reference/config.html#buildrustflags>

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    cargo::{Metadata, cargo, check, lines_of, no_cargo, triple, unusable},
    linker,
};
use crate::{
    kind::Arch,
    model::{Failure, Subject},
};

/// The package whose build script reports the flags.
const FILES: [(&str, &str); 3] = [
    (
        "Cargo.toml",
        "[package]\nname = \"flags\"\nversion = \"0.0.0\"\nedition = \"2021\"\nbuild = \"build.rs\"\n\n[lib]\npath = \"lib.rs\"\n\n[workspace]\n",
    ),
    ("lib.rs", "//! Nothing.\n"),
    (
        "build.rs",
        r#"//! Tells the flags that Cargo gives the compiler, and which compiler that is.
use std::{env, process::Command};

fn main() {
    // A file that is never there: this runs each time.
    println!("cargo:rerun-if-changed=never");
    let rustc = env::var_os("RUSTC").expect("Cargo sets it");
    let ask = |args: &[&str]| {
        let output = Command::new(&rustc).args(args).output().expect("the compiler runs");
        String::from_utf8(output.stdout).expect("it prints text")
    };
    let version = ask(&["-vV"]);
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or_default();
    println!("cargo:rustc-env=FLAGS_COMMIT={}", commit);
    println!("cargo:rustc-env=FLAGS_SYSROOT={}", ask(&["--print", "sysroot"]).trim());
    println!("cargo:rustc-env=FLAGS_FLAGS={}", env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default());
    println!("cargo:rustc-env=FLAGS_LINKER={}", env::var("RUSTC_LINKER").unwrap_or_default());
}
"#,
    ),
];

/// The separator of flags in `CARGO_ENCODED_RUSTFLAGS`.
const DIVIDER: char = '\x1f';

/// The settings of a folder before stackctl adds its flags.
#[derive(Debug, PartialEq)]
struct InForce {
    /// The configured flags.
    flags: Vec<String>,
    /// The folder of the toolchain.
    sysroot: PathBuf,
    /// The commit that the compiler was built from.
    commit: String,
    /// The linker that the environment or the configuration names for the target.
    linker: Option<String>,
}

/// The settings that a build gets through its environment.
pub(super) struct Settings {
    /// The value of `CARGO_ENCODED_RUSTFLAGS`.
    pub(super) flags: String,
    /// The variables that name the linker, if Cargo's default does not work.
    pub(super) linker: Vec<(String, String)>,
}

/// Returns the settings for a build in `folder` for `arch`, whose results go to `target`.
pub(super) async fn settings(
    folder: &Path,
    (target, arch): (&Path, Arch),
    metadata: &Metadata,
) -> Result<Settings, Failure> {
    let in_force = in_force(folder, target, triple(arch)).await?;
    let linker = if in_force.linker.is_some() { Vec::new() } else { linker::variables(arch)? };
    // The paths of this checkout are in a file, and the flag contains only the name of the file: a change of flags
    // would make Cargo compile every dependency again for each checkout that shares the target directory. The
    // dependencies do not contain these paths.
    // https://doc.rust-lang.org/rustc/command-line-arguments.html#path-load-command-line-flags-from-a-path
    let paths = target.join("paths-of-the-workspace");
    fs::write(&paths, own_paths(metadata).join("\n")).map_err(|error| unusable(&paths, &error))?;
    // The last matching flag applies, so a folder comes before its subfolders.
    let mut flags = vec![format!("@{}", paths.display()), remap(target, "/target")];
    flags.extend(cargo_home().map(|home| remap(&home, "/cargo")));
    if !in_force.commit.is_empty() {
        // If the sources of the standard library are installed, the compiler uses their local paths. Without them, it
        // uses `/rustc/` and the commit.
        flags.push(remap(&in_force.sysroot.join("lib/rustlib/src/rust"), &format!("/rustc/{}", in_force.commit)));
    }
    flags.extend(in_force.flags);
    flags.push("-Ctarget-feature=+crt-static".to_owned());
    Ok(Settings { flags: flags.join(&DIVIDER.to_string()), linker })
}

/// Returns the flags that replace the paths of the workspace and of the packages outside it that it depends on.
fn own_paths(metadata: &Metadata) -> Vec<String> {
    let root = &metadata.workspace_root;
    let elsewhere = metadata.packages.iter().filter_map(|package| {
        let folder = package.own_folder().filter(|folder| !folder.starts_with(root))?;
        Some(remap(folder, &format!("/dependencies/{}-{}", package.name, package.version)))
    });
    // A package may be in a subfolder of another one.
    let mut flags: Vec<String> = elsewhere.chain([remap(root, "/workspace")]).collect();
    flags.sort();
    flags
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

/// Returns the folder of Cargo's downloads.
fn cargo_home() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
}

async fn in_force(folder: &Path, target: &Path, triple: &str) -> Result<InForce, Failure> {
    let package = target.join("flags");
    fs::create_dir_all(&package).map_err(|error| unusable(&package, &error))?;
    for (name, text) in FILES {
        let path = package.join(name);
        // Writing the file again would make Cargo compile it again.
        if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            fs::write(&path, text).map_err(|error| unusable(&path, &error))?;
        }
    }
    let mut command = cargo(folder);
    command.args(["check", "--quiet", "--message-format", "json", "--target", triple]);
    command.arg("--manifest-path").arg(package.join("Cargo.toml")).arg("--target-dir").arg(package.join("target"));
    let output = command.output().await.map_err(|error| no_cargo(&error))?;
    if !output.status.success() {
        let (message, hint) = match String::from_utf8_lossy(&output.stderr) {
            // The compiler's message for a target without a standard library.
            said if said.contains("can't find crate for `core`") || said.contains("can't find crate for `std`") => (
                format!("the Rust toolchain has no target {triple}"),
                format!("run `rustup target add {triple}` in {}", folder.display()),
            ),
            _ => ("cannot use the compiler flags set for the folder of the package".to_owned(), check(folder)),
        };
        let failure = Failure::about(Subject::program("cargo check"), message);
        return Err(failure.evidence(lines_of(&output.stderr)).hint(hint));
    }
    told(&output.stdout)
        .ok_or_else(|| Failure::internal("Cargo did not report the output of the build script that reads the flags"))
}

/// Reads the output of the build script from Cargo's messages.
/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#build-script-output>
fn told(messages: &[u8]) -> Option<InForce> {
    let messages = String::from_utf8_lossy(messages);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executed = messages.into_iter().find(|message| message["reason"] == "build-script-executed")?;
    let variables = executed["env"].as_array()?;
    let value = |name: &str| variables.iter().find(|pair| pair[0] == name)?[1].as_str();
    let flags = value("FLAGS_FLAGS")?.split(DIVIDER).filter(|flag| !flag.is_empty());
    Some(InForce {
        flags: flags.map(str::to_owned).collect(),
        sysroot: value("FLAGS_SYSROOT")?.into(),
        commit: value("FLAGS_COMMIT")?.to_owned(),
        linker: value("FLAGS_LINKER").filter(|linker| !linker.is_empty()).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_from_cargo_messages() {
        let executed = serde_json::json!({ "reason": "build-script-executed", "env": [
            ["FLAGS_COMMIT", "59807616e"], ["FLAGS_SYSROOT", "/rust"], ["FLAGS_FLAGS", "--cfg\x1fa=\"b c\""],
            ["FLAGS_LINKER", "cross-gcc"],
        ]});
        let messages = format!("{{\"reason\":\"compiler-artifact\"}}\nno JSON\n{executed}\n");
        let flags = vec!["--cfg".to_owned(), "a=\"b c\"".to_owned()];
        let (commit, linker) = ("59807616e".to_owned(), Some("cross-gcc".to_owned()));
        let expected = InForce { flags, sysroot: "/rust".into(), commit, linker };
        assert_eq!(told(messages.as_bytes()), Some(expected));
        assert_eq!(told(b"{\"reason\":\"build-finished\",\"success\":true}"), None);
    }
}
