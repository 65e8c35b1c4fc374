//! The official `postgres` image, of which the sandbox pulls nothing: its client programs are those of this machine's own
//! Postgres, laid into a root file system with the libraries they need. It runs no server; databases are RDS's.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::children::UNPRIVILEGED;

/// Where Docker's official images are, on Docker Hub and in AWS's copy of it.
const PLACES: &[&str] =
    &["", "library/", "docker.io/", "docker.io/library/", "index.docker.io/library/", "public.ecr.aws/docker/library/"];

/// Postgres' own client programs.
const CLIENTS: &[&str] =
    &["psql", "pg_dump", "pg_restore", "pg_isready", "pg_dumpall", "createdb", "dropdb", "createuser", "dropuser"];

/// What else of the image a script may want; what this machine does not have is left out.
const OTHERS: &str = "sh basename cat chmod cp cut date dd dirname echo env expr false grep gunzip gzip head id ls mkdir \
    mkfifo mktemp mv printf rm sed sha256sum sleep sort tail tee test tr true uname wc wget xargs zcat";

/// Where programs are looked for on this machine.
const PATH: &[&str] = &["/usr/bin", "/bin"];

/// Whether `image` is the official one that is called so, of whatever version.
pub(super) fn is_official(image: &str, called: &str) -> bool {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let Some(place) = PLACES.iter().find_map(|place| name.strip_prefix(place)?.strip_prefix(called)) else {
        return false;
    };
    place.is_empty() || place.starts_with(':')
}

/// What the image says of how it is run. Its entry point passes on any command but the server's, so there is none here.
/// <https://github.com/docker-library/postgres/blob/master/docker-entrypoint.sh>
pub(super) fn config() -> Value {
    json!({ "Env": ["LANG=C.UTF-8"] })
}

/// Lays the programs and their libraries into `root`; those of Postgres are in the folder `postgres`.
pub(super) fn fill(root: &Path, postgres: &Path) -> Result<()> {
    let programs = root.join("usr/bin");
    fs::create_dir_all(&programs)?;
    symlink("usr/bin", root.join("bin"))?;
    // The same paths as on this machine: that is where the loader looks for libraries.
    let mut libraries = BTreeSet::new();
    let own = CLIENTS.iter().map(|name| (*name, Some(postgres.join(name)).filter(|path| path.is_file())));
    let others = OTHERS.split_whitespace().map(|name| (name, found(name)));
    for (name, program) in own.chain(others) {
        let Some(program) = program else { continue };
        libraries.extend(needed_by(&program)?);
        fs::copy(&program, programs.join(name)).with_context(|| format!("cannot copy {}", program.display()))?;
    }
    lay_libraries(root, libraries)?;
    // libpq wants to know who it is.
    fs::create_dir_all(root.join("etc"))?;
    let users = format!("root:x:0:0::/root:/bin/sh\nnobody:x:{UNPRIVILEGED}:{UNPRIVILEGED}::/:/bin/sh\n");
    fs::write(root.join("etc/passwd"), users)?;
    let temporary = root.join("tmp");
    fs::create_dir_all(&temporary)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o1777))?;
    Ok(())
}

/// Lays libraries into `root`, at the same paths as on this machine.
pub(super) fn lay_libraries(root: &Path, libraries: BTreeSet<PathBuf>) -> Result<()> {
    for library in libraries {
        let inside = root.join(library.strip_prefix("/").unwrap_or(&library));
        fs::create_dir_all(inside.parent().unwrap_or(root))?;
        fs::copy(&library, &inside).with_context(|| format!("cannot copy {}", library.display()))?;
    }
    Ok(())
}

pub(super) fn found(name: &str) -> Option<PathBuf> {
    PATH.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// The shared libraries of a program, and its loader. A script has none.
pub(super) fn needed_by(program: &Path) -> Result<BTreeSet<PathBuf>> {
    let output = Command::new("ldd").arg(program).env("LC_ALL", "C").output().context("cannot run ldd")?;
    let said = String::from_utf8_lossy(&output.stdout);
    // `libpq.so.5 => /usr/lib/libpq.so.5 (0x…)`, and `/lib64/ld-linux-x86-64.so.2 (0x…)` without an arrow.
    let paths = said.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(paths.map(|path| PathBuf::from(path.trim_end_matches(':'))).filter(|path| path.is_file()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_official_image_is_known_by_each_of_its_names() {
        for image in [
            "postgres",
            "postgres:18-alpine",
            "docker.io/library/postgres:16",
            "public.ecr.aws/docker/library/postgres:18-alpine",
            "postgres@sha256:0123",
        ] {
            assert!(is_official(image, "postgres"), "{image}");
        }
        for image in
            ["postgresql:16", "somebody/postgres:16", "registry.example.com/postgres:16", "postgres-exporter", "nginx"]
        {
            assert!(!is_official(image, "postgres"), "{image}");
        }
    }

    #[test]
    fn a_program_brings_the_libraries_and_the_loader_that_it_needs() {
        let needed = needed_by(Path::new("/bin/sh")).expect("there is ldd");
        assert!(needed.iter().any(|path| path.to_string_lossy().contains("libc.")), "{needed:?}");
        assert!(needed.iter().any(|path| path.to_string_lossy().contains("ld-")), "{needed:?}");
    }
}
