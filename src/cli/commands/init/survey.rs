//! Examines the folder of a project: its name, the programs of its Cargo packages, a Dockerfile, and the region in the
//! environment. Only reads.

use std::path::Path;

use crate::{
    image::{self, CargoProgram},
    model::{Failure, count},
};

/// The result of a survey.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The name of the only program's package or of the folder, unchanged.
    pub(super) name: Option<String>,
    /// The packages with a program that stackctl can build.
    pub(super) programs: Vec<CargoProgram>,
    /// The Dockerfile directly in the folder.
    pub(super) dockerfile: Option<Dockerfile>,
    /// Without one: the Dockerfiles of the folders below it, by folder.
    pub(super) below: Vec<(String, Dockerfile)>,
}

/// The source of the service's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The folder of a Cargo package.
    Package(String),
    /// The path of a Dockerfile.
    Dockerfile(String),
    /// An image in a registry.
    Image(String),
}

/// An existing Dockerfile.
#[derive(Debug)]
pub(super) struct Dockerfile {
    /// The first port that it exposes.
    pub(super) port: Option<u16>,
}

/// Something that can be a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The name of its package or folder, unchanged.
    pub(super) name: String,
    /// What its image is built from.
    pub(super) source: Source,
    /// The port that its Dockerfile exposes.
    pub(super) port: Option<u16>,
}

/// Parts of names of programs that serve visitors, the most likely first.
const FRONT: [&str; 6] = ["web", "front", "site", "server", "api", "app"];

/// Folders that have the Dockerfiles of others, or none.
const SKIPPED: [&str; 4] = ["node_modules", "target", "vendor", "dist"];

/// How many levels below the project's folder Dockerfiles are looked for, such as `services/web`.
const DEEPEST: usize = 2;

impl Dockerfile {
    fn of(folder: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(folder.join("Dockerfile")).ok()?;
        Some(Self { port: exposed(&text) })
    }
}

/// Returns the Dockerfiles below `root`, by folder.
fn dockerfiles(root: &Path) -> Vec<(String, Dockerfile)> {
    let mut found = Vec::new();
    let mut open = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with('.') || SKIPPED.contains(&name.as_str()) {
                continue;
            }
            let relative = path.strip_prefix(root).map(|path| path.display().to_string()).unwrap_or_default();
            match Dockerfile::of(&path) {
                Some(dockerfile) => found.push((relative, dockerfile)),
                None if depth + 1 < DEEPEST => open.push((path, depth + 1)),
                None => {}
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

impl Survey {
    /// Examines `folder`. Its Cargo packages are included only if `with_programs`, because that runs cargo.
    pub(super) async fn of(folder: &Path, with_programs: bool) -> Result<Self, Failure> {
        let programs = if with_programs && folder.join("Cargo.toml").is_file() {
            image::programs(folder).await?
        } else {
            Vec::new()
        };
        let own = match programs.as_slice() {
            [one] => Some(one.package.clone()),
            _ => None,
        };
        let absolute = folder.canonicalize().ok();
        let folder_name = absolute.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let dockerfile = Dockerfile::of(folder);
        let below = if dockerfile.is_none() { dockerfiles(folder) } else { Vec::new() };
        Ok(Self { name: own.or(folder_name), programs, dockerfile, below })
    }
}

impl Survey {
    /// Returns what the service can be built from, in words.
    pub(super) fn found(&self) -> Option<String> {
        match (self.programs.as_slice(), &self.dockerfile) {
            ([], None) if self.below.is_empty() => None,
            ([], None) => {
                let folders: Vec<&str> = self.below.iter().map(|(folder, _)| folder.as_str()).collect();
                Some(format!("{} with a Dockerfile: {}", count(folders.len(), "folder"), folders.join(", ")))
            }
            ([], Some(Dockerfile { port: Some(port) })) => Some(format!("a Dockerfile that exposes port {port}")),
            ([], Some(Dockerfile { port: None })) => Some("a Dockerfile".to_owned()),
            ([one], _) => Some(format!("the Cargo package {}", names(std::slice::from_ref(one)))),
            (several, _) => Some(format!("{} Cargo packages with a binary: {}", several.len(), names(several))),
        }
    }

    /// Returns everything that can be a service, the one that most likely serves the visitors first.
    pub(super) fn candidates(&self) -> Vec<Candidate> {
        let packages = self.programs.iter().map(|program| Candidate {
            name: program.package.clone(),
            source: Source::Package(program.folder.clone()),
            port: None,
        });
        let mut all: Vec<Candidate> = packages.collect();
        if all.is_empty() {
            let of = |(folder, dockerfile): &(String, Dockerfile)| Candidate {
                name: folder.rsplit('/').next().unwrap_or(folder).to_owned(),
                source: Source::Dockerfile(format!("{folder}/Dockerfile")),
                port: dockerfile.port,
            };
            all.extend(self.below.iter().map(of));
        }
        all.sort_by_key(|one| {
            (FRONT.iter().position(|name| one.name.contains(name)).unwrap_or(FRONT.len()), one.port.is_none())
        });
        all
    }
}

/// Returns the first port of an `EXPOSE` line.
/// <https://docs.docker.com/reference/dockerfile/#expose>
fn exposed(dockerfile: &str) -> Option<u16> {
    dockerfile.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let port = words.next().filter(|word| word.eq_ignore_ascii_case("expose")).and_then(|_| words.next())?;
        port.split('/').next()?.parse().ok()
    })
}

/// Returns the region that the AWS CLI would take from the environment.
pub(super) fn region() -> Option<String> {
    ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// Formats programs, such as `shop in ., worker in jobs`.
pub(super) fn names(programs: &[CargoProgram]) -> String {
    programs.iter().map(|one| format!("{} in {}", one.package, one.folder)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_dockerfile_is_the_first_that_it_exposes() {
        assert_eq!(exposed("FROM scratch\nexpose 8080/tcp 9090\nEXPOSE 1\n"), Some(8080));
        assert_eq!(exposed("FROM scratch\n# EXPOSE 8080\nEXPOSE $PORT\n"), None);
    }

    #[tokio::test]
    async fn folders_with_a_dockerfile_are_candidates_the_web_first() {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (folder, text) in [
            ("apps/jobs", "FROM scratch\n"),
            ("apps/web", "FROM scratch\nEXPOSE 8080\n"),
            ("node_modules/x", "FROM scratch\n"),
        ] {
            let folder = root.path().join(folder);
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join("Dockerfile"), text).expect("it can be written");
        }
        let survey = Survey::of(root.path(), true).await.expect("it can be looked at");
        assert_eq!(survey.found().as_deref(), Some("2 folders with a Dockerfile: apps/jobs, apps/web"));
        let candidates = survey.candidates();
        let seen: Vec<(&str, Option<u16>)> = candidates.iter().map(|one| (one.name.as_str(), one.port)).collect();
        assert_eq!(seen, [("web", Some(8080)), ("jobs", None)]);
        assert_eq!(candidates[1].source, Source::Dockerfile("apps/jobs/Dockerfile".to_owned()));
    }

    #[tokio::test]
    async fn an_empty_folder_gives_only_its_name() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("My Shop");
        std::fs::create_dir(&folder).expect("a folder");
        let survey = Survey::of(&folder, true).await.expect("it can be looked at");
        assert_eq!(survey.name.as_deref(), Some("My Shop"));
        assert!(survey.programs.is_empty() && survey.dockerfile.is_none());
    }
}
