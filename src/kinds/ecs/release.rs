//! The release command: a one-off task with the new image that must succeed before new tasks serve.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    aws,
    kind::{Context, Cost, Doc, InRelease, Kind},
    kinds::ecs::{
        self, earlier,
        task::{self, Live, OneOff, Repeats},
    },
    model::{Address, Explanation, Failure, Found, Input, NoField, Permission, Phase},
};

/// The maximum run time of a release command.
const LIMIT: Duration = Duration::from_secs(3600);

/// A release task.
pub struct Release;

/// The release task that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The ARN of the cluster.
    pub cluster: Input,
    /// The ARN of the new task definition.
    pub task_definition: Input,
    /// The container in which the command runs.
    pub container: String,
    /// The command.
    pub command: Vec<String>,
    /// The subnets of the task.
    pub subnets: Vec<Input>,
    /// The security group that determines which resources it can reach.
    pub security_group: Input,
    /// Additional security groups that belong to others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_groups: Vec<Input>,
    /// Whether it gets a public address.
    pub public_ip: bool,
}

impl Kind for Release {
    type Desired = Desired;
    type Live = Live;
    type Field = NoField;
    type Fixed = NoField;

    const NAME: &'static str = "release";
    const HEADLINE: &'static [&'static str] = &["command"];
    const DOC: Doc = Doc {
        summary: "Runs the release command of a service once, on the new image.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html",
    };
    const USES: &'static [&'static str] = &[];
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for the task while it runs, which is not included");
    const NOT_YET: &'static [&'static str] = ecs::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[task::LOOKING, task::RUNNING, ecs::TAGGING];
    const LASTING: bool = false;
    const RUN_NOTE: Option<&'static str> = Some("runs once, before the service changes");
    const IN_RELEASE: InRelease = InRelease::Tasks;
    const USUAL: Duration = Duration::from_secs(45);
    const DEADLINE: Duration = LIMIT.saturating_add(task::BEYOND);
    // An earlier task has up to two minutes between SIGTERM and SIGKILL, and the new task is watched until it runs.
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
    const PATIENCE: Duration = Duration::from_secs(300);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        task::newest(cx, Self::NAME, LIMIT, Address::name).await
    }

    fn phase(live: &Live, desired: Option<&Desired>) -> Phase {
        task::phase(live, |end| {
            let command = desired.map(|desired| desired.command.join(" ")).unwrap_or_default();
            format!("the release command `{command}` failed; the service was not changed: {end}")
        })
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let own = earlier::end(cx, address, desired.cluster.get()?, desired.task_definition.get()?).await?;
        let one_off = OneOff {
            started_by: &cx.started_by(Self::NAME),
            cluster: desired.cluster.get()?,
            task_definition: desired.task_definition.get()?,
            container: &desired.container,
            command: Some(&desired.command),
            network: ecs::network(&desired.subnets, &desired.security_group, &desired.other_groups, desired.public_ip)?,
            group: None,
            repeats: Repeats::Engine,
        };
        task::start(cx, address, one_off, &own).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        task::stop(cx, &live.cluster, &live.task, None, Repeats::Engine).await
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        let earlier = failure.is(&[earlier::RUNS]).then_some("the release task of an earlier run to stop");
        earlier.or_else(|| task::passing(failure))
    }

    fn outdated(seen: &Live, written: &Live) -> bool {
        seen.is_before(written)
    }

    fn runs_on(live: &Live) -> Option<String> {
        let task = aws::last_part(&live.task);
        Some(format!("task {task} keeps running; the next deployment stops it first"))
    }

    async fn explain(cx: &Context, live: &Live, _phase: &Phase) -> Explanation {
        // Its log group and its container have the name of the service.
        let runs_on = "It keeps running. The next `stackctl up` or `deploy` stops it before starting another one; to \
                       let it finish, wait for it first.";
        task::explain(cx, live, (&live.name, &live.name), runs_on, |end, log, said| end.advice(None, log, said)).await
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let desired = Desired {
            cluster: ecs::model::CLUSTER.into(),
            task_definition: ecs::model::revision_arn(2).as_str().into(),
            container: "main".into(),
            command: vec!["migrate".into()],
            subnets: vec!["subnet-1".into(), "subnet-2".into()],
            security_group: "sg-1".into(),
            other_groups: Vec::new(),
            public_ip: false,
        };
        crate::kind::Sample::new(ecs::model::cloud_with_cluster, desired)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        aws::model::{self, Cloud},
        kind::NoImages,
        kinds::ecs::model::Ecs,
        model::StackId,
    };

    /// Creates the task of the sample as the engine does. Also returns the context of the run.
    async fn made(cloud: &Cloud) -> (Context, Live) {
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let cx = Context::new(id, Arc::new(model::session(cloud)), Arc::new(NoImages));
        let (address, desired) = (Address::new("release", "main"), Release::sample().base);
        for _ in 0..10 {
            match Release::create(&cx, &address, &desired).await {
                Err(failure) => assert_eq!(Release::passing(&failure), Some("ECS to prepare the task"), "{failure}"),
                Ok(live) => return (cx, live),
            }
        }
        panic!("it does not begin");
    }

    #[tokio::test]
    async fn task_that_ecs_cannot_prepare_is_started_once_more() {
        // The number of tasks that ECS cannot prepare, the total number of tasks, and the status of the last one.
        for (unprepared, all, status) in [(0, 1, "RUNNING"), (1, 2, "PROVISIONING"), (2, 2, "PROVISIONING")] {
            let cloud = ecs::model::cloud_with_cluster();
            cloud.with(|ecs: &mut Ecs| ecs.unprepared = unprepared);
            let (cx, live) = made(&cloud).await;
            assert_eq!((cloud.with(|ecs: &mut Ecs| ecs.tasks.len()), live.status.as_str()), (all, status));
            // A stale list contains only the first task.
            let first = Live { created: live.created - 1_000, task: "first".into(), ..live.clone() };
            assert!(Release::outdated(&first, &live) && !Release::outdated(&live, &live));
            let mut seen = Release::list(&cx).await.expect("it is listed").remove(0).live;
            assert_eq!(seen.task, live.task, "the newest one counts");
            while seen.status != "STOPPED" {
                seen = Release::list(&cx).await.expect("it is listed").remove(0).live;
            }
            assert_eq!(Release::phase(&seen, None) == Phase::Ready, unprepared < 2);
        }
    }

    #[tokio::test]
    async fn overdue_task_is_reported_with_its_id_and_log() {
        let cloud = ecs::model::cloud_with_cluster();
        let (cx, _) = made(&cloud).await;
        let long_ago = jiff::Timestamp::now().as_millisecond() - 3_600_001;
        cloud.with(|ecs: &mut Ecs| {
            ecs.tasks[0].created_at = Some(aws_sdk_ecs::primitives::DateTime::from_millis(long_ago));
            ecs.tasks[0].last_status = Some("RUNNING".into());
        });
        let live = Release::list(&cx).await.expect("it is listed").remove(0).live;
        let phase = Release::phase(&live, None);
        let id = aws::last_part(&live.task);
        assert!(phase.detail().is_some_and(|why| why.contains(&format!("task {id} is still running after"))));
        let next = Release::explain(&cx, &live, &phase).await.next.expect("there is a way out");
        assert!(next.starts_with("It keeps running. The next `stackctl up` or `deploy` stops it"), "{next}");
        let log = format!("the stream main/main/{id} of the log group /stackctl/shop/test/main");
        assert!(next.contains(&log), "{next}");
    }
}
