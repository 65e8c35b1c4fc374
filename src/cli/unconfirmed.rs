//! Reports what the user still has to do after a successful run.

use crate::{
    cli::{error::Stop, project::Project},
    model::LiveResource,
    output::Output,
};

/// Reports the e-mail address for alarms if it is not confirmed. `seen` contains the resources that were observed and
/// not changed.
pub(super) async fn show(project: &Project, seen: &[LiveResource], output: &Output) -> Result<(), Stop> {
    let Some(alarms) = &project.stack.alarms else { return Ok(()) };
    let topics = seen.iter().filter(|resource| resource.address.kind() == "topic");
    let mut topics: Vec<LiveResource> = topics.cloned().collect();
    if topics.is_empty() {
        topics = project.observe_kind("topic").await?;
    }
    for topic in topics {
        let Some(kind) = project.kinds.named(topic.address.kind()) else { continue };
        let outputs = kind.outputs(&topic.live)?;
        let email = alarms.email.as_str();
        // An earlier address may be included until AWS forgets it.
        if !outputs.get("unconfirmed").is_some_and(|emails| emails.split(", ").any(|waiting| waiting == email)) {
            continue;
        }
        if output.is_json() {
            output.document(&serde_json::json!({ "event": "unconfirmed", "email": email }));
        } else {
            output.status(&format!(
                "{email} is not confirmed: AWS sent a confirmation link by e-mail, and sends no alarms until \
                 someone opens it."
            ));
        }
    }
    Ok(())
}
