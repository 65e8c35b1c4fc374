//! What the ECS kinds share: the reads that several of them need, network settings, a task's end in words, its last log lines.

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

/// The tags that go on in a create call, which IAM judges as an action of its own.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html>
pub(super) const TAGGING: Permission = Permission::release(&["ecs:TagResource"], On::Tagging("ecs"));

/// The longest family, service or cluster name, in characters.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
pub(super) const LONGEST_NAME: usize = 255;

/// ECS's code for a cluster that was just made and is not known everywhere yet.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
pub(super) const NOT_YET: &[&str] = &["ClusterNotFoundException"];

/// The name of the stack's cluster.
pub(super) fn cluster_name(id: &StackId) -> String {
    aws::derived(id, &Address::new("cluster", "main"), LONGEST_NAME)
}

/// The name of the family of the task definition at `address`.
pub(super) fn family_name(id: &StackId, address: &Address) -> String {
    aws::derived(id, address, LONGEST_NAME)
}

/// How many services one `DescribeServices` call takes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html>
const DESCRIBED_AT_ONCE: usize = 10;

/// How many revisions that others have registered are passed over on the way to the stack's newest.
const LOOKED_THROUGH: i32 = 30;

/// The revision that counts of one of the stack's families.
pub(super) struct Definition {
    /// The address of the task definition.
    pub(super) address: Address,
    /// What ECS has of it.
    pub(super) definition: TaskDefinition,
    /// The commit that its image was built from, where that is known.
    pub(super) commit: Option<String>,
    /// Whether no revision of its family is active any more: its deletion was begun and not completed.
    pub(super) inactive: bool,
}

/// The stack's services with their addresses, read once a look at the cloud.
pub(super) async fn services(cx: &Context) -> Result<Arc<Vec<(Address, Service)>>, Failure> {
    // On the heap: the futures of the calls within are large.
    cx.shared("ecs services", Box::pin(described_services(cx))).await
}

async fn described_services(cx: &Context) -> Result<Vec<(Address, Service)>, Failure> {
    let (listed, families) = futures::try_join!(listed_services(cx), families(cx))?;
    // A service that drains is listed no more and described still. It is called as the family of its task definitions,
    // which goes after it.
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html
    let Some(listed) = listed.as_ref() else { return Ok(Vec::new()) };
    let mut names: BTreeSet<String> = listed.iter().map(|arn| aws::last_part(arn).to_owned()).collect();
    names.extend(families.iter().cloned());
    services_named(cx, &names.into_iter().collect::<Vec<String>>()).await
}

/// The stack's services of these names with their addresses, as ECS has them now.
pub(super) async fn services_named(cx: &Context, names: &[String]) -> Result<Vec<(Address, Service)>, Failure> {
    let cluster = cluster_name(&cx.id);
    let reads = names.chunks(DESCRIBED_AT_ONCE).map(|some| {
        let call = cx.aws.ecs.describe_services().cluster(&cluster).include(ServiceField::Tags);
        let call = call.set_services(Some(some.to_vec()));
        async move { call.send().await.or_absent("DescribeServices", &["ClusterNotFoundException"]) }
    });
    let answers = try_join_all(reads).await?.into_iter().flatten();
    let services = answers.flat_map(|answer| answer.services.unwrap_or_default());
    // A deleted one stays listed as inactive for a while.
    let active = services.filter(|service| service.status() != Some("INACTIVE"));
    Ok(active.filter_map(|service| Some((aws::address_of(&cx.id, service.tags())?, service))).collect())
}

/// The ARNs of the cluster's services that do not drain, read once a look at the cloud; none without a cluster.
async fn listed_services(cx: &Context) -> Result<Arc<Option<Vec<String>>>, Failure> {
    cx.shared("ecs listed services", async {
        let call = cx.aws.ecs.list_services().cluster(cluster_name(&cx.id)).max_results(100);
        let arns: Result<Vec<String>, _> = call.into_paginator().items().send().try_collect().await;
        arns.or_absent("ListServices", &["ClusterNotFoundException"])
    })
    .await
}

/// The names of the stack's families of task definitions, read once a look at the cloud: also of those that have no active
/// revision, which one call gives with the others.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitionFamilies.html>
async fn families(cx: &Context) -> Result<Arc<Vec<String>>, Failure> {
    cx.shared("ecs families", async {
        let call = cx.aws.ecs.list_task_definition_families().family_prefix(aws::stack_prefix(&cx.id));
        let call = call.status(TaskDefinitionFamilyStatus::All).into_paginator().items().send();
        call.try_collect().await.during("ListTaskDefinitionFamilies")
    })
    .await
}

/// The revision that counts of each of the stack's families, read once a look at the cloud: the one that its service is to
/// run, because after a rollback that is not the newest; and the newest of the stack's own where there is no service. ECS has
/// no bulk read of them: it is a call a family, and none for a revision that this run has read before.
pub(super) async fn definitions(cx: &Context) -> Result<Arc<Vec<Definition>>, Failure> {
    // On the heap: the futures of the calls within are large.
    cx.shared("ecs task definitions", Box::pin(those_that_count(cx))).await
}

async fn those_that_count(cx: &Context) -> Result<Vec<Definition>, Failure> {
    let (families, services) = futures::try_join!(families(cx), services(cx))?;
    let of_services = services.iter().filter(|(address, _)| address.kind() == "service");
    let served_by: BTreeMap<String, &(Address, Service)> =
        of_services.map(|service| (family_of(cx, &service.0), service)).collect();
    // A service is evidence of its family, also where ECS does not list that yet.
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

/// The family of the task definition of the service at `address`.
fn family_of(cx: &Context, address: &Address) -> String {
    family_name(&cx.id, &definition_of(address))
}

/// The address of the task definition of the service at `address`.
fn definition_of(address: &Address) -> Address {
    Address::new("task_definition", address.name())
}

/// What the service at `address` is to run: also a revision that somebody has registered by hand. All of a family is deleted
/// together, so what the revision says is not read where all is deleted.
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

/// The newest revision of a family that the stack has registered itself.
async fn newest(cx: &Context, family: &str) -> Result<Option<Definition>, Failure> {
    let newest = described(cx, family).await?;
    if let Some(own) = newest.and_then(|newest| newest.own(cx)) {
        return Ok(Some(own));
    }
    // Somebody has registered a revision by hand, or none is active.
    let active = newest_own(cx, family, TaskDefinitionStatus::Active).await?;
    if active.is_some() {
        return Ok(active);
    }
    let inactive = newest_own(cx, family, TaskDefinitionStatus::Inactive).await?;
    Ok(inactive.map(|definition| Definition { inactive: true, ..definition }))
}

/// Of the revisions of a family in this state, the newest that the stack has registered; none if there is none among the newest
/// ones.
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

/// A revision of a task definition, as ECS describes it.
pub(super) struct Known {
    pub(super) definition: TaskDefinition,
    pub(super) tags: Vec<Tag>,
}

impl Known {
    /// It as the revision that counts of the task definition at `address`.
    fn at(&self, address: Address) -> Definition {
        let commit = aws::tag_value(&self.tags, aws::COMMIT).map(str::to_owned);
        Definition { address, definition: self.definition.clone(), commit, inactive: false }
    }

    /// The same at the address that its tags say, if the stack has registered it.
    fn own(&self, cx: &Context) -> Option<Definition> {
        Some(self.at(aws::address_of(&cx.id, &self.tags)?))
    }
}

/// The revision that `name` means, an ARN or `family:revision`, if ECS knows it. A revision never changes, but for its status, so
/// a run reads it once.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/update-task-definition-console-v2.html>
pub(super) async fn revision(cx: &Context, name: &str) -> Result<Option<Arc<Known>>, Failure> {
    // On the heap: the futures of the calls within are large.
    cx.unchanging(name, Box::pin(described(cx, name))).await
}

/// The task definition that `name` means: as [`revision`], or a family for its newest active revision.
async fn described(cx: &Context, name: &str) -> Result<Option<Known>, Failure> {
    let call = cx.aws.ecs.describe_task_definition().task_definition(name).include(TaskDefinitionField::Tags);
    // A family without an active revision is answered as a client error.
    let answer = call.send().await.or_absent("DescribeTaskDefinition", &["ClientException"])?;
    Ok(answer
        .and_then(|answer| Some(Known { definition: answer.task_definition?, tags: answer.tags.unwrap_or_default() })))
}

/// The ARN of the revision that `service` is to run. The service's own field says what it was last told, which ECS may have gone
/// back from; its primary deployment says what it runs since.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html>
pub(super) fn runs(service: &Service) -> Option<&str> {
    let primary = service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"));
    primary.and_then(Deployment::task_definition).or(service.task_definition())
}

/// Where tasks run.
pub(super) fn network(
    subnets: &[Input],
    group: &Input,
    others: &[Input],
    public_ip: bool,
) -> Result<NetworkConfiguration, Failure> {
    let groups: Vec<Input> = std::iter::once(group).chain(others).cloned().collect();
    network_of(Input::all(subnets)?, Input::all(&groups)?, public_ip)
}

/// As [`network`], of what is known already.
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

/// The task's container called `container`. A task has more than its definition says where GuardDuty adds its agent.
/// <https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html>
pub(crate) fn container<'a>(task: &'a Task, container: &str) -> Option<&'a Container> {
    task.containers().iter().find(|other| other.name() == Some(container))
}

/// The label of a container that stands beside a task's own.
pub(super) const SIDECAR_LABEL: &str = "stackctl.sidecar";

/// Whether a task definition of stackctl's has this container beside its own.
pub(super) fn is_sidecar(container: &ContainerDefinition) -> bool {
    container.docker_labels().is_some_and(|labels| labels.contains_key(SIDECAR_LABEL))
}

/// A task's own container: the only one that is no sidecar. None if somebody else has registered several.
pub(super) fn main_container(definition: &TaskDefinition) -> Option<&ContainerDefinition> {
    let mut own = definition.container_definitions().iter().filter(|container| !is_sidecar(container));
    own.next().filter(|_| own.next().is_none())
}

/// The exit code of the task's container called `container`, if that was started.
pub(crate) fn exit_code(task: &Task, name: &str) -> Option<i32> {
    container(task, name)?.exit_code()
}
