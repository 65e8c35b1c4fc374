//! Determines the origin of a release: the commit of the source, and the user on this computer or in the pipeline.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

use crate::kind::Origin;

/// The suffix of a commit if the working tree differs.
const DIRTY: &str = "-dirty";

/// The variables in which pipeline services name the user who started the pipeline, and the name of each service.
const PIPELINES: &[(&str, &str)] = &[("GITHUB_ACTOR", "github"), ("GITLAB_USER_LOGIN", "gitlab")];

/// Returns the origin of a release from the source in `folder`.
pub(super) async fn of(folder: &Path) -> Origin {
    let by = by(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    Origin { commit: commit(folder).await, by, rollback_to: None }
}

/// Returns who releases: the user who started the pipeline, or else the user of this computer.
fn by(variable: &dyn Fn(&str) -> Option<String>) -> String {
    let started = PIPELINES.iter().find_map(|(name, of)| Some(format!("{}@{of}", variable(name)?)));
    started.unwrap_or_else(|| format!("{}@{}", user(), host()))
}

/// Returns the user of this computer.
pub(super) fn user() -> String {
    let named = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok();
    let known = || Some(nix::unistd::User::from_uid(nix::unistd::getuid()).ok()??.name);
    named.or_else(known).unwrap_or_else(|| "somebody".to_owned())
}

/// Returns the host name of this computer.
pub(super) fn host() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Returns the commit that is checked out in `folder`, or `None` without a repository, a commit or git.
async fn commit(folder: &Path) -> Option<String> {
    let head = git(folder, &["rev-parse", "--verify", "HEAD"]).await?;
    // Untracked files count too, because they may be part of the image.
    let differs = git(folder, &["status", "--porcelain", "--untracked-files=normal"]).await?;
    Some(if differs.is_empty() { head } else { head + DIRTY })
}

/// What git prints for `args` in `folder`; none if it fails.
pub(super) async fn git(folder: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    // Without optional locks, so that this does not disturb another git process.
    command.arg("--no-optional-locks").arg("-C").arg(folder).args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_pipeline_releases_as_the_user_who_started_it() {
        let started = |name: &str| (name == "GITHUB_ACTOR").then(|| "ada".to_owned());
        assert_eq!(by(&started), "ada@github");
        assert_eq!(by(&|_| None), format!("{}@{}", user(), host()));
    }

    #[tokio::test]
    async fn a_commit_is_marked_dirty_if_files_differ() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        assert_eq!(commit(folder).await, None);
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        for args in [&["init", "--quiet"][..], &["commit", "--quiet", "--allow-empty", "--message", "first"]] {
            assert!(git(folder, &[&identity[..], args].concat()).await.is_some(), "{args:?}");
        }
        let clean = commit(folder).await.expect("there is a commit");
        assert!(clean.len() >= 40 && clean.chars().all(|c| c.is_ascii_hexdigit()), "{clean}");
        fs::write(folder.join("new.sql"), "SELECT 1").expect("it can be written");
        assert_eq!(commit(folder).await, Some(clean + DIRTY));
    }
}
