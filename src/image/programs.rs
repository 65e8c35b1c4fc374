//! Finds the Cargo packages below a folder that have a program to build an image from.

use std::path::Path;

use super::package;
use crate::model::{Failure, Subject};

/// A Cargo package with a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CargoProgram {
    /// The package's name.
    pub package: String,
    /// The folder of the package, relative to the folder that was searched; `.` for that folder.
    pub folder: String,
}

/// Returns the packages in and below `root` that `build:` can name: packages of the workspace with one program, or with
/// several programs and a `default-run`. Sorted by folder.
pub async fn programs(root: &Path) -> Result<Vec<CargoProgram>, Failure> {
    let root = root.canonicalize().map_err(|error| {
        Failure::about(Subject::file(root), error.to_string()).hint("run the command in the folder of the project")
    })?;
    let metadata = package::metadata(&root.join("Cargo.toml")).await?;
    let mut found: Vec<CargoProgram> = metadata
        .packages
        .iter()
        .filter(|package| package::program(package).is_ok())
        .filter_map(|package| {
            let folder = package.manifest_path.parent()?.strip_prefix(&root).ok()?.to_str()?;
            let folder = if folder.is_empty() { "." } else { folder };
            Some(CargoProgram { package: package.name.clone(), folder: folder.to_owned() })
        })
        .collect();
    found.sort_by(|one, other| one.folder.cmp(&other.folder));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn workspace_packages_with_one_program_are_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, text).expect("it can be written");
        };
        write("Cargo.toml", "[workspace]\nmembers = [\"api\", \"lib\", \"many\", \"told\"]\nresolver = \"3\"\n");
        for (name, more) in [("api", ""), ("lib", ""), ("many", ""), ("told", "default-run = \"told\"\n")] {
            let manifest = format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n{more}");
            write(&format!("{name}/Cargo.toml"), &manifest);
        }
        write("lib/src/lib.rs", "");
        for program in [
            "api/src/main.rs",
            "many/src/bin/one.rs",
            "many/src/bin/two.rs",
            "told/src/main.rs",
            "told/src/bin/other.rs",
        ] {
            write(program, "fn main() {}\n");
        }
        let found = programs(folder.path()).await.expect("it is a workspace");
        let found: Vec<(&str, &str)> = found.iter().map(|one| (one.package.as_str(), one.folder.as_str())).collect();
        assert_eq!(found, [("api", "api"), ("told", "told")]);
        let own = programs(&folder.path().join("api")).await.expect("it is a package of a workspace");
        assert_eq!(own, [CargoProgram { package: "api".into(), folder: ".".into() }]);
    }
}
