//! What the kinds share that run a one-off task beside the database: each is a purpose, and what the task runs, its task
//! definition says.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

use std::{marker::PhantomData, time::Duration};

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::TaskLog,
    kind::{Context, Cost, Doc, Kind},
    kinds::ecs::{
        self,
        task::{self, Live, OneOff, Repeats},
    },
    model::{Address, Explanation, Failure, Found, Input, NoField, Permission, Phase},
};

/// The name of such a task's one container.
pub const CONTAINER: &str = "psql";

/// How a line of its log begins that says how far it is.
const SAID: &str = "stackctl: ";

/// What a task beside the database is for.
pub trait Purpose: Send + Sync + 'static {
    /// The kind's name; its task definition and its log group are called so too. The underscore keeps them apart from the
    /// services', whose names have none.
    const NAME: &'static str;
    /// [`Kind::DOC`].
    const DOC: Doc;
    /// [`Kind::RUN_NOTE`].
    const RUN_NOTE: &'static str;
    /// [`Kind::USUAL`].
    const USUAL: Duration;
    /// [`Kind::DEADLINE`].
    const DEADLINE: Duration;
    /// Whether it says in its log how far it is.
    const TELLS: bool;

    /// What could not be done, because the task ended as `end` says.
    fn failed(end: &str) -> String;
}

/// A one-off task beside the database.
pub struct DatabaseTask<P>(PhantomData<P>);

/// What is asked of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The cluster's ARN.
    pub cluster: Input,
    /// The task definition's ARN.
    pub task_definition: Input,
    /// Where it runs.
    pub subnets: Vec<Input>,
    /// Lets it reach the database.
    pub security_group: Input,
    /// Whether it gets a public address, to pull its image over.
    pub public_ip: bool,
}

impl<P: Purpose> Kind for DatabaseTask<P> {
    type Desired = Desired;
    type Live = Live;
    type Field = NoField;
    type Fixed = NoField;

    const NAME: &'static str = P::NAME;
    const DOC: Doc = P::DOC;
    const USES: &'static [&'static str] = &[];
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for the task while it runs, which is not counted");
    const NOT_YET: &'static [&'static str] = ecs::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[task::LOOKING, task::RUNNING, ecs::TAGGING];
    const LASTING: bool = false;
    const RUN_NOTE: Option<&'static str> = Some(P::RUN_NOTE);
    const USUAL: Duration = P::USUAL;
    const DEADLINE: Duration = P::DEADLINE;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let mut found = task::newest(cx, &cx.started_by(P::NAME), |_| CONTAINER).await?;
        if P::TELLS {
            let said = try_join_all(found.iter().map(|found| said::<P>(cx, &found.live))).await?;
            found.iter_mut().zip(said).for_each(|(found, said)| found.live.doing = said);
        }
        Ok(found)
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        task::phase(live, P::failed)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let one_off = OneOff {
            started_by: &cx.started_by(P::NAME),
            cluster: desired.cluster.get()?,
            task_definition: desired.task_definition.get()?,
            container: CONTAINER,
            command: None,
            network: ecs::network(&desired.subnets, &desired.security_group, desired.public_ip)?,
            repeats: Repeats::Engine,
        };
        task::start(cx, address, one_off).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        task::stop(cx, &live.cluster, &live.task, None, Repeats::Engine).await
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        task::passing(failure)
    }

    async fn explain(cx: &Context, live: &Live, _phase: &Phase) -> Explanation {
        task::explain(cx, live, P::NAME, CONTAINER).await
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let desired = Desired {
            cluster: ecs::model::CLUSTER.into(),
            task_definition: ecs::model::DATABASE_TASK.into(),
            subnets: vec!["subnet-1".into(), "subnet-2".into()],
            security_group: "sg-1".into(),
            public_ip: false,
        };
        crate::kind::Sample::new(ecs::model::cloud_with_database_task, desired)
    }
}

/// The last that a task that still runs has said of how far it is.
async fn said<P: Purpose>(cx: &Context, live: &Live) -> Result<Option<String>, Failure> {
    if live.status != "RUNNING" {
        return Ok(None);
    }
    let last = TaskLog::new(&cx.id, P::NAME, CONTAINER, &live.task).last(&cx.aws, 1).await?;
    Ok(last.and_then(|mut lines| lines.pop()).and_then(|line| line.strip_prefix(SAID).map(str::to_owned)))
}
