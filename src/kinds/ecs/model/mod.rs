//! ECS in memory: what the kinds of ECS call, as its API reference describes it.
//!
//! What is under way at one look has ended at the next one.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

mod clusters;
mod definitions;
mod services;
mod tasks;

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{self, Tag};

use self::definitions::Revision;
use crate::aws::{
    self,
    model::{Cloud, Service},
};

/// What the ARNs of what a sample's AWS has begin with.
const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012";

/// The ARN of the cluster that [`cloud_with_cluster`] has.
pub(super) const CLUSTER: &str = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop-test-main";

/// The ARN of the task definition that [`cloud_with_database_task`] adds.
pub(super) const DATABASE_TASK: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-test-database:1";

/// The family of which [`cloud_with_cluster`] has two revisions.
const FAMILY: &str = "shop-test-main";

/// What the account has in the region.
#[derive(Clone, Default)]
pub(super) struct Ecs {
    made: i64,
    clusters: Vec<types::Cluster>,
    revisions: Vec<Revision>,
    services: Vec<types::Service>,
    /// The name of the service that was made with each client token.
    tokens: BTreeMap<String, String>,
    tasks: Vec<types::Task>,
    /// The ARN of the task that was started with each client token.
    task_tokens: BTreeMap<String, String>,
}

impl Ecs {
    /// The next number: nothing that is made has the number of another thing.
    fn next(&mut self) -> i64 {
        self.made += 1;
        self.made
    }
}

impl Service for Ecs {
    fn present(&self) -> Vec<String> {
        let mut present: Vec<String> = self.clusters.iter().filter_map(clusters::line).collect();
        present.extend(definitions::lines(&self.revisions));
        present.extend(self.services.iter().filter_map(services::line));
        present.extend(tasks::lines(&self.tasks));
        present
    }
}

/// What [`Service::present`] says of a thing with these tags.
fn line(what: &str, tags: &[Tag]) -> String {
    format!("{what} {}", aws::tag_value(tags, aws::ADDRESS).unwrap_or("of nobody"))
}

/// An AWS with an ECS that has nothing.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    clusters::serve(&cloud);
    definitions::serve(&cloud);
    services::serve(&cloud);
    tasks::serve(&cloud);
    cloud
}

/// An AWS with an ECS that has the stack's cluster and two revisions of the task definition of its service `main`.
pub(super) fn cloud_with_cluster() -> Cloud {
    let cloud = cloud();
    cloud.with(|ecs: &mut Ecs| {
        let cluster = types::Cluster::builder().cluster_name(FAMILY).cluster_arn(CLUSTER).status("ACTIVE");
        ecs.clusters.push(cluster.build());
        for _ in 0..2 {
            ecs.add(
                types::TaskDefinition::builder().family(FAMILY).container_definitions(container("main")),
                Vec::new(),
            );
        }
    });
    cloud
}

/// The same with a task definition of a task beside the database: the ARN is [`DATABASE_TASK`].
pub(super) fn cloud_with_database_task() -> Cloud {
    let cloud = cloud_with_cluster();
    cloud.with(|ecs: &mut Ecs| {
        let definition = types::TaskDefinition::builder().family("shop-test-database");
        ecs.add(definition.container_definitions(container(super::database_task::CONTAINER)), Vec::new());
    });
    cloud
}

fn container(name: &str) -> types::ContainerDefinition {
    types::ContainerDefinition::builder().name(name).build()
}

/// The ARN of a revision of the family of which [`cloud_with_cluster`] has two.
pub(super) fn revision_arn(number: i32) -> String {
    definitions::arn(FAMILY, number)
}
