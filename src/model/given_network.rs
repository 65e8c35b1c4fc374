//! A network that is not the stack's, as far as a stack has to know it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What AWS has of `network.vpc`, and of the subnets and the security groups that stack.yaml names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct GivenNetwork {
    /// Whether the VPC is there.
    pub vpc_exists: bool,
    /// The subnets that are there, by id.
    pub subnets: BTreeMap<String, GivenSubnet>,
    /// The security groups that are there of those that services name, by id, and the VPC that each is in.
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
}

/// One of its subnets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GivenSubnet {
    /// The VPC that it is in.
    pub vpc: String,
    /// Its availability zone.
    pub zone: String,
    /// Where what is for the internet goes.
    pub way_out: WayOut,
}

/// Where a subnet sends what is for the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayOut {
    /// To an internet gateway: what has a public address can reach the internet and be reached from it.
    InternetGateway,
    /// To something that lets what has no public address out: a NAT gateway, a transit gateway, an appliance.
    Through,
    /// Nowhere.
    None,
}
