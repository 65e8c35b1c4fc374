//! The state of the Elastic Load Balancing model, and helpers for its operations: ids, tags and errors.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_elasticloadbalancingv2::{
    operation::{
        add_tags::{AddTagsError, AddTagsInput, AddTagsOutput},
        describe_tags::{DescribeTagsError, DescribeTagsInput, DescribeTagsOutput},
    },
    types::{
        Action, ForwardActionConfig, Listener, LoadBalancer, Rule, Tag, TagDescription, TargetGroup, TargetGroupTuple,
    },
};

use tokio::time::Instant;

use crate::aws::model::{self, Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(AddTagsError::generic, add_tags);
    cloud.on(DescribeTagsError::generic, describe_tags);
}

/// The Elastic Load Balancing resources of the account in the region.
#[derive(Clone, Default)]
pub struct Elb {
    made: u32,
    pub(super) balancers: Vec<LoadBalancer>,
    pub(super) groups: Vec<TargetGroup>,
    pub(super) listeners: Vec<Listener>,
    /// The rules with the ARNs of their listeners.
    pub(super) rules: Vec<(String, Rule)>,
    /// The attributes, by the ARN of a load balancer or target group.
    pub(super) attributes: BTreeMap<String, BTreeMap<String, String>>,
    /// The tags by ARN, sorted.
    pub(super) tags: BTreeMap<String, Vec<Tag>>,
    /// When the certificates were created.
    pub(super) certificates_since: Option<Instant>,
}

/// How long a new certificate is unknown, and how long after its creation it is not supported.
/// <https://github.com/hashicorp/terraform-provider-aws/issues/10510>
const CERTIFICATE_IS_NEW: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(270));

impl Elb {
    /// Returns the next ARN, which starts with `prefix`, and stores its tags.
    pub(super) fn arn(&mut self, prefix: &str, tags: &[Tag]) -> String {
        self.made += 1;
        let arn = format!("{prefix}/{}", self.made);
        self.tags.insert(arn.clone(), sorted(tags.to_vec()));
        arn
    }

    /// Returns the line of [`model::Service::present`] for the resource with this ARN: its owner and all its tags.
    pub(super) fn line(&self, what: &str, arn: Option<&str>) -> String {
        let tags = self.tags.get(arn.unwrap_or_default()).map_or(&[][..], Vec::as_slice);
        format!("{} {tags:?}", model::line(what, tags))
    }

    /// Returns the attributes of the resource with this ARN.
    pub(super) fn attributes_of(&self, arn: Option<&str>) -> BTreeMap<String, String> {
        self.attributes.get(arn.unwrap_or_default()).cloned().unwrap_or_default()
    }

    /// Removes the tags and attributes of the resource with this ARN.
    pub(super) fn forget(&mut self, arn: &str) {
        self.tags.remove(arn);
        self.attributes.remove(arn);
    }

    /// Removes the tag `key` from every resource, as a user of the console would.
    pub(in super::super) fn untag(&mut self, key: &str) {
        self.tags.values_mut().for_each(|tags| tags.retain(|tag| tag.key() != Some(key)));
    }

    /// Checks that the target groups of `actions` exist.
    pub(super) fn targets(&self, actions: &[Action]) -> Result<(), Refusal> {
        let mut groups = actions.iter().flat_map(groups);
        groups.try_for_each(|group| self.group(Some(group)).map(drop))
    }

    /// Makes every certificate count as just created.
    pub(in super::super) fn renew_certificates(&mut self) {
        self.certificates_since = Some(Instant::now());
    }

    /// Checks that the service knows the certificates of a listener.
    pub(super) fn knows_certificates(&self) -> Result<(), Refusal> {
        let Some(age) = self.certificates_since.map(|since| since.elapsed()) else { return Ok(()) };
        match age {
            age if age < CERTIFICATE_IS_NEW.0 => {
                Err(Refusal::new("CertificateNotFound", "One or more certificates not found"))
            }
            age if age < CERTIFICATE_IS_NEW.1 => {
                Err(Refusal::new("UnsupportedCertificate", "The certificate must have a fully-qualified domain name"))
            }
            _ => Ok(()),
        }
    }

    fn exists(&self, arn: &str) -> Result<(), Refusal> {
        let wanted = Some(arn);
        if arn.contains(":loadbalancer/") {
            self.balancer(wanted).map(drop)
        } else if arn.contains(":targetgroup/") {
            self.group(wanted).map(drop)
        } else if arn.contains(":listener/") {
            self.listener(wanted).map(drop)
        } else {
            self.rule(wanted).map(drop)
        }
    }
}

/// Returns the target groups of `action`.
pub(super) fn groups(action: &Action) -> impl Iterator<Item = &str> {
    let weighted = action.forward_config().map(ForwardActionConfig::target_groups).unwrap_or_default();
    action.target_group_arn().into_iter().chain(weighted.iter().filter_map(TargetGroupTuple::target_group_arn))
}

fn sorted(mut tags: Vec<Tag>) -> Vec<Tag> {
    tags.sort_by(|one, other| one.key().cmp(&other.key()));
    tags
}

/// Returns the index of the item for which `arn` returns `wanted`.
pub(super) fn find<T>(
    all: &[T],
    arn: impl Fn(&T) -> Option<&str>,
    wanted: Option<&str>,
    code: &str,
) -> Result<usize, Refusal> {
    let found = all.iter().position(|item| wanted.is_some() && arn(item) == wanted);
    found.ok_or_else(|| Refusal::new(code, format!("'{}' not found", wanted.unwrap_or_default())))
}

/// Adds tags, or overwrites tags with the same keys.
fn add_tags(elb: &mut Elb, input: &AddTagsInput) -> Result<AddTagsOutput, Refusal> {
    input.resource_arns().iter().try_for_each(|arn| elb.exists(arn))?;
    for arn in input.resource_arns() {
        let mut tags = elb.tags.remove(arn).unwrap_or_default();
        tags.retain(|tag| input.tags().iter().all(|new| new.key() != tag.key()));
        tags.extend_from_slice(input.tags());
        elb.tags.insert(arn.clone(), sorted(tags));
    }
    Ok(AddTagsOutput::builder().build())
}

/// Returns the tags. One ARN of a missing resource makes the whole call fail.
fn describe_tags(elb: &mut Elb, input: &DescribeTagsInput) -> Result<DescribeTagsOutput, Refusal> {
    input.resource_arns().iter().try_for_each(|arn| elb.exists(arn))?;
    let described = input.resource_arns().iter().map(|arn| {
        let tags = elb.tags.get(arn).cloned().unwrap_or_default();
        TagDescription::builder().resource_arn(arn).set_tags(Some(tags)).build()
    });
    Ok(DescribeTagsOutput::builder().set_tag_descriptions(Some(described.collect())).build())
}
