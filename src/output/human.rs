//! Texts for people: a stack's state, a failure with its details.

use std::fmt::Write;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::style::Style;
use crate::model::{Address, Failure, readable};

/// What `status` shows; its JSON keys are stable.
#[derive(Clone, Debug, Serialize)]
pub struct StatusView {
    /// The stack.
    pub stack: String,
    /// The environment.
    pub environment: String,
    /// Where it answers, once there is a load balancer.
    pub url: Option<String>,
    /// Who holds its lock, in words. None also where that could not be read.
    pub locked_by: Option<String>,
    /// What could not be read, and why.
    pub unreadable: Vec<Failure>,
    /// Its services.
    pub services: Vec<ServiceLine>,
    /// Answers with 5xx in the last hour, by who gave them.
    pub errors: Vec<ErrorLine>,
    /// All that it owns.
    pub resources: Vec<ResourceLine>,
}

/// Answers with 5xx, all by one origin.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorLine {
    /// The service whose application answered; none for the load balancer itself.
    pub service: Option<String>,
    /// The status: one, or `5xx` for all of them.
    pub status: &'static str,
    /// How many answers.
    pub count: u64,
    /// Who answered what, and how often.
    pub message: String,
    /// What is likely to have caused it.
    pub likely_cause: &'static str,
    /// What to do next.
    pub next: String,
}

/// One service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceLine {
    /// Its name in stack.yaml.
    pub name: String,
    /// How many tasks it should run.
    pub desired: u64,
    /// How many it runs of the version that is shown.
    pub running: u64,
    /// How many it still runs of earlier ones.
    pub earlier: u64,
    /// How many tasks of this version could not be started, or failed, in the rollout that is under way.
    pub failed: u64,
    /// The package version and build number, for an image that stackctl built.
    pub version: Option<String>,
    /// The image of the task definition that it runs.
    pub image: Option<String>,
    /// Whether that is an image that stackctl built, and its repository has it no longer.
    pub image_gone: bool,
}

/// One resource.
#[derive(Clone, Debug, Serialize)]
pub struct ResourceLine {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// AWS's identifier.
    pub id: String,
    /// `ready`, `pending`, `deleting` or `failed`.
    pub phase: &'static str,
    /// AWS's own word for it, or why it failed.
    pub detail: Option<String>,
}

/// That the image that a service runs cannot be pulled any more, and what helps.
pub fn image_is_gone(service: &str, image: &str) -> String {
    format!(
        "{service} runs {image}, which no longer exists in its repository: ECS cannot start new tasks. Run \
         `stackctl deploy` to build and release the source under a new build number."
    )
}

/// The state of a stack as text.
pub(super) fn status(view: &StatusView, style: Style) -> String {
    let mut text = format!("{}/{}", style.strong(&view.stack), view.environment);
    if let Some(url) = &view.url {
        let _ = write!(text, "  {}", style.hint(readable(url)));
    }
    text.push('\n');
    if let Some(holder) = &view.locked_by {
        let _ = writeln!(text, "{} {}", style.changed("locked by"), readable(holder));
    }
    for failure in &view.unreadable {
        let _ = writeln!(text, "{} {}", style.changed("cannot read:"), readable(&self::failure(None, failure)));
        if let Some(hint) = &failure.hint {
            let _ = writeln!(text, "{} {}", style.hint("hint:"), readable(hint));
        }
    }
    if view.resources.is_empty() {
        text.push_str("\nThe stack does not exist. Run `stackctl up` to create it.");
        return text;
    }
    if !view.services.is_empty() {
        let rows = view.services.iter().map(|service| {
            let mut running = format!("{}/{}", service.running, service.desired);
            if service.earlier > 0 {
                let _ = write!(running, ", {} earlier", service.earlier);
            }
            if service.failed > 0 {
                let _ = write!(running, ", {} failed", service.failed);
            }
            let is_good = service.running >= service.desired && service.earlier == 0 && service.failed == 0;
            let running = if is_good { style.good(running) } else { style.changed(running) };
            vec![service.name.clone(), running, or_dash(service.version.as_ref()), or_dash(service.image.as_ref())]
        });
        let _ = write!(text, "\n{}\n", table(&["SERVICE", "RUNNING", "VERSION", "IMAGE"], rows));
        for service in view.services.iter().filter(|service| service.image_gone) {
            let _ = writeln!(text, "{}", image_is_gone(&service.name, service.image.as_deref().unwrap_or_default()));
        }
    }
    if !view.errors.is_empty() {
        let _ = writeln!(text, "\n{}", errors(&view.errors, "in the last hour"));
    }
    let rows = view.resources.iter().map(|resource| {
        let phase = match resource.phase {
            "ready" => style.good(resource.phase),
            "failed" => style.bad(resource.phase),
            other => style.changed(other),
        };
        let detail = readable(resource.detail.as_deref().unwrap_or_default());
        vec![resource.address.to_string(), phase, readable(&resource.id), detail]
    });
    let _ = write!(text, "\n{}", table(&["RESOURCE", "STATE", "ID", ""], rows));
    text
}

/// Answers with 5xx, with cause and advice.
pub(super) fn errors(errors: &[ErrorLine], when: &str) -> String {
    let one = |error: &ErrorLine| {
        let ErrorLine { message, likely_cause, next, .. } = error;
        format!("{message} {when}\n    likely cause: {likely_cause}\n    next: {next}")
    };
    errors.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// `service.web: UpdateService: AccessDeniedException: …`, and below it what is known beyond the message. `address` is that of
/// the step that failed, if it was one.
pub(super) fn failure(address: Option<&Address>, failure: &Failure) -> String {
    let mut text = match address {
        Some(address) if !failure.is_about(address) => format!("{address}: {failure}"),
        _ => failure.to_string(),
    };
    for line in failure.explanation.lines() {
        let _ = write!(text, "\n    {line}");
    }
    text
}

fn or_dash(text: Option<&String>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| readable(text))
}

pub(super) fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Subject;

    #[test]
    fn a_state_says_what_could_not_be_read_and_shows_the_rest() {
        let denied = Failure::refused("GetParameter", "not authorized").or_about(Subject::activity("the lock"));
        let vpc = ResourceLine {
            address: Address::new("vpc", "main"),
            kind: "vpc".into(),
            id: "vpc-1".into(),
            phase: "ready",
            detail: None,
        };
        let view = StatusView {
            stack: "shop".into(),
            environment: "test".into(),
            url: None,
            locked_by: None,
            unreadable: vec![denied.hint("see the policy")],
            errors: Vec::new(),
            services: Vec::new(),
            resources: vec![vpc],
        };
        let text = status(&view, Style::new(false));
        assert!(
            text.contains("\ncannot read: the lock: GetParameter: not authorized\nhint: see the policy\n"),
            "{text}"
        );
        assert!(text.contains("vpc.main"), "{text}");
    }
}
