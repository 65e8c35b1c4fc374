//! Where a release comes from: the commit of the source and who releases, as this computer knows them.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

use crate::kind::Origin;

/// What a commit's name ends in where files differ from it.
const DIRTY: &str = "-dirty";

/// Where pipelines say who has started them, and what the computers of each are called together.
const PIPELINES: &[(&str, &str)] = &[("GITHUB_ACTOR", "github"), ("GITLAB_USER_LOGIN", "gitlab")];

/// The origin of what is released from the source in `folder`.
pub(super) async fn of(folder: &Path) -> Origin {
    let by = by(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    Origin { commit: commit(folder).await, by, rollback_to: None }
}

/// Who releases: whoever has started the pipeline, or else the user of this computer.
fn by(variable: &dyn Fn(&str) -> Option<String>) -> String {
    let started = PIPELINES.iter().find_map(|(name, of)| Some(format!("{}@{of}", variable(name)?)));
    started.unwrap_or_else(|| format!("{}@{}", user(), host()))
}

/// Who uses this computer.
pub(super) fn user() -> String {
    let named = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok();
    let known = || Some(nix::unistd::User::from_uid(nix::unistd::getuid()).ok()??.name);
    named.or_else(known).unwrap_or_else(|| "somebody".to_owned())
}

/// The name of this computer.
pub(super) fn host() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The commit that is checked out in `folder`; none where there is no repository, no commit or no git.
async fn commit(folder: &Path) -> Option<String> {
    let head = git(folder, &["rev-parse", "--verify", "HEAD"]).await?;
    // A file that git does not know counts too: it may well be a part of the image.
    let differs = git(folder, &["status", "--porcelain", "--untracked-files=normal"]).await?;
    Some(if differs.is_empty() { head } else { head + DIRTY })
}

/// What git prints for `args` in `folder`; none if it fails.
pub(super) async fn git(folder: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    // Without optional locks: a look must not get in the way of a git that is at work.
    command.arg("--no-optional-locks").arg("-C").arg(folder).args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn in_a_pipeline_it_is_whoever_has_started_it_who_releases() {
        let started = |name: &str| (name == "GITHUB_ACTOR").then(|| "ada".to_owned());
        assert_eq!(by(&started), "ada@github");
        assert_eq!(by(&|_| None), format!("{}@{}", user(), host()));
    }

    #[tokio::test]
    async fn a_commit_is_marked_where_files_differ_from_it() {
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
