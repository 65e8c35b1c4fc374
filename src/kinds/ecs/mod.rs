//! What the ECS kinds share: the reads that several of them need, network settings, a task's end in words, its last log lines.

pub mod cluster;
pub mod database_load;
mod database_task;
pub mod database_users;
mod earlier;
#[cfg(test)]
mod model;
pub mod release;
pub mod service;
pub(crate) mod task;
pub mod task_definition;
pub(crate) mod task_end;

use std::{collections::BTreeSet, sync::Arc};

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, Container, Deployment, NetworkConfiguration, Service, ServiceField, SortOrder,
    Tag, Task, TaskDefinition, TaskDefinitionFamilyStatus, TaskDefinitionField, TaskDefinitionStatus,
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
    let cluster = cluster_name(&cx.id);
    let (listed, families) = futures::try_join!(listed_services(cx, &cluster), families(cx))?;
    // A service that drains is listed no more and described still. It is called as the family of its task definitions,
    // which goes after it.
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html
    let Some(mut names) = listed else { return Ok(Vec::new()) };
    names.extend(families.iter().cloned());
    let names: Vec<String> = names.into_iter().collect();
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

/// The names of the cluster's services that do not drain; none without a cluster.
async fn listed_services(cx: &Context, cluster: &str) -> Result<Option<BTreeSet<String>>, Failure> {
    let call = cx.aws.ecs.list_services().cluster(cluster).max_results(100).into_paginator().items().send();
    let arns: Result<Vec<String>, _> = call.try_collect().await;
    let arns = arns.or_absent("ListServices", &["ClusterNotFoundException"])?;
    Ok(arns.map(|arns| arns.iter().map(|arn| aws::last_part(arn).to_owned()).collect()))
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
/// no bulk read of them: it is a call a family.
pub(super) async fn definitions(cx: &Context) -> Result<Arc<Vec<Definition>>, Failure> {
    // On the heap: the futures of the calls within are large.
    cx.shared("ecs task definitions", Box::pin(those_that_count(cx))).await
}

async fn those_that_count(cx: &Context) -> Result<Vec<Definition>, Failure> {
    let (newest, services) = futures::try_join!(newest(cx), services(cx))?;
    let reads = newest.into_iter().map(|newest| async {
        let of_family =
            |(address, _): &&(Address, Service)| address.kind() == "service" && address.name() == newest.address.name();
        let runs = services.iter().find(of_family).and_then(|(_, service)| runs(service));
        let Some(arn) = runs.filter(|arn| newest.definition.task_definition_arn() != Some(arn)) else {
            return Ok::<_, Failure>(newest);
        };
        // Also one that somebody has registered by hand: it is what the service runs.
        let Some((definition, tags)) = described(cx, arn).await? else { return Ok(newest) };
        let commit = aws::tag_value(&tags, aws::COMMIT).map(str::to_owned);
        Ok(Definition { definition, commit, ..newest })
    });
    try_join_all(reads).await
}

/// The newest revision of each of the stack's families that the stack has registered itself.
async fn newest(cx: &Context) -> Result<Vec<Definition>, Failure> {
    let families = families(cx).await?;
    let reads = families.iter().map(|family| async {
        if let Some(newest) = definition(cx, family).await? {
            return Ok(Some(newest));
        }
        // Somebody has registered a revision by hand, or none is active.
        let active = newest_own(cx, family, TaskDefinitionStatus::Active).await?;
        if active.is_some() {
            return Ok(active);
        }
        let inactive = newest_own(cx, family, TaskDefinitionStatus::Inactive).await?;
        Ok::<_, Failure>(inactive.map(|definition| Definition { inactive: true, ..definition }))
    });
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

/// Of the revisions of a family in this state, the newest that the stack has registered; none if there is none among the newest
/// ones.
async fn newest_own(cx: &Context, family: &str, status: TaskDefinitionStatus) -> Result<Option<Definition>, Failure> {
    let call = cx.aws.ecs.list_task_definitions().family_prefix(family).status(status);
    let answer = call.sort(SortOrder::Desc).max_results(LOOKED_THROUGH).send().await.during("ListTaskDefinitions")?;
    for arn in answer.task_definition_arns() {
        if let Some(own) = definition(cx, arn).await? {
            return Ok(Some(own));
        }
    }
    Ok(None)
}

/// The task definition that `name` means, if the stack has registered it: an ARN, or a family for its newest revision.
async fn definition(cx: &Context, name: &str) -> Result<Option<Definition>, Failure> {
    Ok(described(cx, name).await?.and_then(|(definition, tags)| {
        let address = aws::address_of(&cx.id, &tags)?;
        let commit = aws::tag_value(&tags, aws::COMMIT).map(str::to_owned);
        Some(Definition { address, definition, commit, inactive: false })
    }))
}

/// The task definition that `name` means, and its tags.
async fn described(cx: &Context, name: &str) -> Result<Option<(TaskDefinition, Vec<Tag>)>, Failure> {
    let call = cx.aws.ecs.describe_task_definition().task_definition(name).include(TaskDefinitionField::Tags);
    // A family without an active revision is answered as a client error.
    let answer = call.send().await.or_absent("DescribeTaskDefinition", &["ClientException"])?;
    Ok(answer.and_then(|answer| Some((answer.task_definition?, answer.tags.unwrap_or_default()))))
}

/// The ARN of the revision that `service` is to run. The service's own field says what it was last told, which ECS may have gone
/// back from; its primary deployment says what it runs since.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html>
pub(super) fn runs(service: &Service) -> Option<&str> {
    let primary = service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"));
    primary.and_then(Deployment::task_definition).or(service.task_definition())
}

/// Where tasks run.
pub(super) fn network(subnets: &[Input], group: &Input, public_ip: bool) -> Result<NetworkConfiguration, Failure> {
    network_of(Input::all(subnets)?, vec![group.get()?.to_owned()], public_ip)
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

/// The exit code of the task's container called `container`, if that was started.
pub(crate) fn exit_code(task: &Task, name: &str) -> Option<i32> {
    container(task, name)?.exit_code()
}
