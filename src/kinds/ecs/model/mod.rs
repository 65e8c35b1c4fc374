//! An in-memory model of ECS with the operations that its kinds call, as the API reference describes them.
//!
//! An operation that is in progress at one read is complete at the next.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/Welcome.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

mod clusters;
mod definitions;
mod services;
mod state;
mod tagging;
mod tasks;

use aws_sdk_ecs::types;

pub(super) use self::state::Ecs;
use crate::aws::model::{Cloud, Service};

/// The ARN of the cluster in [`cloud_with_cluster`].
pub(super) const CLUSTER: &str = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop-test-main";

/// The ARN of the task definition that [`cloud_with_database_task`] adds.
pub(super) const DATABASE_TASK: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-test-database:1";

/// The family of the two revisions in [`cloud_with_cluster`].
const FAMILY: &str = "shop-test-main";

impl Service for Ecs {
    fn present(&self) -> Vec<String> {
        let mut present: Vec<String> = self.clusters.iter().filter_map(clusters::line).collect();
        present.extend(definitions::lines(&self.revisions));
        present.extend(self.services.iter().filter_map(services::line));
        present.extend(tasks::lines(&self.tasks));
        present
    }
}

/// Returns an AWS with an empty ECS.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    clusters::serve(&cloud);
    definitions::serve(&cloud);
    services::serve(&cloud);
    tagging::serve(&cloud);
    tasks::serve(&cloud);
    cloud
}

/// Returns an AWS with an ECS that has the stack's cluster and two revisions of the task definition of its service
/// `main`.
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

/// Returns the same AWS with a task definition for a task beside the database. Its ARN is [`DATABASE_TASK`].
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

/// Registers another revision. Returns its ARN.
pub(super) fn register(cloud: &Cloud, definition: types::builders::TaskDefinitionBuilder) -> String {
    let made = cloud.with(|ecs: &mut Ecs| ecs.add(definition, Vec::new()));
    made.task_definition_arn().unwrap_or_default().to_owned()
}

/// Returns the ARN of a revision of the family in [`cloud_with_cluster`].
pub(super) fn revision_arn(number: i32) -> String {
    definitions::arn(FAMILY, number)
}
