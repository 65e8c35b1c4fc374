//! Finds a linker for a program whose architecture or operating system differs from this machine's.

use std::{env, path::Path};

use super::cargo::triple;
use crate::{
    kind::Arch,
    model::{Failure, Subject},
};

/// The names of the linkers to search for: the name on Debian, Ubuntu and Fedora, and the name elsewhere.
const NAMES: [(Arch, [&str; 2]); 2] = [
    (Arch::Amd64, ["x86_64-linux-gnu-gcc", "x86_64-unknown-linux-gnu-gcc"]),
    (Arch::Arm64, ["aarch64-linux-gnu-gcc", "aarch64-unknown-linux-gnu-gcc"]),
];

/// Returns the variables that set the linker for Cargo, and the compiler for build scripts that compile C, for `arch`.
/// Empty if this machine's tools work.
pub(super) fn variables(arch: Arch) -> Result<Vec<(String, String)>, Failure> {
    if env::consts::OS == "linux" && triple(arch).starts_with(env::consts::ARCH) {
        return Ok(Vec::new());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&path).collect();
    let is_there = |name: &str| folders.iter().any(|folder| folder.join(name).is_file());
    let names = NAMES.iter().filter(|(of, _)| *of == arch).flat_map(|(_, names)| names);
    let Some(linker) = names.copied().find(|name| is_there(name)) else { return Err(missing(arch)) };
    let in_capitals = triple(arch).to_ascii_uppercase().replace('-', "_");
    let compiler = format!("CC_{}", triple(arch).replace('-', "_"));
    let mut variables = vec![(format!("CARGO_TARGET_{in_capitals}_LINKER"), linker.to_owned())];
    if env::var_os(&compiler).is_none() {
        variables.push((compiler, linker.to_owned()));
    }
    Ok(variables)
}

/// Returns the error for a missing linker, with a hint to install or configure one.
fn missing(arch: Arch) -> Failure {
    let (package, library) = match arch {
        Arch::Amd64 => ("gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"),
        Arch::Arm64 => ("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"),
    };
    let triple = triple(arch);
    let install = if Path::new("/etc/debian_version").is_file() {
        format!("run `sudo apt-get install {package} {library}`")
    } else if env::consts::OS == "macos" {
        format!("run `brew install messense/macos-cross-toolchains/{triple}`")
    } else {
        format!("install a GCC for {triple}: `{package}` on Debian and Ubuntu")
    };
    let message = format!("no linker for {} found on this machine, which is {}", arch.name(), env::consts::ARCH);
    Failure::about(Subject::activity("build"), message)
        .hint(format!("{install}, or set `target.{triple}.linker` in .cargo/config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_architecture_needs_no_linker_setting() {
        let own = if env::consts::ARCH == "aarch64" { Arch::Arm64 } else { Arch::Amd64 };
        assert_eq!(variables(own).expect("it is known"), []);
    }

    #[test]
    fn missing_linker_error_says_how_to_install_one() {
        let failure = missing(Arch::Arm64);
        assert!(failure.message.contains("no linker for arm64"), "{failure:?}");
        assert!(failure.hint.expect("there is one").contains("target.aarch64-unknown-linux-gnu.linker"));
    }
}
