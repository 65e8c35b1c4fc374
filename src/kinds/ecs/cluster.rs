//! Where the tasks of the stack's services are accounted for.
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

/// The capacity providers of Fargate: on demand, and on Spot. A service names them once its cluster has them.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html>
pub const CAPACITY: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// What a cluster takes beside its kind's permissions, in a stack with tasks on Spot.
pub const ON_SPOT: &[Permission] = &[Permission::make(&["ecs:PutClusterCapacityProviders"], On::Named(task::ARNS))];

/// What stack.yaml asks of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Whether tasks in it may run on Spot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spot: bool,
    /// The rare kinds of which the stack has had no resource.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<String>,
}

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// AWS's word, such as `ACTIVE`.
    pub status: String,
    /// Its capacity providers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capacity: Vec<String>,
    /// The rare kinds of which the stack has had no resource, as its tag says; none without the tag.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<String>,
}

fields! {
    /// What is changed in place.
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
        // What may block its deletion.
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

    /// More capacity than is needed does no harm, and neither does a kind that the tag leaves out: it is asked for.
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
                    // No strategy by default: what names none runs on demand, as before.
                    let call = call.set_capacity_providers(Some(live.capacity.clone()));
                    let call = call.set_default_capacity_provider_strategy(Some(Vec::new()));
                    call.customize().once().send().await.during("PutClusterCapacityProviders")?;
                }
                Field::Without => {
                    // A kind that was had once is asked for as long as there is a cluster.
                    live.without.retain(|kind| desired.without.contains(kind));
                    let call = cx.aws.ecs.tag_resource().resource_arn(&live.arn).tags(tag(&live.without));
                    call.customize().once().send().await.during("TagResource")?;
                }
            }
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // A release, a job or a command of `stackctl run` outlives the run of stackctl that was killed.
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
        // The first cluster of an account has ECS make its service-linked role, and ECS may not be able to use it at once.
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
        // One more capacity than is needed does no harm, and stays; a kind that was had once is always asked for.
        crate::kind::Sample::new(ecs::model::cloud, base.clone())
            .one_way(&["capacity"], Desired { spot: true, ..base.clone() })
            .one_way(&["without"], Desired { without: without(&["topic"]), ..base.clone() })
            .one_way(&["without"], Desired { without: without(&[]), ..base })
    }
}

/// The clusters that have the name of the stack's, read once a look at the cloud. A deleted one stays listed as inactive for a
/// while.
async fn clusters(cx: &Context) -> Result<Arc<Vec<SdkCluster>>, Failure> {
    Box::pin(cx.shared("ecs clusters", async {
        let call = cx.aws.ecs.describe_clusters().clusters(ecs::cluster_name(&cx.id)).include(ClusterField::Tags);
        let clusters = call.send().await.during("DescribeClusters")?.clusters.unwrap_or_default();
        Ok(clusters.into_iter().filter(|cluster| cluster.status() != Some("INACTIVE")).collect())
    }))
    .await
}

/// The tag that says which kinds the stack is without.
fn tag(without: &BTreeSet<String>) -> Tag {
    aws::tag(aws::WITHOUT, &without.iter().map(String::as_str).collect::<Vec<_>>().join(" "))
}

/// What that tag says, if it is among these.
fn kept(tags: &[Tag]) -> Option<BTreeSet<String>> {
    Some(aws::tag_value(tags, aws::WITHOUT)?.split_whitespace().map(str::to_owned).collect())
}

/// Names join the stack and the environment with a hyphen, so that `a` in `b-c` and `a-b` in `c` have the same. ECS would answer
/// the second one's `CreateCluster` with the first one's cluster, and register revisions in its families. All stacks with
/// services have a cluster, and this is read before anything is made.
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

/// Services and tasks of others: ECS deletes no cluster that has any.
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

/// Whether it runs by itself: a service's tasks go with the service.
fn is_alone(task: &Task) -> bool {
    !task.group().is_some_and(|group| group.starts_with("service:")) && task.last_status() != Some("STOPPED")
}

/// Whether it runs a task definition of the stack: a release, a job, `stackctl run`.
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
    async fn a_stack_whose_names_another_one_has_is_refused() {
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
    async fn a_stack_is_without_what_its_own_cluster_says() {
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
    async fn a_task_of_a_killed_run_does_not_keep_the_cluster() {
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
