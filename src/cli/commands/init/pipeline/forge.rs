//! The services that run pipelines, and how each identifies a project to AWS.

use std::process::Command;

use clap::ValueEnum;

/// A place where pipelines run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Forge {
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD, on gitlab.com or self-managed.
    Gitlab,
    /// Jenkins with the `oidc-provider` plugin.
    Jenkins,
}

/// A project on such a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repository {
    /// The host, such as `gitlab.com`.
    pub(super) host: String,
    /// `owner/name`, `group/subgroup/project`, or a job's path such as `job/shop`.
    pub(super) name: String,
}

impl Forge {
    /// Returns the name of the service.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Github => "GitHub",
            Self::Gitlab => "GitLab",
            Self::Jenkins => "Jenkins",
        }
    }

    /// Returns an example for `--repository`.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Github => "owner/name",
            Self::Gitlab => "group/project, or gitlab.example.com/group/project on a server of your own",
            Self::Jenkins => "https://jenkins.example.com/job/my-app",
        }
    }

    /// Parses the name of a project.
    pub(super) fn repository(self, text: &str) -> Option<Repository> {
        let text = text.trim_end_matches('/').trim_end_matches(".git");
        let (host, name) = match self {
            Self::Github => ("github.com", text.strip_prefix("https://github.com/").unwrap_or(text)),
            Self::Gitlab => {
                let text = text.strip_prefix("https://").unwrap_or(text);
                // A first part with a dot is a host: groups rarely have dots, and hosts nearly always do.
                text.split_once('/').filter(|(first, _)| first.contains('.')).unwrap_or(("gitlab.com", text))
            }
            Self::Jenkins => text.strip_prefix("https://")?.split_once('/')?,
        };
        let parts: Vec<&str> = name.split('/').collect();
        let is_name =
            |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        let fits = match self {
            Self::Github => parts.len() == 2,
            Self::Gitlab => parts.len() >= 2,
            // Each folder and the job itself follow a `job`:
            // <https://www.jenkins.io/doc/book/using/remote-access-api/>.
            Self::Jenkins => {
                parts.len() >= 2 && parts.len().is_multiple_of(2) && parts.iter().step_by(2).all(|part| *part == "job")
            }
        };
        let is_host = host.split(':').next().is_some_and(|host| is_name(&host));
        (fits && is_host && parts.iter().all(is_name))
            .then(|| Repository { host: host.to_owned(), name: name.to_owned() })
    }

    /// Returns the project of the git remote `origin`. A remote does not identify a job of Jenkins.
    pub(super) fn origin(self) -> Option<Repository> {
        let output = Command::new("git").args(["remote", "get-url", "origin"]).output().ok()?;
        let url = String::from_utf8(output.stdout).ok()?;
        self.of_remote(url.trim())
    }

    fn of_remote(self, url: &str) -> Option<Repository> {
        let rest = ["https://", "ssh://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let (host, path) = match rest {
            Some(rest) => rest.split_once('/')?,
            None => url.split_once(':')?,
        };
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split(':').next()?;
        match self {
            Self::Github => self.repository(path).filter(|_| host == "github.com"),
            Self::Gitlab => self.repository(&format!("{host}/{path}")).filter(|_| host != "github.com"),
            Self::Jenkins => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(host: &str, name: &str) -> Repository {
        Repository { host: host.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn common_forms_of_project_names_are_parsed() {
        assert_eq!(Forge::Github.repository("ada/shop"), Some(named("github.com", "ada/shop")));
        assert_eq!(Forge::Github.repository("https://github.com/ada/shop.git"), Some(named("github.com", "ada/shop")));
        assert_eq!(Forge::Gitlab.repository("team/web/shop"), Some(named("gitlab.com", "team/web/shop")));
        assert_eq!(
            Forge::Gitlab.repository("https://git.example.com/team/shop"),
            Some(named("git.example.com", "team/shop"))
        );
        let job = "https://jenkins.example.com/job/team/job/shop/";
        assert_eq!(Forge::Jenkins.repository(job), Some(named("jenkins.example.com", "job/team/job/shop")));
    }

    #[test]
    fn an_ambiguous_project_name_is_refused() {
        for text in ["shop", "ada/*", "ada/shop/deep", "ada/", "a da/shop", "ada/shop\"", ""] {
            assert_eq!(Forge::Github.repository(text), None, "{text}");
        }
        for text in
            ["jenkins.example.com/job/shop", "https://jenkins.example.com", "https://jenkins.example.com/view/shop"]
        {
            assert_eq!(Forge::Jenkins.repository(text), None, "{text}");
        }
    }

    #[test]
    fn a_git_remote_names_the_project_over_https_and_ssh() {
        for url in
            ["git@github.com:ada/shop.git", "https://github.com/ada/shop", "ssh://git@github.com:22/ada/shop.git"]
        {
            assert_eq!(Forge::Github.of_remote(url), Some(named("github.com", "ada/shop")), "{url}");
            assert_eq!(Forge::Gitlab.of_remote(url), None, "{url}");
        }
        let own = "git@git.example.com:team/web/shop.git";
        assert_eq!(Forge::Gitlab.of_remote(own), Some(named("git.example.com", "team/web/shop")));
        assert_eq!(Forge::Github.of_remote(own), None);
    }
}
