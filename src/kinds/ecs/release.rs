//! The release command: a one-off task on the new image, run to its exit code before any new task serves.
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

/// A release task.
pub struct Release;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The cluster's ARN.
    pub cluster: Input,
    /// The new task definition's ARN.
    pub task_definition: Input,
    /// The container in which the command runs.
    pub container: String,
    /// The command.
    pub command: Vec<String>,
    /// Where it runs.
    pub subnets: Vec<Input>,
    /// Whom it may call follows from this.
    pub security_group: Input,
    /// Whether it gets a public address.
    pub public_ip: bool,
}

impl Kind for Release {
    type Desired = Desired;
    type Live = Live;
    type Field = NoField;
    type Fixed = NoField;

    const NAME: &'static str = "release";
    const DOC: Doc = Doc {
        summary: "Runs the release command of a service once, on the new image.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html",
    };
    const USES: &'static [&'static str] = &[];
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for the task while it runs, which is not counted");
    const NOT_YET: &'static [&'static str] = ecs::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[task::LOOKING, task::RUNNING, ecs::TAGGING];
    const LASTING: bool = false;
    const RUN_NOTE: Option<&'static str> = Some("runs once, before the service changes");
    const IN_RELEASE: InRelease = InRelease::Tasks;
    const USUAL: Duration = Duration::from_secs(45);
    const DEADLINE: Duration = Duration::from_secs(3600);
    // An earlier task has up to two minutes from SIGTERM to SIGKILL.
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
    const PATIENCE: Duration = Duration::from_secs(180);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        task::newest(cx, &cx.started_by(Self::NAME), Address::name).await
    }

    fn phase(live: &Live, desired: Option<&Desired>) -> Phase {
        task::phase(live, |end| {
            let command = desired.map(|desired| desired.command.join(" ")).unwrap_or_default();
            format!("the release command `{command}` failed and nothing was rolled out: {end}")
        })
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        earlier::end(cx, address, desired.cluster.get()?, desired.task_definition.get()?).await?;
        let one_off = OneOff {
            started_by: &cx.started_by(Self::NAME),
            cluster: desired.cluster.get()?,
            task_definition: desired.task_definition.get()?,
            container: &desired.container,
            command: Some(&desired.command),
            network: ecs::network(&desired.subnets, &desired.security_group, desired.public_ip)?,
            repeats: Repeats::Engine,
        };
        task::start(cx, address, one_off).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        task::stop(cx, &live.cluster, &live.task, None, Repeats::Engine).await
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        let earlier = failure.is(&[earlier::RUNS]).then_some("the release task of an earlier run to end");
        earlier.or_else(|| task::passing(failure))
    }

    fn runs_on(live: &Live) -> Option<String> {
        let task = aws::last_part(&live.task);
        Some(format!("task {task} runs on; the next deployment stops it before it begins"))
    }

    async fn explain(cx: &Context, live: &Live, _phase: &Phase) -> Explanation {
        // Its log and its container are called as the service.
        task::explain(cx, live, &live.name, &live.name, |end, log| end.advice(None, log)).await
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
            public_ip: false,
        };
        crate::kind::Sample::new(ecs::model::cloud_with_cluster, desired)
    }
}
