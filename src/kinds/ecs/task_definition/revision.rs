//! Revisions as releases: their origin, and the settings to register them again.

use aws_sdk_ecs::types::{Tag, TaskDefinition as SdkDefinition, TaskDefinitionStatus};

use super::{
    desired::{self, Desired},
    family,
};
use crate::{
    aws,
    kind::{Context, Origin},
    kinds::ecs,
    model::{Address, Failure},
};

/// The maximum length of a tag value, in characters.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html>
const LONGEST_TAG: usize = 256;

/// A revision of a family.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Its number in the family.
    pub number: u32,
    /// Its ARN.
    pub arn: String,
    /// When it was registered, in milliseconds since 1970.
    pub registered: i64,
    /// The ARN of the principal that registered it.
    pub principal: Option<String>,
    /// The name of the user who registered it, from their computer.
    pub by: Option<String>,
    /// The commit that its image was built from.
    pub commit: Option<String>,
    /// The revision that it rolls back to, if it is a rollback.
    pub rollback_to: Option<u32>,
    /// Whether it was registered without stackctl. It may then contain settings that stackctl does not read.
    pub by_hand: bool,
    /// The settings to register it again. `None` if stackctl cannot express all of them.
    pub desired: Option<Desired>,
}

/// Returns the active revisions in the family of `address`, newest first.
///
/// # Errors
/// Returns an error if a call to ECS fails.
pub async fn active(cx: &Context, address: &Address) -> Result<Vec<String>, Failure> {
    family::revisions(cx, &family::name(&cx.id, address), TaskDefinitionStatus::Active).await
}

/// Returns the revision `number` in the family of `address`, or `None` if it does not exist. It may be deregistered, or
/// registered manually. ECS still describes a revision that it is deleting, but this returns `None` for it: its stack
/// was destroyed, and its secrets are gone.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html>
///
/// # Errors
/// Returns an error if a call to ECS fails.
pub async fn find(cx: &Context, address: &Address, number: u32) -> Result<Option<Revision>, Failure> {
    let name = format!("{}:{number}", family::name(&cx.id, address));
    let Some(known) = ecs::revision(cx, &name).await? else { return Ok(None) };
    let ours = aws::address_of(&cx.id, &known.tags).as_ref() == Some(address) || aws::is_of_no_stack(&known.tags);
    let is_going = known.definition.status() == Some(&TaskDefinitionStatus::DeleteInProgress);
    Ok((ours && !is_going).then(|| read(&known.definition, &known.tags)))
}

fn read(definition: &SdkDefinition, tags: &[Tag]) -> Revision {
    Revision {
        number: u32::try_from(definition.revision()).unwrap_or_default(),
        arn: definition.task_definition_arn().unwrap_or_default().to_owned(),
        registered: definition.registered_at().and_then(|at| at.to_millis().ok()).unwrap_or_default(),
        principal: definition.registered_by().map(str::to_owned),
        by: aws::tag_value(tags, aws::BY).map(str::to_owned),
        commit: aws::tag_value(tags, aws::COMMIT).map(str::to_owned),
        rollback_to: aws::tag_value(tags, aws::ROLLBACK_TO).and_then(|number| number.parse().ok()),
        by_hand: aws::is_of_no_stack(tags),
        desired: Some(desired::read(definition)).filter(desired::is_whole),
    }
}

/// Returns the tags that record the origin of a revision.
pub(super) fn provenance(origin: Option<&Origin>, commit: Option<&str>) -> Vec<Tag> {
    let by = origin.map(|origin| origin.by.as_str()).filter(|by| !by.is_empty());
    let back = origin.and_then(|origin| origin.rollback_to).map(|number| number.to_string());
    let tags = [(aws::COMMIT, commit), (aws::BY, by), (aws::ROLLBACK_TO, back.as_deref())];
    let tag = |(key, value): (&str, Option<&str>)| Some(aws::tag(key, &tag_value(value?)));
    tags.into_iter().filter_map(tag).collect()
}

/// Returns `text` without the characters and the length that a tag does not allow.
fn tag_value(text: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    text.chars().take(LONGEST_TAG).map(|c| if allowed(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{ContainerDefinition, KeyValuePair, LogConfiguration, LogDriver, PortMapping, Secret};

    use super::*;
    use crate::kind::Kind;

    #[test]
    fn revision_that_is_read_registers_the_same_again() {
        let logs = LogConfiguration::builder().log_driver(LogDriver::Awslogs).options("awslogs-group", "logs");
        let container = ContainerDefinition::builder()
            .name("web")
            .image("repository:0.1.0-2")
            .port_mappings(PortMapping::builder().container_port(3000).build())
            .environment(KeyValuePair::builder().name("APP_VERSION").value("0.1.0+2").build())
            .secrets(Secret::builder().name("URL").value_from("arn:of:secret:url::").build().expect("it is whole"))
            .docker_labels("stackctl.secret-version.URL", "v1")
            .command("serve")
            .stop_timeout(30)
            .readonly_root_filesystem(true)
            .log_configuration(logs.build().expect("it is whole"))
            .build();
        let definition = SdkDefinition::builder()
            .cpu("256")
            .memory("512")
            .execution_role_arn("execution")
            .task_role_arn("task")
            .container_definitions(container)
            .build();
        let again = read(&definition, &[]).desired.expect("all of it is known");
        assert!(read(&definition, &[]).by_hand, "it has no tags of stackctl's");
        let live = super::super::live(&definition, None);
        assert_eq!(super::super::TaskDefinition::diff(&again, &live), []);
        assert_eq!(live.fields["secrets.URL.version"], "v1");
    }

    #[test]
    fn origin_of_a_revision_is_stored_in_its_tags() {
        let origin = Origin { commit: None, by: "ada, of \"desk\"".into(), rollback_to: Some(2) };
        let tags = provenance(Some(&origin), Some("0a1b-dirty"));
        assert_eq!(aws::tag_value(&tags, aws::COMMIT), Some("0a1b-dirty"));
        assert_eq!(aws::tag_value(&tags, aws::BY), Some("ada- of -desk-"));
        assert_eq!(aws::tag_value(&tags, aws::ROLLBACK_TO), Some("2"));
        assert_eq!(provenance(None, None), []);
    }
}
