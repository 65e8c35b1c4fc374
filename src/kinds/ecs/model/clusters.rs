//! The operations on clusters.

use aws_sdk_ecs::{
    operation::{
        create_cluster::{CreateClusterError, CreateClusterInput, CreateClusterOutput},
        delete_cluster::{DeleteClusterError, DeleteClusterInput, DeleteClusterOutput},
        describe_clusters::{DescribeClustersError, DescribeClustersInput, DescribeClustersOutput},
        put_cluster_capacity_providers::{
            PutClusterCapacityProvidersError, PutClusterCapacityProvidersInput, PutClusterCapacityProvidersOutput,
        },
    },
    types::{Cluster, Task},
};

use super::{
    state::{ARN, Ecs},
    tasks,
};
use crate::aws::{
    self,
    model::{self, Cloud, Refusal},
};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateClusterError::generic, create);
    cloud.on(DescribeClustersError::generic, describe);
    cloud.on(PutClusterCapacityProvidersError::generic, put_capacity_providers);
    cloud.on(DeleteClusterError::generic, delete);
}

/// Returns the line for a cluster, or `None` if it is inactive. ECS describes an inactive cluster for a while.
pub(super) fn line(cluster: &Cluster) -> Option<String> {
    (cluster.status() != Some("INACTIVE")).then(|| model::line("cluster", cluster.tags()))
}

impl Ecs {
    /// Returns the cluster with this name or ARN.
    pub(super) fn cluster(&mut self, name: Option<&str>) -> Result<&mut Cluster, Refusal> {
        let name = aws::last_part(name.unwrap_or("default"));
        let mut there = self.clusters.iter_mut().filter(|cluster| line(cluster).is_some());
        let found = there.find(|cluster| cluster.cluster_name() == Some(name));
        found.ok_or_else(|| Refusal::new("ClusterNotFoundException", "Cluster not found."))
    }
}

/// Creates a cluster. If an active cluster has this name, ECS returns that one.
fn create(ecs: &mut Ecs, input: &CreateClusterInput) -> Result<CreateClusterOutput, Refusal> {
    if let Ok(cluster) = ecs.cluster(input.cluster_name()) {
        return Ok(CreateClusterOutput::builder().cluster(cluster.clone()).build());
    }
    let name = input.cluster_name().unwrap_or("default");
    ecs.clusters.retain(|cluster| cluster.cluster_name() != Some(name));
    let cluster = Cluster::builder()
        .cluster_name(name)
        .cluster_arn(format!("{ARN}:cluster/{name}"))
        .status("PROVISIONING")
        .set_capacity_providers(input.capacity_providers.clone())
        .set_tags(input.tags.clone())
        .build();
    ecs.clusters.push(cluster.clone());
    Ok(CreateClusterOutput::builder().cluster(cluster).build())
}

/// Sets the capacity providers, and removes those that the call omits.
fn put_capacity_providers(
    ecs: &mut Ecs,
    input: &PutClusterCapacityProvidersInput,
) -> Result<PutClusterCapacityProvidersOutput, Refusal> {
    let cluster = ecs.cluster(input.cluster())?;
    cluster.capacity_providers.clone_from(&input.capacity_providers);
    Ok(PutClusterCapacityProvidersOutput::builder().cluster(cluster.clone()).build())
}

fn describe(ecs: &mut Ecs, input: &DescribeClustersInput) -> Result<DescribeClustersOutput, Refusal> {
    let mut shown = Vec::new();
    for cluster in &mut ecs.clusters {
        let name = cluster.cluster_name().unwrap_or_default();
        if !input.clusters().iter().any(|wanted| aws::last_part(wanted) == name) {
            continue;
        }
        shown.push(cluster.clone());
        if cluster.status() == Some("PROVISIONING") {
            cluster.status = Some("ACTIVE".to_owned());
        }
    }
    Ok(DescribeClustersOutput::builder().set_clusters(Some(shown)).build())
}

fn delete(ecs: &mut Ecs, input: &DeleteClusterInput) -> Result<DeleteClusterOutput, Refusal> {
    let arn = ecs.cluster(input.cluster())?.cluster_arn.clone();
    if ecs.services.iter().any(|service| service.cluster_arn == arn && service.status() != Some("INACTIVE")) {
        let message = "The Cluster cannot be deleted while Services are active.";
        return Err(Refusal::new("ClusterContainsServicesException", message));
    }
    let of_cluster = |task: &&mut Task| task.cluster_arn == arn && task.last_status() != Some("STOPPED");
    let running: Vec<&mut Task> = ecs.tasks.iter_mut().filter(of_cluster).collect();
    if !running.is_empty() {
        running.into_iter().filter(|task| task.last_status() == Some("STOPPING")).for_each(tasks::go_on);
        let message = "The Cluster cannot be deleted while Tasks are active.";
        return Err(Refusal::new("ClusterContainsTasksException", message));
    }
    let cluster = ecs.cluster(input.cluster())?;
    cluster.status = Some("INACTIVE".to_owned());
    Ok(DeleteClusterOutput::builder().cluster(cluster.clone()).build())
}
