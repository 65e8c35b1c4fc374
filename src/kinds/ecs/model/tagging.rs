//! The operations on tags of existing resources.

use aws_sdk_ecs::operation::tag_resource::{TagResourceError, TagResourceInput, TagResourceOutput};

use super::{clusters, services, state::Ecs};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(TagResourceError::generic, tag);
}

/// Sets tags. A tag replaces the one with the same key.
fn tag(ecs: &mut Ecs, input: &TagResourceInput) -> Result<TagResourceOutput, Refusal> {
    let arn = input.resource_arn();
    let mut clusters = ecs.clusters.iter_mut().filter(|cluster| clusters::line(cluster).is_some());
    let mut services = ecs.services.iter_mut().filter(|service| services::line(service).is_some());
    let cluster = clusters.find(|cluster| cluster.cluster_arn() == arn).map(|cluster| &mut cluster.tags);
    let service = services.find(|service| service.service_arn() == arn).map(|service| &mut service.tags);
    let Some(tags) = cluster.or(service) else {
        return Err(Refusal::new("InvalidParameterException", "The specified resource is not valid."));
    };
    let tags = tags.get_or_insert_default();
    for new in input.tags() {
        tags.retain(|tag| tag.key() != new.key());
        tags.push(new.clone());
    }
    Ok(TagResourceOutput::builder().build())
}
