//! An existing network outside the stack, as far as a stack needs to know it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The live state of `network.vpc`, and of the subnets and security groups that stack.yaml names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct GivenNetwork {
    /// Whether the VPC exists.
    pub vpc_exists: bool,
    /// The existing subnets, by id.
    pub subnets: BTreeMap<String, GivenSubnet>,
    /// The existing security groups among those that services name: the VPC of each, by group id.
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
}

/// A subnet of the network.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GivenSubnet {
    /// Its VPC.
    pub vpc: String,
    /// Its availability zone.
    pub zone: String,
    /// The default route to the internet.
    pub way_out: WayOut,
}

/// The default route of a subnet to the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayOut {
    /// An internet gateway: resources with a public address can reach the internet and be reached from it.
    InternetGateway,
    /// A NAT gateway, transit gateway or appliance: resources without a public address can reach the internet.
    Through,
    /// No route.
    None,
}
