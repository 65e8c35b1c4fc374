//! The official `postgres` image. The sandbox does not pull it, but builds it from this machine's Postgres clients
//! and the libraries that they need. It contains no server; databases are RDS's.

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

/// The prefixes of Docker's official images, on Docker Hub and in AWS's copy of it.
const PLACES: &[&str] =
    &["", "library/", "docker.io/", "docker.io/library/", "index.docker.io/library/", "public.ecr.aws/docker/library/"];

/// The client programs of Postgres.
const CLIENTS: &[&str] =
    &["psql", "pg_dump", "pg_restore", "pg_isready", "pg_dumpall", "createdb", "dropdb", "createuser", "dropuser"];

/// Other programs of the image that a script may use. Those that this machine lacks are left out.
const OTHERS: &str = "sh basename cat chmod cp cut date dd dirname echo env expr false grep gunzip gzip head id ls mkdir \
    mkfifo mktemp mv printf rm sed sha256sum sleep sort tail tee test tr true uname wc wget xargs zcat";

/// The folders in which to look for programs on this machine.
const PATH: &[&str] = &["/usr/bin", "/bin"];

/// Returns whether `image` is the official image `called`, in any version.
pub(super) fn is_official(image: &str, called: &str) -> bool {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let Some(place) = PLACES.iter().find_map(|place| name.strip_prefix(place)?.strip_prefix(called)) else {
        return false;
    };
    place.is_empty() || place.starts_with(':')
}

/// Returns the run configuration of the image. Its entry point executes any command except the server's, so none is
/// set here.
/// <https://github.com/docker-library/postgres/blob/master/docker-entrypoint.sh>
pub(super) fn config() -> Value {
    json!({ "Env": ["LANG=C.UTF-8"] })
}

/// Copies the programs and their libraries into `root`. Those of Postgres come from the folder `postgres`.
pub(super) fn fill(root: &Path, postgres: &Path) -> Result<()> {
    let programs = root.join("usr/bin");
    fs::create_dir_all(&programs)?;
    symlink("usr/bin", root.join("bin"))?;
    // Libraries keep their paths, because the loader looks for them there.
    let mut libraries = BTreeSet::new();
    let own = CLIENTS.iter().map(|name| (*name, Some(postgres.join(name)).filter(|path| path.is_file())));
    let others = OTHERS.split_whitespace().map(|name| (name, found(name)));
    for (name, program) in own.chain(others) {
        let Some(program) = program else { continue };
        libraries.extend(needed_by(&program)?);
        fs::copy(&program, programs.join(name)).with_context(|| format!("cannot copy {}", program.display()))?;
    }
    lay_libraries(root, libraries)?;
    // libpq looks up the name of the current user.
    fs::create_dir_all(root.join("etc"))?;
    let users = format!("root:x:0:0::/root:/bin/sh\nnobody:x:{UNPRIVILEGED}:{UNPRIVILEGED}::/:/bin/sh\n");
    fs::write(root.join("etc/passwd"), users)?;
    let temporary = root.join("tmp");
    fs::create_dir_all(&temporary)?;
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o1777))?;
    Ok(())
}

/// Copies libraries into `root`, at the same paths as on this machine.
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

/// Returns the shared libraries of a program and its loader. A script has none.
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
    fn official_image_is_recognised_by_all_its_names() {
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
    fn needed_libraries_include_the_loader() {
        let needed = needed_by(Path::new("/bin/sh")).expect("there is ldd");
        assert!(needed.iter().any(|path| path.to_string_lossy().contains("libc.")), "{needed:?}");
        assert!(needed.iter().any(|path| path.to_string_lossy().contains("ld-")), "{needed:?}");
    }
}
