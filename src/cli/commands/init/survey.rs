//! Examines the folder of a project: its name, the programs of its Cargo packages, a Dockerfile, and the region in the
//! environment. Only reads.

use std::path::Path;

use crate::{
    image::{self, CargoProgram},
    model::Failure,
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
}

/// An existing Dockerfile.
#[derive(Debug)]
pub(super) struct Dockerfile {
    /// The first port that it exposes.
    pub(super) port: Option<u16>,
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
        let dockerfile = std::fs::read_to_string(folder.join("Dockerfile")).ok();
        Ok(Self {
            name: own.or(folder_name),
            programs,
            dockerfile: dockerfile.map(|text| Dockerfile { port: exposed(&text) }),
        })
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
    async fn an_empty_folder_gives_only_its_name() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("My Shop");
        std::fs::create_dir(&folder).expect("a folder");
        let survey = Survey::of(&folder, true).await.expect("it can be looked at");
        assert_eq!(survey.name.as_deref(), Some("My Shop"));
        assert!(survey.programs.is_empty() && survey.dockerfile.is_none());
    }
}
