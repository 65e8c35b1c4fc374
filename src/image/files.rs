//! Builds the layer with a service's `files`: files and folders of the project, at their paths in the image. The layer
//! does not depend on the owner, the times or the location of the checkout, so the same files give the same layer on
//! every machine.

use std::{
    fs::{self, Metadata},
    path::{Path, PathBuf},
};

use super::layer::{Archive, Entry};
use crate::{
    kind::Laid,
    model::{Failure, Subject},
};

/// The largest total size of a service's files in bytes. They are held in memory; larger files belong in the image or a
/// bucket.
const LARGEST: u64 = 10 * 1024 * 1024;

/// The largest number of files of a service.
const MOST: usize = 1000;

/// The beginning and the end of the first line of a private key in PEM, of any type.
/// <https://www.rfc-editor.org/rfc/rfc7468>
const PRIVATE_KEY: [&str; 2] = ["-----BEGIN ", "PRIVATE KEY-----"];

/// One file to add to an image.
struct Found {
    /// The path in the image, without the leading `/`.
    path: String,
    mode: u32,
    from: PathBuf,
    content: Vec<u8>,
}

/// The files of a service, with their content.
pub(super) struct Files {
    root: PathBuf,
    found: Vec<Found>,
}

impl Files {
    /// Reads `files`, whose keys are paths in the image and whose sources are below `root`.
    pub(super) fn read<'a>(root: &Path, files: impl Iterator<Item = (&'a String, &'a Laid)>) -> Result<Self, Failure> {
        let root = root.canonicalize().map_err(|error| unusable(root, &error.to_string()))?;
        let (mut found, mut length) = (Vec::new(), 0);
        for (path, laid) in files {
            let mode = laid.mode.map(|mode| mode.0);
            gather(&root, &root.join(&laid.from), path.trim_matches('/'), mode, (&mut found, &mut length))?;
        }
        found.sort_by(|one: &Found, other| one.path.cmp(&other.path));
        Ok(Self { root, found })
    }

    /// Returns the layer with the files, or `None` if there are no files.
    pub(super) fn layer(&self) -> Result<Option<Archive>, Failure> {
        let entry = |file| {
            let Found { path, mode, content, .. }: &Found = file;
            Entry::File { path, mode: *mode, content }
        };
        let entries: Vec<Entry> = self.found.iter().map(entry).collect();
        if entries.is_empty() { Ok(None) } else { Archive::of(&entries).map(Some) }
    }

    /// Returns the files that look like secrets, as paths relative to the folder of stack.yaml. Anyone who can pull the
    /// image can read them.
    pub(super) fn secret_by_looks(&self) -> Vec<String> {
        let suspicious = self.found.iter().filter(|file| holds_secret(file));
        suspicious.map(|file| file.from.strip_prefix(&self.root).unwrap_or(&file.from).display().to_string()).collect()
    }
}

/// Reads the files at `from`, adds them to `found` and adds their sizes to `length`.
fn gather(
    root: &Path,
    from: &Path,
    path: &str,
    mode: Option<u32>,
    (found, length): (&mut Vec<Found>, &mut u64),
) -> Result<(), Failure> {
    let broken = |error: std::io::Error| {
        unusable(from, &error.to_string()).hint("write the paths in `files` relative to the folder of stack.yaml")
    };
    let whole = from.canonicalize().map_err(broken)?;
    if !whole.starts_with(root) {
        let why = "the link points outside the folder of stack.yaml";
        return Err(unusable(from, why).hint("copy the file into the project"));
    }
    let metadata = fs::metadata(&whole).map_err(broken)?;
    if metadata.is_dir() {
        let entries = fs::read_dir(&whole).and_then(Iterator::collect::<std::io::Result<Vec<_>>>).map_err(broken)?;
        for entry in entries {
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                return Err(unusable(&entry.path(), "the name is not valid UTF-8"));
            };
            gather(root, &from.join(&name), &format!("{path}/{name}"), mode, (&mut *found, &mut *length))?;
        }
        return Ok(());
    }
    *length += metadata.len();
    if *length > LARGEST || found.len() == MOST {
        let why = format!(
            "too many or too large `files` of a service: at most {MOST} files and {} MiB in total",
            LARGEST / 1024 / 1024
        );
        return Err(unusable(from, &why).hint("add large files with a Dockerfile, or store them in `buckets`"));
    }
    let content = fs::read(&whole).map_err(broken)?;
    let mode = mode.unwrap_or_else(|| own_mode(&metadata));
    found.push(Found { path: path.to_owned(), mode, from: whole, content });
    Ok(())
}

/// The mode of a file without `mode` in stack.yaml: everyone may read it, and everyone may run it if its owner may. Git
/// keeps no other permissions.
fn own_mode(metadata: &Metadata) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o100 != 0 {
            return 0o755;
        }
    }
    let _ = metadata;
    0o644
}

fn holds_secret(Found { from, content, .. }: &Found) -> bool {
    let name = from.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let by_name =
        name == ".env" || name.starts_with(".env.") || name == ".npmrc" || name == ".pgpass" || name == "credentials";
    let text = String::from_utf8_lossy(content);
    let is_key = text.lines().any(|line| line.starts_with(PRIVATE_KEY[0]) && line.trim_end().ends_with(PRIVATE_KEY[1]));
    by_name || is_key
}

fn unusable(path: &Path, why: &str) -> Failure {
    Failure::about(Subject::file(path), why)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::kind::Mode;

    fn laid(from: &str) -> Laid {
        Laid { from: from.into(), mode: None }
    }

    /// A project with a configuration file and a folder of scripts.
    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str, mode: u32| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(&path, text).expect("it can be written");
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
        };
        write("nginx.conf", "server {}\n", 0o600);
        write("scripts/init/one.sh", "#!/bin/sh\n", 0o700);
        write("scripts/two.txt", "two\n", 0o664);
        folder
    }

    fn entries(archive: &Archive) -> Vec<(String, u32, u64)> {
        let layer = archive.pack().expect("it is packed");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(layer.compressed.as_slice()));
        let entries = archive.entries().expect("it is an archive").map(|entry| {
            let entry = entry.expect("it is whole");
            let mode = entry.header().mode().expect("it has one");
            (entry.path().expect("it has a path").display().to_string(), mode, entry.size())
        });
        entries.collect()
    }

    #[test]
    fn files_and_folders_get_their_paths_in_the_image() {
        let project = project();
        let files = BTreeMap::from([
            ("/etc/nginx/conf.d/default.conf".to_owned(), laid("nginx.conf")),
            ("/opt".to_owned(), laid("scripts")),
            ("/run.sh".to_owned(), Laid { mode: Some(Mode(0o750)), ..laid("nginx.conf") }),
        ]);
        let expected = [
            ("etc/nginx/conf.d/default.conf".to_owned(), 0o644, 10),
            ("opt/init/one.sh".to_owned(), 0o755, 10),
            ("opt/two.txt".to_owned(), 0o644, 4),
            ("run.sh".to_owned(), 0o750, 10),
        ];
        let files = Files::read(project.path(), files.iter()).expect("they are there");
        let layer = files.layer().expect("it is made").expect("there are files");
        assert_eq!(entries(&layer), expected);
    }

    fn refused(project: &Path, from: &str) -> String {
        let files = BTreeMap::from([("/x".to_owned(), laid(from))]);
        Files::read(project, files.iter()).err().expect("it is refused").message
    }

    #[test]
    fn missing_outside_and_too_large_files_are_refused() {
        let project = project();
        assert!(refused(project.path(), "none").contains("No such file"));
        let outside = tempfile::tempdir().expect("a temporary folder");
        std::os::unix::fs::symlink(outside.path(), project.path().join("link")).expect("a link");
        assert!(refused(project.path(), "link").contains("outside the folder"));
        fs::write(project.path().join("large"), vec![0; 11 * 1024 * 1024]).expect("it can be written");
        assert!(refused(project.path(), "large").contains("10 MiB"));
    }

    #[test]
    fn private_keys_and_env_files_look_like_secrets() {
        let project = project();
        let write = |name: &str, text: &str| fs::write(project.path().join(name), text).expect("it can be written");
        write("server.pem", "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n");
        write("public.pem", "-----BEGIN PUBLIC KEY-----\nMHcC\n-----END PUBLIC KEY-----\n");
        write(".env", "A=1\n");
        let all = ["server.pem", "public.pem", ".env", "scripts"].map(|name| (format!("/{name}"), laid(name)));
        let files = Files::read(project.path(), all.iter().map(|(path, laid)| (path, laid))).expect("they are there");
        assert_eq!(files.secret_by_looks(), [".env", "server.pem"]);
    }
}
