//! The name of the repository that keeps the images of one source. It follows from the source's path.

use std::path::Component;

use super::stack::ImageFrom;

/// The longest name that follows from a path: ECR takes 256 characters, and the names of the stack and of its environment
/// come before it.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-create.html>
pub(super) const LONGEST: usize = 256 - "/".len() * 2 - super::check::LONGEST_NAME - super::check::LONGEST_ENVIRONMENT;

impl ImageFrom {
    /// `services-api` for the folder `services/api` and for `services/api/Dockerfile`; the name of the stack for the folder of
    /// stack.yaml itself. None for an image that is not built.
    ///
    /// Letters in small, digits and single hyphens: ECR takes no two separators in a row, and none at an end.
    /// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html>
    #[must_use]
    pub fn repository(&self, stack: &str) -> Option<String> {
        let path = match self {
            Self::Package(folder) => folder.as_path(),
            Self::Dockerfile { path, .. } if path.ends_with("Dockerfile") => path.parent().unwrap_or(path),
            Self::Dockerfile { path, .. } => path.as_path(),
            Self::Named(_) => return None,
        };
        let parts = path.components().filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy().to_lowercase()),
            _ => None,
        });
        let whole = parts.collect::<Vec<_>>().join("-");
        let words = whole.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let name = words.collect::<Vec<_>>().join("-");
        Some(if name.is_empty() { stack.to_owned() } else { name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gives_a_name_that_ecr_takes() {
        let name = |folder: &str| ImageFrom::Package(folder.into()).repository("shop").expect("it is built");
        let table = [
            ("app", "app"),
            ("services/api", "services-api"),
            ("./services/api/", "services-api"),
            ("my__app", "my-app"),
            ("my_app", "my-app"),
            ("gr\u{f6}\u{df}e app", "gr-e-app"),
            ("_App.v2-", "app-v2"),
            (".", "shop"),
            ("\u{30a2}", "shop"),
        ];
        for (folder, wanted) in table {
            assert_eq!(name(folder), wanted, "{folder}");
        }
    }

    #[test]
    fn a_dockerfile_has_the_name_of_its_folder_or_its_own() {
        let name = |path: &str| ImageFrom::Dockerfile { path: path.into(), context: ".".into() }.repository("shop");
        assert_eq!(name("services/api/Dockerfile").as_deref(), Some("services-api"));
        assert_eq!(name("Dockerfile").as_deref(), Some("shop"));
        assert_eq!(name("worker.Dockerfile").as_deref(), Some("worker-dockerfile"));
        assert_eq!(ImageFrom::Named("nginx".into()).repository("shop"), None);
    }
}
