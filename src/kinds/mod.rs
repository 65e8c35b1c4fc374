//! The kinds of AWS resources that stackctl manages, and their registry.
//!
//! A kind uses the contract ([`crate::kind`]), the model and `aws`, but never another kind. Code that the kinds of one
//! AWS service share is in the module named after that service.

pub mod acm;
pub mod autoscaling;
pub mod cloudwatch;
pub mod ec2;
pub mod ecr;
pub mod ecs;
pub mod efs;
pub mod elasticache;
pub mod elb;
pub mod eventbridge;
pub mod iam;
pub mod logs;
pub mod rds;
pub mod route53;
pub mod s3;
pub mod scheduler;
pub mod secretsmanager;
pub mod servicediscovery;
pub mod sns;

use std::sync::Arc;

use crate::kind::{AnyKind, Erased, Kind, Registry};

/// Returns all kinds. Each comes after the kinds that it may refer to.
pub fn registry() -> Registry {
    Registry::new([
        kind::<ec2::vpc::Vpc>(),
        kind::<ec2::internet_gateway::InternetGateway>(),
        kind::<ec2::subnet::Subnet>(),
        kind::<ec2::elastic_ip::ElasticIp>(),
        kind::<ec2::nat_gateway::NatGateway>(),
        kind::<ec2::route_table::RouteTable>(),
        kind::<ec2::security_group::SecurityGroup>(),
        kind::<ec2::instance::Instance>(),
        kind::<rds::db_subnet_group::DbSubnetGroup>(),
        kind::<rds::db_parameter_group::DbParameterGroup>(),
        kind::<rds::db_instance::DbInstance>(),
        kind::<elasticache::cache_subnet_group::CacheSubnetGroup>(),
        kind::<elasticache::cache::Cache>(),
        kind::<secretsmanager::secret::Secret>(),
        kind::<logs::log_group::LogGroup>(),
        kind::<s3::bucket::Bucket>(),
        kind::<efs::file_system::FileSystem>(),
        kind::<efs::mount_target::MountTarget>(),
        kind::<efs::access_point::AccessPoint>(),
        kind::<iam::role::Role>(),
        kind::<ecr::repository::Repository>(),
        kind::<ecr::image::Image>(),
        kind::<acm::certificate::Certificate>(),
        kind::<elb::load_balancer::LoadBalancer>(),
        kind::<route53::dns_record::DnsRecord>(),
        kind::<elb::target_group::TargetGroup>(),
        kind::<elb::listener::Listener>(),
        kind::<elb::listener_rule::ListenerRule>(),
        kind::<servicediscovery::namespace::Namespace>(),
        kind::<servicediscovery::registry::Registry>(),
        kind::<ecs::cluster::Cluster>(),
        kind::<ecs::task_definition::TaskDefinition>(),
        kind::<ecs::database_users::DatabaseUsers>(),
        kind::<ecs::database_load::DatabaseLoad>(),
        kind::<ecs::release::Release>(),
        kind::<ecs::service::Service>(),
        kind::<autoscaling::scaling::Scaling>(),
        kind::<scheduler::schedule_group::ScheduleGroup>(),
        kind::<scheduler::schedule::Schedule>(),
        kind::<sns::topic::Topic>(),
        kind::<cloudwatch::alarm::Alarm>(),
        kind::<eventbridge::event_rule::EventRule>(),
    ])
}

fn kind<K: Kind>() -> Arc<dyn AnyKind> {
    Arc::new(Erased::<K>::new())
}

#[cfg(test)]
mod tests;
