//! Every kind of AWS resource that stackctl manages, one file each, and the list of them.
//!
//! A kind imports the contract ([`crate::kind`]), the model and `aws`; never another kind. What the kinds of one AWS
//! service share is in a module named after the service.

mod acm;
mod database_task;
mod ec2;
mod ecr;
pub(crate) mod ecs;
mod ecs_task;
mod elasticache;
mod elb;
mod rds;
mod scheduler;
mod secretsmanager;
pub(crate) mod task_end;

pub mod alarm;
pub mod cache;
pub mod cache_subnet_group;
pub mod certificate;
pub mod cluster;
pub mod database_load;
pub mod database_users;
pub mod db_instance;
pub mod db_subnet_group;
pub mod dns_record;
pub mod elastic_ip;
pub mod image;
pub mod instance;
pub mod internet_gateway;
pub mod listener;
pub mod listener_rule;
pub mod load_balancer;
pub mod log_group;
pub mod nat_gateway;
pub mod release;
pub mod repository;
pub mod role;
pub mod route_table;
pub mod scaling;
pub mod schedule;
pub mod schedule_group;
pub mod secret;
pub mod security_group;
pub mod service;
pub mod subnet;
pub mod target_group;
pub mod task_definition;
pub mod topic;
pub mod vpc;

use crate::{
    kind::{AnyKind, Erased},
    model::{Address, Failure},
};

/// All kinds, each after the kinds that it may refer to.
pub const ALL: &[&dyn AnyKind] = &[
    &Erased::<vpc::Vpc>::new(),
    &Erased::<internet_gateway::InternetGateway>::new(),
    &Erased::<subnet::Subnet>::new(),
    &Erased::<elastic_ip::ElasticIp>::new(),
    &Erased::<nat_gateway::NatGateway>::new(),
    &Erased::<route_table::RouteTable>::new(),
    &Erased::<security_group::SecurityGroup>::new(),
    &Erased::<instance::Instance>::new(),
    &Erased::<db_subnet_group::DbSubnetGroup>::new(),
    &Erased::<db_instance::DbInstance>::new(),
    &Erased::<cache_subnet_group::CacheSubnetGroup>::new(),
    &Erased::<cache::Cache>::new(),
    &Erased::<secret::Secret>::new(),
    &Erased::<log_group::LogGroup>::new(),
    &Erased::<role::Role>::new(),
    &Erased::<repository::Repository>::new(),
    &Erased::<image::Image>::new(),
    &Erased::<certificate::Certificate>::new(),
    &Erased::<load_balancer::LoadBalancer>::new(),
    &Erased::<dns_record::DnsRecord>::new(),
    &Erased::<target_group::TargetGroup>::new(),
    &Erased::<listener::Listener>::new(),
    &Erased::<listener_rule::ListenerRule>::new(),
    &Erased::<cluster::Cluster>::new(),
    &Erased::<task_definition::TaskDefinition>::new(),
    &Erased::<database_users::DatabaseUsers>::new(),
    &Erased::<database_load::DatabaseLoad>::new(),
    &Erased::<release::Release>::new(),
    &Erased::<service::Service>::new(),
    &Erased::<scaling::Scaling>::new(),
    &Erased::<schedule_group::ScheduleGroup>::new(),
    &Erased::<schedule::Schedule>::new(),
    &Erased::<topic::Topic>::new(),
    &Erased::<alarm::Alarm>::new(),
];

/// The kind of the resource at `address`.
///
/// # Errors
/// If there is none of that name: a defect, for addresses are read from what kinds have written.
pub fn of(address: &Address) -> Result<&'static dyn AnyKind, Failure> {
    named(address.kind()).ok_or_else(|| Failure::internal(format!("{address}: there is no such kind")))
}

/// The kind called `name`.
pub fn named(name: &str) -> Option<&'static dyn AnyKind> {
    ALL.iter().find(|kind| kind.name() == name).copied()
}
