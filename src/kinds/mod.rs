//! Every kind of AWS resource that stackctl manages, one file each, and the list of them.
//!
//! A kind imports the contract ([`crate::kind`]), the model and `aws`; never another kind. What the kinds of one AWS
//! service share is in a module named after the service.

pub mod acm;
pub mod autoscaling;
pub mod cloudwatch;
pub mod ec2;
pub mod ecr;
pub mod ecs;
pub mod elasticache;
pub mod elb;
pub mod iam;
pub mod logs;
pub mod rds;
pub mod route53;
pub mod scheduler;
pub mod secretsmanager;
pub mod sns;

use crate::{
    kind::{AnyKind, Erased},
    model::{Address, Failure},
};

/// All kinds, each after the kinds that it may refer to.
pub const ALL: &[&dyn AnyKind] = &[
    &Erased::<ec2::vpc::Vpc>::new(),
    &Erased::<ec2::internet_gateway::InternetGateway>::new(),
    &Erased::<ec2::subnet::Subnet>::new(),
    &Erased::<ec2::elastic_ip::ElasticIp>::new(),
    &Erased::<ec2::nat_gateway::NatGateway>::new(),
    &Erased::<ec2::route_table::RouteTable>::new(),
    &Erased::<ec2::security_group::SecurityGroup>::new(),
    &Erased::<ec2::instance::Instance>::new(),
    &Erased::<rds::db_subnet_group::DbSubnetGroup>::new(),
    &Erased::<rds::db_instance::DbInstance>::new(),
    &Erased::<elasticache::cache_subnet_group::CacheSubnetGroup>::new(),
    &Erased::<elasticache::cache::Cache>::new(),
    &Erased::<secretsmanager::secret::Secret>::new(),
    &Erased::<logs::log_group::LogGroup>::new(),
    &Erased::<iam::role::Role>::new(),
    &Erased::<ecr::repository::Repository>::new(),
    &Erased::<ecr::image::Image>::new(),
    &Erased::<acm::certificate::Certificate>::new(),
    &Erased::<elb::load_balancer::LoadBalancer>::new(),
    &Erased::<route53::dns_record::DnsRecord>::new(),
    &Erased::<elb::target_group::TargetGroup>::new(),
    &Erased::<elb::listener::Listener>::new(),
    &Erased::<elb::listener_rule::ListenerRule>::new(),
    &Erased::<ecs::cluster::Cluster>::new(),
    &Erased::<ecs::task_definition::TaskDefinition>::new(),
    &Erased::<ecs::database_users::DatabaseUsers>::new(),
    &Erased::<ecs::database_load::DatabaseLoad>::new(),
    &Erased::<ecs::release::Release>::new(),
    &Erased::<ecs::service::Service>::new(),
    &Erased::<autoscaling::scaling::Scaling>::new(),
    &Erased::<scheduler::schedule_group::ScheduleGroup>::new(),
    &Erased::<scheduler::schedule::Schedule>::new(),
    &Erased::<sns::topic::Topic>::new(),
    &Erased::<cloudwatch::alarm::Alarm>::new(),
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
