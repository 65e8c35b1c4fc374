//! Helpers for the ECS kinds: shared reads of services and task definitions, network settings, and access to a task's
//! containers.

pub mod cluster;
pub mod database_load;
mod database_task;
pub mod database_users;
mod earlier;
mod health;
#[cfg(test)]
mod model;
pub mod release;
pub(crate) mod sentences;
pub mod service;
pub(crate) mod task;
pub mod task_definition;
pub(crate) mod task_end;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, Container, ContainerDefinition, Deployment, NetworkConfiguration, Service,
    ServiceField, SortOrder, Tag, Task, TaskDefinition, TaskDefinitionFamilyStatus, TaskDefinitionField,
    TaskDefinitionStatus,
};
use futures::future::try_join_all;

use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::{Address, Failure, Input, On, Permission, StackId},
};

/// The permission to set tags in a create call. IAM checks this as a separate action.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html>
pub(super) const TAGGING: Permission = Permission::release(&["ecs:TagResource"], On::Tagging("ecs"));

/// The maximum length of a family, service or cluster name, in characters.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
pub(super) const LONGEST_NAME: usize = 255;

/// The ECS error code for a new cluster that is not visible everywhere yet.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
pub(super) const NOT_YET: &[&str] = &["ClusterNotFoundException"];

/// Returns the name of the stack's cluster.
pub(super) fn cluster_name(id: &StackId) -> String {
    aws::derived(id, &Address::new("cluster", "main"), LONGEST_NAME)
}

/// Returns the name of the family of the task definition at `address`.
pub(super) fn family_name(id: &StackId, address: &Address) -> String {
    aws::derived(id, address, LONGEST_NAME)
}

/// The maximum number of services in one `DescribeServices` call.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html>
const DESCRIBED_AT_ONCE: usize = 10;

/// The number of revisions that are searched for the stack's newest one, past those that others registered.
const LOOKED_THROUGH: i32 = 30;

/// The current revision of one of the stack's families: the one that the stack uses.
pub(super) struct Definition {
    /// The address of the task definition.
    pub(super) address: Address,
    /// The task definition as ECS reports it.
    pub(super) definition: TaskDefinition,
    /// The commit that its image was built from, if known.
    pub(super) commit: Option<String>,
    /// Whether its family has no active revision, because a deletion was started and did not finish.
    pub(super) inactive: bool,
}

/// Returns the stack's services with their addresses. They are read once per look at AWS.
pub(super) async fn services(cx: &Context) -> Result<Arc<Vec<(Address, Service)>>, Failure> {
    // Boxed, because the futures of the calls inside are large.
    cx.shared("ecs services", Box::pin(described_services(cx))).await
}

async fn described_services(cx: &Context) -> Result<Vec<(Address, Service)>, Failure> {
    let (listed, families) = futures::try_join!(listed_services(cx), families(cx))?;
    // ECS does not list a draining service but still describes it. Its name equals the name of its family, which is
    // deleted after the service.
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html
    let Some(listed) = listed.as_ref() else { return Ok(Vec::new()) };
    let mut names: BTreeSet<String> = listed.iter().map(|arn| aws::last_part(arn).to_owned()).collect();
    names.extend(families.iter().cloned());
    services_named(cx, &names.into_iter().collect::<Vec<String>>()).await
}

/// Reads the stack's services with these names. Returns them with their addresses.
pub(super) async fn services_named(cx: &Context, names: &[String]) -> Result<Vec<(Address, Service)>, Failure> {
    let cluster = cluster_name(&cx.id);
    let reads = names.chunks(DESCRIBED_AT_ONCE).map(|some| {
        let call = cx.aws.ecs.describe_services().cluster(&cluster).include(ServiceField::Tags);
        let call = call.set_services(Some(some.to_vec()));
        async move { call.send().await.or_absent("DescribeServices", &["ClusterNotFoundException"]) }
    });
    let answers = try_join_all(reads).await?.into_iter().flatten();
    let services = answers.flat_map(|answer| answer.services.unwrap_or_default());
    // ECS describes a deleted service as inactive for a while.
    let active = services.filter(|service| service.status() != Some("INACTIVE"));
    Ok(active.filter_map(|service| Some((aws::address_of(&cx.id, service.tags())?, service))).collect())
}

/// Returns the ARNs of the cluster's services, without draining ones. They are read once per look at AWS. `None` if
/// there is no cluster.
async fn listed_services(cx: &Context) -> Result<Arc<Option<Vec<String>>>, Failure> {
    cx.shared("ecs listed services", async {
        let call = cx.aws.ecs.list_services().cluster(cluster_name(&cx.id)).max_results(100);
        let arns: Result<Vec<String>, _> = call.into_paginator().items().send().try_collect().await;
        arns.or_absent("ListServices", &["ClusterNotFoundException"])
    })
    .await
}

/// Returns the names of the stack's task definition families, which are read once per look at AWS. One call returns
/// both active and inactive families.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitionFamilies.html>
async fn families(cx: &Context) -> Result<Arc<Vec<String>>, Failure> {
    cx.shared("ecs families", async {
        let call = cx.aws.ecs.list_task_definition_families().family_prefix(aws::stack_prefix(&cx.id));
        let call = call.status(TaskDefinitionFamilyStatus::All).into_paginator().items().send();
        call.try_collect().await.during("ListTaskDefinitionFamilies")
    })
    .await
}

/// Returns the current revision of each of the stack's families. They are read once per look at AWS. If the family has
/// a service, this is the revision that the service runs, which after a rollback is not the newest. Otherwise it is the
/// newest revision that the stack registered. ECS cannot read them in bulk: this takes one call per family, and none
/// for a revision that this run has already read.
pub(super) async fn definitions(cx: &Context) -> Result<Arc<Vec<Definition>>, Failure> {
    // Boxed, because the futures of the calls inside are large.
    cx.shared("ecs task definitions", Box::pin(those_that_count(cx))).await
}

async fn those_that_count(cx: &Context) -> Result<Vec<Definition>, Failure> {
    let (families, services) = futures::try_join!(families(cx), services(cx))?;
    let of_services = services.iter().filter(|(address, _)| address.kind() == "service");
    let served_by: BTreeMap<String, &(Address, Service)> =
        of_services.map(|service| (family_of(cx, &service.0), service)).collect();
    // A service proves that its family exists, even if ECS does not list the family yet.
    let families: BTreeSet<&String> = families.iter().chain(served_by.keys()).collect();
    let reads = families.into_iter().map(|family| async {
        if let Some((address, service)) = served_by.get(family)
            && let Some(served) = served(cx, address, service).await?
        {
            return Ok(Some(served));
        }
        newest(cx, family).await
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

/// Returns the family of the task definition of the service at `address`.
fn family_of(cx: &Context, address: &Address) -> String {
    family_name(&cx.id, &definition_of(address))
}

/// Returns the address of the task definition of the service at `address`.
fn definition_of(address: &Address) -> Address {
    Address::new("task_definition", address.name())
}

/// Returns the revision that the service at `address` runs, even if a user registered it manually. If the run deletes
/// everything, the revision is not read, because a family is deleted as a whole.
async fn served(cx: &Context, address: &Address, service: &Service) -> Result<Option<Definition>, Failure> {
    let arn = runs(service).unwrap_or_default();
    if cx.deletes_all() {
        let family = aws::last_part(arn).split(':').next().unwrap_or_default();
        let definition = TaskDefinition::builder().task_definition_arn(arn).family(family).build();
        let address = definition_of(address);
        return Ok((!family.is_empty()).then_some(Definition { address, definition, commit: None, inactive: false }));
    }
    let known = revision(cx, arn).await?;
    let served = known.filter(|known| known.definition.status() != Some(&TaskDefinitionStatus::Inactive));
    Ok(served.map(|known| known.at(definition_of(address))))
}

/// Returns the newest revision of a family that the stack registered.
async fn newest(cx: &Context, family: &str) -> Result<Option<Definition>, Failure> {
    let newest = described(cx, family).await?;
    if let Some(own) = newest.and_then(|newest| newest.own(cx)) {
        return Ok(Some(own));
    }
    // Either a user registered the newest revision manually, or no revision is active.
    let active = newest_own(cx, family, TaskDefinitionStatus::Active).await?;
    if active.is_some() {
        return Ok(active);
    }
    let inactive = newest_own(cx, family, TaskDefinitionStatus::Inactive).await?;
    Ok(inactive.map(|definition| Definition { inactive: true, ..definition }))
}

/// Returns the newest revision with `status` that the stack registered. Searches only the newest revisions of the
/// family.
async fn newest_own(cx: &Context, family: &str, status: TaskDefinitionStatus) -> Result<Option<Definition>, Failure> {
    let call = cx.aws.ecs.list_task_definitions().family_prefix(family).status(status);
    let answer = call.sort(SortOrder::Desc).max_results(LOOKED_THROUGH).send().await.during("ListTaskDefinitions")?;
    for arn in answer.task_definition_arns() {
        let known = revision(cx, arn).await?;
        if let Some(own) = known.and_then(|known| known.own(cx)) {
            return Ok(Some(own));
        }
    }
    Ok(None)
}

/// A revision of a task definition as ECS describes it.
pub(super) struct Known {
    pub(super) definition: TaskDefinition,
    pub(super) tags: Vec<Tag>,
}

impl Known {
    /// Returns the revision as the current one of the task definition at `address`.
    fn at(&self, address: Address) -> Definition {
        let commit = aws::tag_value(&self.tags, aws::COMMIT).map(str::to_owned);
        Definition { address, definition: self.definition.clone(), commit, inactive: false }
    }

    /// Returns the revision with the address in its tags, if the stack registered it.
    fn own(&self, cx: &Context) -> Option<Definition> {
        Some(self.at(aws::address_of(&cx.id, &self.tags)?))
    }
}

/// Returns the revision called `name`, an ARN or `family:revision`, if ECS knows it. Only the status of a revision can
/// change, so each run reads a revision once.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/update-task-definition-console-v2.html>
pub(super) async fn revision(cx: &Context, name: &str) -> Result<Option<Arc<Known>>, Failure> {
    // Boxed, because the futures of the calls inside are large.
    cx.unchanging(name, Box::pin(described(cx, name))).await
}

/// Reads the task definition called `name`: a revision as for [`revision`], or a family, which means its newest active
/// revision.
async fn described(cx: &Context, name: &str) -> Result<Option<Known>, Failure> {
    let call = cx.aws.ecs.describe_task_definition().task_definition(name).include(TaskDefinitionField::Tags);
    // For a family without an active revision, ECS returns a client error.
    let answer = call.send().await.or_absent("DescribeTaskDefinition", &["ClientException"])?;
    Ok(answer
        .and_then(|answer| Some(Known { definition: answer.task_definition?, tags: answer.tags.unwrap_or_default() })))
}

/// Returns the ARN of the revision that `service` runs. The service's own field holds the last requested revision,
/// which ECS may have rolled back. The primary deployment holds the actual one.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html>
pub(super) fn runs(service: &Service) -> Option<&str> {
    let primary = service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"));
    primary.and_then(Deployment::task_definition).or(service.task_definition())
}

/// Returns the network configuration of tasks.
pub(super) fn network(
    subnets: &[Input],
    group: &Input,
    others: &[Input],
    public_ip: bool,
) -> Result<NetworkConfiguration, Failure> {
    let groups: Vec<Input> = std::iter::once(group).chain(others).cloned().collect();
    network_of(Input::all(subnets)?, Input::all(&groups)?, public_ip)
}

/// Like [`network`], with ids that are already known.
pub(crate) fn network_of(
    subnets: Vec<String>,
    groups: Vec<String>,
    public_ip: bool,
) -> Result<NetworkConfiguration, Failure> {
    let public = if public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(subnets))
        .set_security_groups(Some(groups))
        .assign_public_ip(public)
        .build()
        .map_err(|error| Failure::internal(error.to_string()))?;
    Ok(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
}

/// Returns the task's container called `container`. A task has more containers than its definition if GuardDuty adds
/// its agent.
/// <https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html>
pub(crate) fn container<'a>(task: &'a Task, container: &str) -> Option<&'a Container> {
    task.containers().iter().find(|other| other.name() == Some(container))
}

/// The label of a sidecar container.
pub(super) const SIDECAR_LABEL: &str = "stackctl.sidecar";

/// Whether the container is a sidecar in a task definition of stackctl.
pub(super) fn is_sidecar(container: &ContainerDefinition) -> bool {
    container.docker_labels().is_some_and(|labels| labels.contains_key(SIDECAR_LABEL))
}

/// Returns the main container of a task definition: the only one that is not a sidecar. `None` if somebody else
/// registered a definition with several.
pub(super) fn main_container(definition: &TaskDefinition) -> Option<&ContainerDefinition> {
    let mut own = definition.container_definitions().iter().filter(|container| !is_sidecar(container));
    own.next().filter(|_| own.next().is_none())
}

/// Returns the exit code of the task's container called `name`, if it was started.
pub(crate) fn exit_code(task: &Task, name: &str) -> Option<i32> {
    container(task, name)?.exit_code()
}
