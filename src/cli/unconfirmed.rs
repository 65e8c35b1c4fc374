//! What is left for a human to do once all that stackctl can do is done.

use crate::{
    cli::{error::Stop, project::Project},
    model::LiveResource,
    output::Output,
};

/// Says whose address is yet to be confirmed, if alarms go to one. `seen` has what was seen of the stack and is still so.
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
        // A former address may be among them, until AWS forgets it.
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
