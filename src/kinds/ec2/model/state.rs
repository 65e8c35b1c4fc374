//! What EC2 has, and what its operations share: ids, tags, filters and refusals.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_ec2::types::{self, Filter, ResourceType, Tag, TagSpecification};
use tokio::time::Instant;

use crate::aws::{self, model::Refusal};

/// What the account has in the region.
#[derive(Clone, Default)]
pub struct Ec2 {
    pub made: u32,
    /// What was made with each client token.
    pub tokens: BTreeMap<String, String>,
    pub vpcs: Vec<types::Vpc>,
    pub subnets: Vec<types::Subnet>,
    pub internet_gateways: Vec<types::InternetGateway>,
    pub addresses: Vec<types::Address>,
    pub nat_gateways: Vec<types::NatGateway>,
    pub route_tables: Vec<types::RouteTable>,
    pub security_groups: Vec<types::SecurityGroup>,
    pub instances: Vec<types::Instance>,
    pub endpoints: Vec<types::VpcEndpoint>,
    /// Of those whom nothing else here has.
    pub interfaces: Vec<types::NetworkInterface>,
    /// Whether they may not be terminated.
    pub protected: bool,
    /// Until when network interfaces of what is gone stand in every subnet, with every security group.
    pub lingering_until: Option<Instant>,
}

/// As long as AWS usually takes at most to remove the network interfaces of load balancers and tasks.
/// <https://github.com/alantech/iasql/pull/654>
const LINGERS: Duration = Duration::from_secs(1200);

impl Ec2 {
    /// The next id that begins with `prefix`.
    pub fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}-{}", self.made)
    }

    /// Lets network interfaces of what was just deleted stay for as long as they do on AWS.
    pub(in super::super) fn linger(&mut self) {
        self.lingering_until = Some(Instant::now() + LINGERS);
    }

    /// What such interfaces stand in, have or speak from cannot go.
    pub(super) fn holds_nothing(&self, id: Option<&str>, code: &str) -> Result<(), Refusal> {
        let lingers = self.lingering_until.is_some_and(|until| Instant::now() < until);
        let refusal = || Refusal::new(code, format!("'{}' has dependencies", id.unwrap_or_default()));
        if lingers { Err(refusal()) } else { Ok(()) }
    }
}

/// What [`aws::model::Service::present`] says of a thing with these tags.
pub fn line(what: &str, tags: &[Tag]) -> String {
    let address = tags.iter().find(|tag| tag.key() == Some(aws::ADDRESS)).and_then(Tag::value);
    format!("{what} {}", address.unwrap_or("of nobody"))
}

/// The tags that a create call gives to what it makes.
pub fn tags(specifications: &[TagSpecification], of: &ResourceType) -> Vec<Tag> {
    let of_type = specifications.iter().filter(|specification| specification.resource_type() == Some(of));
    of_type.flat_map(|specification| specification.tags().to_vec()).collect()
}

/// Whether a thing with these tags passes all of `filters`: one by a tag, or one by a property that `properties` names.
///
/// # Panics
/// If a filter is none of these.
pub fn passes(filters: &[Filter], tags: &[Tag], properties: &[(&str, &[&str])]) -> bool {
    filters.iter().all(|filter| {
        let name = filter.name().expect("a filter has a name");
        let accepts = |value: &str| filter.values().iter().any(|accepted| accepted == value);
        if let Some(key) = name.strip_prefix("tag:") {
            return tags.iter().any(|tag| tag.key() == Some(key) && tag.value().is_some_and(accepts));
        }
        let property = properties.iter().find(|(property, _)| *property == name);
        let (_, values) = property.unwrap_or_else(|| panic!("the model has no filter `{name}`"));
        values.iter().any(|value| accepts(value))
    })
}

/// The place of what has this id, which `id` gives.
pub fn find<T>(all: &[T], id: impl Fn(&T) -> Option<&str>, wanted: Option<&str>, code: &str) -> Result<usize, Refusal> {
    let found = all.iter().position(|item| wanted.is_some() && id(item) == wanted);
    found.ok_or_else(|| Refusal::new(code, format!("the ID '{}' does not exist", wanted.unwrap_or_default())))
}

/// The refusal to delete what others need.
pub fn in_use(id: Option<&str>) -> Refusal {
    Refusal::new("DependencyViolation", format!("'{}' has dependencies and cannot be deleted", id.unwrap_or_default()))
}
