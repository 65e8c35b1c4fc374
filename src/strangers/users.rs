//! Strangers that use what the stack owns: services and tasks in its cluster, listeners and rules at its load balancer,
//! databases and caches in its subnet groups.

use aws_sdk_ecs::types::Task;
use futures::future::try_join_all;

use super::{Found, Going, Stranger};
use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::Failure,
};

/// How many services, and how many tasks, one call describes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html>
const DESCRIBED_AT_ONCE: (usize, usize) = (10, 100);

pub(super) async fn strangers(cx: &Context, going: &Going) -> Found {
    let clusters = try_join_all(going.ids("cluster").into_iter().map(|arn| in_cluster(cx, going, arn)));
    let balancers = try_join_all(going.ids("load_balancer").into_iter().map(|arn| at_balancer(cx, going, arn)));
    let (clusters, balancers, databases, caches) =
        futures::try_join!(Box::pin(clusters), Box::pin(balancers), databases(cx, going), caches(cx, going))?;
    let per_resource = clusters.into_iter().chain(balancers).flatten();
    Ok(per_resource.chain(databases).chain(caches).collect())
}

/// Services and tasks without which ECS would delete the cluster.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html>
async fn in_cluster(cx: &Context, going: &Going, cluster: String) -> Found {
    let ecs = &cx.aws.ecs;
    let place = format!("in {}", going.address("cluster", &cluster).unwrap_or(&cluster));
    let services = ecs.list_services().cluster(&cluster).max_results(100).into_paginator().items().send();
    let tasks = ecs.list_tasks().cluster(&cluster).into_paginator().items().send();
    let (services, tasks) = futures::join!(services.try_collect(), tasks.try_collect());
    let gone = ["ClusterNotFoundException"];
    let services: Vec<String> = services.or_absent("ListServices", &gone)?.unwrap_or_default();
    let tasks: Vec<String> = tasks.or_absent("ListTasks", &gone)?.unwrap_or_default();
    let mut found = Vec::new();
    let services: Vec<String> = services.into_iter().filter(|arn| !going.is_own(arn)).collect();
    for some in services.chunks(DESCRIBED_AT_ONCE.0) {
        let call = ecs.describe_services().cluster(&cluster).set_services(Some(some.to_vec()));
        let answer = call.send().await.during("DescribeServices")?;
        for service in answer.services().iter().filter(|service| service.status() != Some("INACTIVE")) {
            let about = service.created_by().map(|who| format!("made by {who}")).into_iter().collect();
            let id = service.service_arn().unwrap_or_default();
            found.push(Stranger::new("ECS service", id, place.clone(), about, "delete it"));
        }
    }
    for some in tasks.chunks(DESCRIBED_AT_ONCE.1) {
        let call = ecs.describe_tasks().cluster(&cluster).set_tasks(Some(some.to_vec()));
        let answer = call.send().await.during("DescribeTasks")?;
        for task in answer.tasks().iter().filter(|task| is_alone(task) && !is_of_stack(cx, task)) {
            let mut about: Vec<String> = task.group().map(str::to_owned).into_iter().collect();
            about.extend(task.started_by().filter(|who| !who.is_empty()).map(|who| format!("started by {who}")));
            let id = task.task_arn().unwrap_or_default();
            found.push(Stranger::new("ECS task", id, place.clone(), about, "stop it, or wait for its end"));
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

/// Listeners and rules that would go with the load balancer, although somebody else has made them.
async fn at_balancer(cx: &Context, going: &Going, balancer: String) -> Found {
    let elb = &cx.aws.elb;
    let at = going.address("load_balancer", &balancer).unwrap_or(&balancer);
    let listeners = elb.describe_listeners().load_balancer_arn(&balancer).into_paginator().items().send();
    let listeners: Option<Vec<_>> =
        listeners.try_collect().await.or_absent("DescribeListeners", &["LoadBalancerNotFound"])?;
    let mut found = Vec::new();
    let mut own = Vec::new();
    for listener in listeners.unwrap_or_default() {
        let arn = listener.listener_arn().unwrap_or_default().to_owned();
        if going.is_own(&arn) {
            own.push(arn);
            continue;
        }
        let port = listener.port().map(|port| format!("on port {port}"));
        found.push(Stranger::new("listener", &arn, format!("at {at}"), port.into_iter().collect(), "delete it"));
    }
    let reads = own.iter().map(|arn| async move {
        let rules = elb.describe_rules().listener_arn(arn).into_paginator().items().send();
        let rules: Option<Vec<_>> = rules.try_collect().await.or_absent("DescribeRules", &["ListenerNotFound"])?;
        Ok::<_, Failure>(rules.unwrap_or_default())
    });
    for rule in try_join_all(reads).await?.into_iter().flatten().filter(|rule| rule.is_default() != Some(true)) {
        let arn = rule.rule_arn().unwrap_or_default();
        if !going.is_own(arn) {
            let priority = rule.priority().map(|priority| format!("of priority {priority}"));
            found.push(Stranger::new(
                "listener rule",
                arn,
                format!("at {at}"),
                priority.into_iter().collect(),
                "delete it",
            ));
        }
    }
    Ok(found)
}

async fn databases(cx: &Context, going: &Going) -> Found {
    if going.ids("db_subnet_group").is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<_> = cx
        .aws
        .rds
        .describe_db_instances()
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .during("DescribeDBInstances")?;
    let named = all.iter().filter_map(|database| {
        let group = database.db_subnet_group().and_then(|group| group.db_subnet_group_name())?;
        let (id, place) = (database.db_instance_identifier()?, going.address("db_subnet_group", group)?);
        let what = database.engine().map(str::to_owned).into_iter().collect();
        let is_own = going.is_own(id);
        (!is_own).then(|| {
            Stranger::new("database", id, format!("in {place}"), what, "delete it, or move it to another subnet group")
        })
    });
    Ok(named.collect())
}

async fn caches(cx: &Context, going: &Going) -> Found {
    if going.ids("cache_subnet_group").is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<_> = cx
        .aws
        .cache
        .describe_cache_clusters()
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .during("DescribeCacheClusters")?;
    let named = all.iter().filter_map(|cache| {
        let place = going.address("cache_subnet_group", cache.cache_subnet_group_name()?)?;
        let (id, group) = (cache.cache_cluster_id()?, cache.replication_group_id());
        let is_own = going.is_own(id) || group.is_some_and(|group| going.is_own(group));
        let of = group.map(|group| format!("of {group}")).into_iter().collect();
        (!is_own).then(|| Stranger::new("cache", id, format!("in {place}"), of, "delete it"))
    });
    Ok(named.collect())
}
