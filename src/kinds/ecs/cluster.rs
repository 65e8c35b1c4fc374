//! The ECS cluster that contains the stack's services and tasks.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/clusters.html>

use std::{collections::BTreeSet, sync::Arc};

use aws_sdk_ecs::types::{Cluster as SdkCluster, ClusterField, Tag, Task};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, About, Once, Outcome, given},
    kind::{Blocker, Context, Cost, Doc, Kind, Owned},
    kinds::ecs::{self, task},
    model::{
        Address, Changed, Changes, Diff, Failure, Found, NoField, On, Outputs, Permission, Phase, Shown, Subject,
        fields,
    },
};

/// An ECS cluster.
pub struct Cluster;

/// The capacity providers of Fargate: on-demand and Spot. A service can use only those of its cluster.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html>
pub const CAPACITY: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// The additional permissions for a cluster in a stack that runs tasks on Spot.
pub const ON_SPOT: &[Permission] = &[Permission::make(&["ecs:PutClusterCapacityProviders"], On::Named(task::ARNS))];

/// The cluster that stack.yaml describes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Whether its tasks may run on Spot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spot: bool,
    /// The rare kinds that the stack has never used.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<String>,
}

/// The cluster as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The status that AWS reports, such as `ACTIVE`.
    pub status: String,
    /// Its capacity providers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capacity: Vec<String>,
    /// The rare kinds that the stack has never used, from the cluster's tag. Empty without the tag.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<String>,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Capacity = "capacity",
        Without = "without",
    }
}

impl Kind for Cluster {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "cluster";
    const DOC: Doc = Doc {
        summary: "The ECS cluster that the tasks of the stack run in.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/clusters.html",
    };
    const USES: &'static [&'static str] = &[];
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for the tasks in it");
    const NOT_YET: &'static [&'static str] = ecs::NOT_YET;
    const GONE_AT_ONCE: bool = true;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["ecs:DescribeClusters"]),
        // Finds the resources that may block a deletion.
        Permission::look(&["ecs:DescribeServices", "ecs:ListServices"]),
        task::LOOKING,
        Permission::make(&["ecs:CreateCluster"], On::Named(task::ARNS)),
        Permission::make(&["iam:CreateServiceLinkedRole"], On::ServiceRole("ecs.amazonaws.com")),
        ecs::TAGGING,
        Permission::make(&["ecs:TagResource"], On::Named(task::ARNS)),
        Permission::delete(&["ecs:DeleteCluster"], On::Named(task::ARNS)),
        Permission::delete(&["ecs:StopTask"], On::Named(task::ARNS)),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let there = clusters(cx).await?;
        there.iter().try_for_each(|cluster| refuse_shared_name(cx, cluster))?;
        let found = there.iter().filter_map(|cluster| {
            let address = aws::address_of(&cx.id, cluster.tags())?;
            let (name, arn) = (cluster.cluster_name.clone()?, cluster.cluster_arn.clone()?);
            let capacity = cluster.capacity_providers().to_vec();
            let without = kept(cluster.tags()).unwrap_or_default();
            let live =
                Live { name: name.clone(), arn, status: cluster.status.clone().unwrap_or_default(), capacity, without };
            Some(Found { address, id: name, live })
        });
        Ok(found.collect())
    }

    async fn without(cx: &Context) -> Result<Option<BTreeSet<String>>, Failure> {
        let there = clusters(cx).await?;
        let own = there.iter().find(|cluster| aws::address_of(&cx.id, cluster.tags()).is_some());
        Ok(own.and_then(|cluster| kept(cluster.tags())))
    }

    fn announces(changes: &Changed<Field>) -> bool {
        changes.iter().all(|field| field == Field::Without)
    }

    /// Compares the clusters. An unneeded capacity provider does no harm. Neither does a rare kind that the tag omits:
    /// stackctl then lists that kind.
    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        let missing = CAPACITY.iter().filter(|one| desired.spot && !live.capacity.iter().any(|has| has == *one));
        for one in missing {
            diff.push(Field::Capacity, Shown::Absent, Shown::value(one));
        }
        let has_now: Vec<&str> = live.without.difference(&desired.without).map(String::as_str).collect();
        if !has_now.is_empty() {
            diff.push(Field::Without, Shown::value(has_now.join(" ")), Shown::Absent);
        }
        diff.finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        match live.status.as_str() {
            "ACTIVE" => Phase::Ready,
            "DEPROVISIONING" => Phase::Deleting("deprovisioning".into()),
            "FAILED" => Phase::Failed("AWS gave no reason".into()),
            other => Phase::Pending(other.to_lowercase()),
        }
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("name", &live.name).with("arn", &live.arn)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let call = cx.aws.ecs.create_cluster().cluster_name(ecs::cluster_name(&cx.id));
        let capacity: Vec<String> = CAPACITY.iter().filter(|_| desired.spot).map(|one| (*one).to_owned()).collect();
        let call = call.set_capacity_providers((!capacity.is_empty()).then(|| capacity.clone()));
        let mut tags = aws::tags(&cx.id, address);
        tags.extend((!desired.without.is_empty()).then(|| tag(&desired.without)));
        let call = call.set_tags(Some(tags)).customize().once();
        let cluster = given(call.send().await.during("CreateCluster")?.cluster, "CreateCluster", "cluster")?;
        Ok(Live {
            name: given(cluster.cluster_name, "CreateCluster", "clusterName")?,
            arn: given(cluster.cluster_arn, "CreateCluster", "clusterArn")?,
            status: cluster.status.unwrap_or_default(),
            capacity,
            without: desired.without.clone(),
        })
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        for field in changes {
            match field {
                Field::Capacity => {
                    let missing = CAPACITY.iter().filter(|one| !live.capacity.iter().any(|has| has == *one));
                    let missing: Vec<String> = missing.map(|one| (*one).to_owned()).collect();
                    live.capacity.extend(missing);
                    let call = cx.aws.ecs.put_cluster_capacity_providers().cluster(&live.name);
                    // There is no default strategy, so a service without a strategy still runs on demand.
                    let call = call.set_capacity_providers(Some(live.capacity.clone()));
                    let call = call.set_default_capacity_provider_strategy(Some(Vec::new()));
                    call.customize().once().send().await.during("PutClusterCapacityProviders")?;
                }
                Field::Without => {
                    // A kind that was used once is listed as long as the cluster exists.
                    live.without.retain(|kind| desired.without.contains(kind));
                    let call = cx.aws.ecs.tag_resource().resource_arn(&live.arn).tags(tag(&live.without));
                    call.customize().once().send().await.during("TagResource")?;
                }
            }
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // A release, a job or a command of `stackctl run` may still run if its stackctl was killed.
        task::stop_all(cx, &live.arn, |task| is_alone(task) && is_of_stack(cx, task), "its cluster is deleted").await?;
        let call = cx.aws.ecs.delete_cluster().cluster(&live.arn).customize().once();
        call.send().await.or_absent("DeleteCluster", &["ClusterNotFoundException"]).map(drop)
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    async fn blockers(cx: &Context, going: &[Found<Live>], owned: &Owned) -> Result<Vec<Blocker>, Failure> {
        let found = try_join_all(going.iter().map(|cluster| foreign(cx, owned, cluster))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        if failure.is_of("PutClusterCapacityProviders") {
            return failure
                .is(&["UpdateInProgressException"])
                .then_some("another change of its capacity providers to finish");
        }
        let codes = ["ClusterContainsServicesException", "ClusterContainsTasksException", "UpdateInProgressException"];
        // With the first cluster of an account, ECS creates its service-linked role, and may not be able to use it
        // immediately.
        // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
        let first = failure.is_of("CreateCluster") && failure.is(&["InvalidParameterException"]);
        let first = first && aws::about(failure) == About::Role;
        let role = first.then_some("the service-linked role of ECS to become usable");
        role.or(failure.is(&codes).then_some("its tasks to stop"))
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let without = |kinds: &[&str]| kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let base = Desired { spot: false, without: without(&["cache", "topic"]) };
        // An unneeded capacity provider does no harm and is kept. A kind that was used once is always listed.
        crate::kind::Sample::new(ecs::model::cloud, base.clone())
            .one_way(&["capacity"], Desired { spot: true, ..base.clone() })
            .one_way(&["without"], Desired { without: without(&["topic"]), ..base.clone() })
            .one_way(&["without"], Desired { without: without(&[]), ..base })
    }
}

/// Returns the clusters with the name of the stack's cluster. They are read once per look at AWS. ECS lists a deleted
/// cluster as inactive for a while.
async fn clusters(cx: &Context) -> Result<Arc<Vec<SdkCluster>>, Failure> {
    Box::pin(cx.shared("ecs clusters", async {
        let call = cx.aws.ecs.describe_clusters().clusters(ecs::cluster_name(&cx.id)).include(ClusterField::Tags);
        let clusters = call.send().await.during("DescribeClusters")?.clusters.unwrap_or_default();
        Ok(clusters.into_iter().filter(|cluster| cluster.status() != Some("INACTIVE")).collect())
    }))
    .await
}

/// Returns the tag that lists the kinds which the stack has never used.
fn tag(without: &BTreeSet<String>) -> Tag {
    aws::tag(aws::WITHOUT, &without.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
}

/// Returns the kinds in that tag, or `None` without the tag.
fn kept(tags: &[Tag]) -> Option<BTreeSet<String>> {
    Some(aws::tag_value(tags, aws::WITHOUT)?.split_whitespace().map(str::to_owned).collect())
}

/// Fails if another stack has a cluster of the same name. Names join the stack and the environment with a hyphen, so
/// the stack `a` in `b-c` and the stack `a-b` in `c` have the same names. For the second stack, `CreateCluster` would
/// return the cluster of the first, and ECS would register revisions in the families of the first. Every stack with
/// services has a cluster, and this check comes before anything is created.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html>
fn refuse_shared_name(cx: &Context, cluster: &SdkCluster) -> Result<(), Failure> {
    let (stack, environment) =
        (aws::tag_value(cluster.tags(), aws::STACK), aws::tag_value(cluster.tags(), aws::ENVIRONMENT));
    let (Some(stack), Some(environment)) = (stack, environment) else { return Ok(()) };
    if stack == cx.id.stack && environment == cx.id.environment {
        return Ok(());
    }
    let name = cluster.cluster_name().unwrap_or_default();
    let message = format!(
        "the names of {} on AWS are already used by the stack {stack}/{environment}: it owns the cluster {name}",
        cx.id
    );
    let hint = "rename this stack or its environment, such as to a name without a hyphen, or use another region";
    Err(Failure::about(Subject::key("name"), message).hint(hint))
}

/// Returns the services and tasks of others in the cluster. ECS does not delete a cluster that contains any.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html>
async fn foreign(cx: &Context, owned: &Owned, cluster: &Found<Live>) -> Result<Vec<Blocker>, Failure> {
    let client = &cx.aws.ecs;
    let place = format!("in {}", cluster.address);
    let cluster = &cluster.live.arn;
    let tasks = client.list_tasks().cluster(cluster).into_paginator().items().send();
    let (services, tasks) = futures::join!(ecs::listed_services(cx), tasks.try_collect());
    let tasks: Option<Vec<String>> = tasks.or_absent("ListTasks", &["ClusterNotFoundException"])?;
    let (services, tasks) = (services?, tasks.unwrap_or_default());
    let mut found = Vec::new();
    let services: Vec<String> = services.iter().flatten().filter(|arn| !owned.has(arn)).cloned().collect();
    for some in services.chunks(ecs::DESCRIBED_AT_ONCE) {
        let call = client.describe_services().cluster(cluster).set_services(Some(some.to_vec()));
        let answer = call.send().await.during("DescribeServices")?;
        for service in answer.services().iter().filter(|service| service.status() != Some("INACTIVE")) {
            let about = service.created_by().map(|who| format!("created by {who}"));
            let id = service.service_arn().unwrap_or_default();
            found.push(Blocker::new("ECS service", id, place.clone(), about, "delete it"));
        }
    }
    for some in tasks.chunks(task::DESCRIBED_AT_ONCE) {
        let call = client.describe_tasks().cluster(cluster).set_tasks(Some(some.to_vec()));
        let answer = call.send().await.during("DescribeTasks")?;
        for task in answer.tasks().iter().filter(|task| is_alone(task) && !is_of_stack(cx, task)) {
            let mut about: Vec<String> = task.group().map(str::to_owned).into_iter().collect();
            about.extend(task.started_by().filter(|who| !who.is_empty()).map(|who| format!("started by {who}")));
            let id = task.task_arn().unwrap_or_default();
            found.push(Blocker::new("ECS task", id, place.clone(), about, "stop it, or wait until it finishes"));
        }
    }
    Ok(found)
}

/// Whether the task belongs to no service. The tasks of a service are deleted with the service.
fn is_alone(task: &Task) -> bool {
    !task.group().is_some_and(|group| group.starts_with("service:")) && task.last_status() != Some("STOPPED")
}

/// Whether the task runs a task definition of the stack: a release, a job or `stackctl run`.
fn is_of_stack(cx: &Context, task: &Task) -> bool {
    let definition = task.task_definition_arn().map(aws::last_part).unwrap_or_default();
    definition.starts_with(&aws::stack_prefix(&cx.id))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        aws::model,
        kind::NoImages,
        model::{Cause, StackId},
    };

    #[tokio::test]
    async fn stack_whose_names_are_taken_is_rejected() {
        let cloud = ecs::model::cloud();
        let of = |stack: &str, environment: &str| {
            let id = StackId { stack: stack.into(), environment: environment.into() };
            Context::new(id, Arc::new(model::session(&cloud)), Arc::new(NoImages))
        };
        let address = Address::new("cluster", "main");
        let first = of("a", "b-c");
        Cluster::create(&first, &address, &Desired::default()).await.expect("the name is free");
        assert_eq!(Cluster::list(&first).await.map(|found| found.len()), Ok(1));
        let failure = Cluster::list(&of("a-b", "c")).await.expect_err("its names are taken");
        assert!(
            failure.to_string().contains("the names of a-b/c on AWS are already used by the stack a/b-c"),
            "{failure}"
        );
        assert_eq!(Cluster::list(&of("a-b", "d")).await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn unused_kinds_are_read_from_the_cluster_tag() {
        let cloud = ecs::model::cloud();
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let cx = Context::new(id, Arc::new(model::session(&cloud)), Arc::new(NoImages));
        assert_eq!(Cluster::without(&cx).await, Ok(None), "there is no cluster");
        let without: BTreeSet<String> = ["cache".to_owned(), "topic".to_owned()].into();
        let desired = Desired { spot: false, without: without.clone() };
        Cluster::create(&cx, &Address::new("cluster", "main"), &desired).await.expect("the name is free");
        assert_eq!(Cluster::without(&cx.fresh()).await, Ok(Some(without)));
        let tags = [tag(&BTreeSet::new())];
        assert_eq!((kept(&tags), kept(&[])), (Some(BTreeSet::new()), None), "an earlier stackctl wrote no such tag");
    }

    #[tokio::test(start_paused = true)]
    async fn task_of_a_killed_run_does_not_block_cluster_deletion() {
        let cloud = ecs::model::cloud_with_cluster();
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let cx = Context::new(id, Arc::new(model::session(&cloud)), Arc::new(NoImages));
        let call = cx.aws.ecs.run_task().cluster(ecs::model::CLUSTER).task_definition(ecs::model::revision_arn(1));
        call.client_token("a run that was killed").send().await.expect("it runs");
        let name = ecs::cluster_name(&cx.id);
        let live = Live {
            name,
            arn: ecs::model::CLUSTER.to_owned(),
            status: "ACTIVE".to_owned(),
            capacity: Vec::new(),
            without: BTreeSet::new(),
        };
        let failure = Cluster::delete(&cx, &live).await.expect_err("its task is stopped, and has not ended");
        assert!(failure.cause == Cause::Refused && Cluster::passing(&failure).is_some(), "{failure}");
        Cluster::delete(&cx, &live).await.expect("its task has ended");
    }
}
