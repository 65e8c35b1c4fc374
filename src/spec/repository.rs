//! Derives the name of an image repository from the path of the source.

use std::path::Component;

use super::service::{Arch, ImageFrom, Service};

/// The longest name derived from a path: ECR allows 256 characters, and the names of the stack and of its environment
/// come before it.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-create.html>
pub(super) const LONGEST: usize = 256 - "/".len() * 2 - super::check::LONGEST_NAME - super::check::LONGEST_ENVIRONMENT;

impl Service {
    /// Whether both services run the same image.
    #[must_use]
    pub fn has_image_of(&self, other: &Self) -> bool {
        (&self.image, self.arch, &self.files) == (&other.image, other.arch, &other.files)
    }

    /// Returns the name of the image repository. It is derived from the source that is built, or from the image that
    /// `files` are added to. The same source with another architecture or other files is another image, so `arm64` and
    /// `service`, the first service with these files, are appended. None for an image that is pulled unchanged.
    #[must_use]
    pub fn repository(&self, stack: &str, service: &str) -> Option<String> {
        let mut name = match &self.image {
            ImageFrom::Named(_) if self.files.is_empty() => return None,
            ImageFrom::Named(name) => words(name_of(name)),
            built => built.repository(stack, service)?,
        };
        if self.arch == Arch::Arm64 {
            name += "-arm64";
        }
        if !self.files.is_empty() {
            name = format!("{name}-with-files-of-{service}");
        }
        Some(name)
    }
}

/// Returns `nginx` for `registry.example.com/library/nginx:1.27`.
fn name_of(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    let name = name.rsplit('/').next().unwrap_or(name);
    name.split_once(':').map_or(name, |(name, _)| name)
}

impl ImageFrom {
    /// Returns `services-api` for the folder `services/api` and for `services/api/Dockerfile`, and the stack's name for
    /// the folder of stack.yaml. The stage of a Dockerfile is appended. With build arguments, `service` is also
    /// appended, the first service that builds it: several services may build one Dockerfile with different arguments.
    /// None for an image that is not built.
    ///
    /// The name has lower-case letters, digits and single hyphens: ECR allows no two separators in a row, and none at
    /// either end.
    /// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html>
    fn repository(&self, stack: &str, service: &str) -> Option<String> {
        let path = match self {
            Self::Package(folder) => folder.as_path(),
            Self::Dockerfile { path, .. } if path.ends_with("Dockerfile") => path.parent().unwrap_or(path),
            Self::Dockerfile { path, .. } => path.as_path(),
            Self::Named(_) => return None,
        };
        let parts = path.components().filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        });
        let name = words(&parts.collect::<Vec<_>>().join("-"));
        let mut name = if name.is_empty() { stack.to_owned() } else { name };
        if let Self::Dockerfile { target, args, .. } = self {
            let stage = target.as_deref().map(words).filter(|stage| !stage.is_empty());
            let service = (!args.is_empty()).then(|| service.to_owned());
            for part in stage.into_iter().chain(service) {
                name = format!("{name}-{part}");
            }
        }
        Some(name)
    }
}

/// Returns the words of `text` in lower case, joined by hyphens.
fn words(text: &str) -> String {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_name_of_a_path_is_valid_in_ecr() {
        let name = |folder: &str| ImageFrom::Package(folder.into()).repository("shop", "web").expect("it is built");
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

    fn built(path: &str, target: Option<&str>, args: &[&str]) -> String {
        let args = args.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect();
        let target = target.map(str::to_owned);
        let image = ImageFrom::Dockerfile { path: path.into(), context: ".".into(), target, args };
        image.repository("shop", "web").expect("it is built")
    }

    #[test]
    fn repository_of_a_dockerfile_is_named_by_its_folder_or_file() {
        let name = |path: &str| built(path, None, &[]);
        assert_eq!(name("services/api/Dockerfile"), "services-api");
        assert_eq!(name("Dockerfile"), "shop");
        assert_eq!(name("worker.Dockerfile"), "worker-dockerfile");
        assert_eq!(ImageFrom::Named("nginx".into()).repository("shop", "web"), None);
    }

    #[test]
    fn stages_and_build_arguments_get_separate_repositories() {
        assert_eq!(built("api/Dockerfile", Some("Run_time"), &[]), "api-run-time");
        assert_eq!(built("Dockerfile", None, &["APP"]), "shop-web");
        assert_eq!(built("Dockerfile", Some("runtime"), &["APP"]), "shop-runtime-web");
    }
}
