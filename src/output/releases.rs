//! Formats the releases of a stack.

use serde::Serialize;

use super::{human::table, style::Style};
use crate::{
    model::readable,
    releases::{Outcome, Release},
};

/// How many characters of a commit are shown.
const SHOWN_OF_COMMIT: usize = 10;

/// The output of `releases`. Its JSON keys are stable.
#[derive(Clone, Debug, Serialize)]
pub struct ReleasesView {
    /// The stack.
    pub stack: String,
    /// The environment.
    pub environment: String,
    /// The releases, newest first.
    pub releases: Vec<Release>,
}

pub(super) fn render(view: &ReleasesView, style: Style) -> String {
    if view.releases.is_empty() {
        return format!("{}/{} has no releases.", view.stack, view.environment);
    }
    let rows = view.releases.iter().map(|release| {
        let text = |text: Option<String>| text.map_or_else(|| "-".to_owned(), |text| readable(&text));
        vec![
            release.service.clone(),
            release.release.to_string(),
            release.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            text(release.version.clone()),
            text(release.commit.as_deref().map(short)),
            text(by(release)),
            result(release, style),
        ]
    });
    table(&["SERVICE", "RELEASE", "WHEN", "VERSION", "COMMIT", "BY", "RESULT"], rows)
}

/// Returns the short form of a commit, with its suffix.
fn short(commit: &str) -> String {
    let (name, rest) = commit.split_once('-').map_or((commit, None), |(name, rest)| (name, Some(rest)));
    let name: String = name.chars().take(SHOWN_OF_COMMIT).collect();
    rest.map_or(name.clone(), |rest| format!("{name}-{rest}"))
}

/// Returns who released it: the user, or else the last part of the ARN.
fn by(release: &Release) -> Option<String> {
    let principal = || release.principal.as_ref().map(|arn| arn.rsplit('/').next().unwrap_or(arn).to_owned());
    release.by.clone().or_else(principal)
}

fn result(release: &Release, style: Style) -> String {
    let result = match release.result {
        Outcome::Succeeded | Outcome::Unknown if release.serves => style.good("serves"),
        Outcome::Succeeded => "served".to_owned(),
        Outcome::InProgress => style.changed("rolling out"),
        Outcome::RollingBack => style.bad("rolling back"),
        Outcome::RolledBack => style.bad("rolled back by ECS"),
        Outcome::Failed => style.bad("failed"),
        Outcome::Stopped => style.changed("stopped"),
        Outcome::NotRolledOut => style.dim("not rolled out"),
        Outcome::Unknown => style.dim("older than ECS's history"),
    };
    match release.rollback_to {
        Some(number) => format!("{result} (rollback to {number})"),
        None if release.by_hand => format!("{result} (registered by hand)"),
        None => result,
    }
}
