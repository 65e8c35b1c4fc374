//! The state of the EC2 model, and helpers for its operations: ids, tags, filters and errors.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_ec2::types::{self, Filter, ResourceType, Tag, TagSpecification};
use tokio::time::Instant;

use crate::aws::{self, model::Refusal};

/// The EC2 resources of the account in the region.
#[derive(Clone, Default)]
pub struct Ec2 {
    pub made: u32,
    /// The id that was created for each client token.
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
    /// The network interfaces of resources that this model does not contain.
    pub interfaces: Vec<types::NetworkInterface>,
    /// Whether the instances are protected from termination.
    pub protected: bool,
    /// Until then, network interfaces of deleted resources are still in every subnet and use every security group.
    pub lingering_until: Option<Instant>,
}

/// The longest time that AWS usually takes to remove the network interfaces of load balancers and tasks.
/// <https://github.com/alantech/iasql/pull/654>
const LINGERS: Duration = Duration::from_secs(1200);

impl Ec2 {
    /// Returns the next id, starting with `prefix`.
    pub fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}-{}", self.made)
    }

    /// Keeps the network interfaces of resources that were just deleted for as long as AWS does.
    pub(in super::super) fn linger(&mut self) {
        self.lingering_until = Some(Instant::now() + LINGERS);
    }

    /// Fails while such network interfaces remain: they block the deletion of their subnet, security group and address.
    pub(super) fn holds_nothing(&self, id: Option<&str>, code: &str) -> Result<(), Refusal> {
        let lingers = self.lingering_until.is_some_and(|until| Instant::now() < until);
        let refusal = || Refusal::new(code, format!("'{}' has dependencies", id.unwrap_or_default()));
        if lingers { Err(refusal()) } else { Ok(()) }
    }
}

/// Returns the line of [`aws::model::Service::present`] for a resource with these tags.
pub fn line(what: &str, tags: &[Tag]) -> String {
    let address = tags.iter().find(|tag| tag.key() == Some(aws::ADDRESS)).and_then(Tag::value);
    format!("{what} {}", address.unwrap_or("of nobody"))
}

/// Returns the tags that a create call sets on the new resource.
pub fn tags(specifications: &[TagSpecification], of: &ResourceType) -> Vec<Tag> {
    let of_type = specifications.iter().filter(|specification| specification.resource_type() == Some(of));
    of_type.flat_map(|specification| specification.tags().to_vec()).collect()
}

/// Whether a resource with these tags passes all of `filters`. A filter is either by a tag or by one of `properties`.
///
/// # Panics
/// Panics for any other filter.
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

/// Returns the index of the item for which `id` returns `wanted`.
pub fn find<T>(all: &[T], id: impl Fn(&T) -> Option<&str>, wanted: Option<&str>, code: &str) -> Result<usize, Refusal> {
    let found = all.iter().position(|item| wanted.is_some() && id(item) == wanted);
    found.ok_or_else(|| Refusal::new(code, format!("the ID '{}' does not exist", wanted.unwrap_or_default())))
}

/// Returns the error for deleting a resource that is in use.
pub fn in_use(id: Option<&str>) -> Refusal {
    Refusal::new("DependencyViolation", format!("'{}' has dependencies and cannot be deleted", id.unwrap_or_default()))
}
