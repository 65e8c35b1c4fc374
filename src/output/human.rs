//! Formats the state of a stack and failures for people.

use std::fmt::Write;

use comfy_table::{Table, presets};
use serde::Serialize;

use super::{style::Style, text::fitted};
use crate::model::{Address, Failure, readable};

/// The output of `status`. Its JSON keys are stable.
#[derive(Clone, Debug, Serialize)]
pub struct StatusView {
    /// The stack.
    pub stack: String,
    /// The environment.
    pub environment: String,
    /// The URL of the stack, if it has a load balancer.
    pub url: Option<String>,
    /// The holder of the lock, as text. `None` also if the lock could not be read.
    pub locked_by: Option<String>,
    /// What could not be read.
    pub unreadable: Vec<Failure>,
    /// The services.
    pub services: Vec<ServiceLine>,
    /// The 5xx responses of the last hour, by origin.
    pub errors: Vec<ErrorLine>,
    /// All resources of the stack.
    pub resources: Vec<ResourceLine>,
}

/// The 5xx responses of one origin.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorLine {
    /// The service whose application responded, or `None` for the load balancer itself.
    pub service: Option<String>,
    /// The HTTP status, or `5xx` for all of them.
    pub status: &'static str,
    /// The number of responses.
    pub count: u64,
    /// A sentence with the origin, the status and the number of responses.
    pub message: String,
    /// The likely cause.
    pub likely_cause: &'static str,
    /// The next step.
    pub next: String,
}

/// A service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceLine {
    /// Its name in stack.yaml.
    pub name: String,
    /// The desired number of tasks.
    pub desired: u64,
    /// The number of running tasks of the version shown.
    pub running: u64,
    /// The number of running tasks of earlier versions.
    pub earlier: u64,
    /// The number of tasks of this version that failed or could not start in the current rollout.
    pub failed: u64,
    /// The package version and build number, for an image that stackctl built.
    pub version: Option<String>,
    /// The image of the current task definition.
    pub image: Option<String>,
    /// Whether stackctl built the image and it no longer exists in its repository.
    pub image_gone: bool,
}

/// A resource.
#[derive(Clone, Debug, Serialize)]
pub struct ResourceLine {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: String,
    /// The identifier on AWS.
    pub id: String,
    /// `ready`, `pending`, `deleting` or `failed`.
    pub phase: &'static str,
    /// The state that AWS reports, or the reason for a failure.
    pub detail: Option<String>,
}

/// Returns the message that a service's image can no longer be pulled, and the fix.
pub fn image_is_gone(service: &str, image: &str) -> String {
    format!(
        "{service} runs {image}, which no longer exists in its repository: ECS cannot start new tasks. Run \
         `stackctl deploy` to build and release the source under a new build number."
    )
}

/// Formats the state of a stack.
pub(super) fn status(view: &StatusView, style: Style, details: bool, width: Option<usize>) -> String {
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
            let image = or_dash(service.image.as_ref());
            // The registry's host is long, and the same for all.
            let image = image.rsplit('/').next().filter(|_| !details).unwrap_or(&image).to_owned();
            vec![service.name.clone(), running, or_dash(service.version.as_ref()), image]
        });
        let _ = write!(text, "\n{}\n", table(&["SERVICE", "RUNNING", "VERSION", "IMAGE"], rows));
        for service in view.services.iter().filter(|service| service.image_gone) {
            let _ = writeln!(text, "{}", image_is_gone(&service.name, service.image.as_deref().unwrap_or_default()));
        }
    }
    if !view.errors.is_empty() {
        let _ = writeln!(text, "\n{}", errors(&view.errors, "in the last hour"));
    }
    let longest = view.resources.iter().map(|resource| resource.address.to_string().chars().count());
    let longest = longest.max().unwrap_or_default();
    let rows = view.resources.iter().map(|resource| {
        let phase = match resource.phase {
            "ready" => style.good(resource.phase),
            "failed" => style.bad(resource.phase),
            other => style.changed(other),
        };
        let detail = readable(resource.detail.as_deref().unwrap_or_default());
        let room = width.filter(|_| !details).map(|width| width.saturating_sub(longest + 16));
        let id = details.then(|| readable(&resource.id));
        let row = [Some(resource.address.to_string()), Some(phase), id, Some(fitted(&detail, room))];
        row.into_iter().flatten().collect()
    });
    let header: &[&str] = if details { &["RESOURCE", "STATE", "ID", ""] } else { &["RESOURCE", "STATE", ""] };
    let _ = write!(text, "\n{}", table(header, rows));
    text
}

/// Formats 5xx responses with their causes and next steps.
pub(super) fn errors(errors: &[ErrorLine], when: &str) -> String {
    let one = |error: &ErrorLine| {
        let ErrorLine { message, likely_cause, next, .. } = error;
        format!("{message} {when}\n    likely cause: {likely_cause}\n    next: {next}")
    };
    errors.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Formats a failure, such as `service.web: UpdateService: AccessDeniedException: …`, followed by its explanation.
/// `address` is the address of the failed step, if any.
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
    fn a_status_shows_what_could_not_be_read() {
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
        let text = status(&view, Style::new(false), false, Some(80));
        assert!(
            text.contains("\ncannot read: the lock: GetParameter: not authorized\nhint: see the policy\n"),
            "{text}"
        );
        assert!(text.contains("vpc.main"), "{text}");
    }
}
