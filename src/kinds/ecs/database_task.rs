//! What the kinds share that run a one-off task beside the database: each is a purpose, and what the task runs, its task
//! definition says.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

use std::{marker::PhantomData, time::Duration};

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Outcome},
    kind::{Context, Cost, Doc, Kind},
    kinds::ecs::{
        self,
        task::{self, Live, OneOff},
    },
    model::{Address, Failure, Found, Input, NoField, Permission, Phase},
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
    const COST: Cost<Self> = Cost::Free("AWS charges for the task while it runs, which is not counted");
    const NOT_YET: &'static [&'static str] = ecs::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[task::LOOKING, task::RUNNING, ecs::TAGGING];
    const LASTING: bool = false;
    const RUN_NOTE: Option<&'static str> = Some(P::RUN_NOTE);
    const USUAL: Duration = P::USUAL;
    const DEADLINE: Duration = P::DEADLINE;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let mut found = task::newest(cx, &cx.started_by(P::NAME)).await?;
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
            cluster: &desired.cluster,
            task_definition: &desired.task_definition,
            command: None,
            subnets: &desired.subnets,
            security_group: &desired.security_group,
            public_ip: desired.public_ip,
        };
        task::start(cx, address, &one_off).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        task::stop(cx, live).await
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        task::passing(failure)
    }

    async fn explain(cx: &Context, live: &Live) -> Vec<String> {
        task::explain(cx, live, P::NAME).await
    }
}

/// The last that a task that still runs has said of how far it is.
async fn said<P: Purpose>(cx: &Context, live: &Live) -> Result<Option<String>, Failure> {
    if live.status != "RUNNING" {
        return Ok(None);
    }
    let id = aws::last_part(&live.task);
    let call = cx
        .aws
        .logs
        .get_log_events()
        .log_group_name(format!("{}{}", aws::log_prefix(&cx.id), P::NAME))
        .log_stream_name(format!("{CONTAINER}/{CONTAINER}/{id}"))
        .start_from_head(false)
        .limit(1);
    // There is no stream before the first line.
    let answer = call.send().await.or_absent("GetLogEvents", &["ResourceNotFoundException"])?;
    let last = answer.and_then(|answer| answer.events.unwrap_or_default().pop()).and_then(|event| event.message);
    Ok(last.and_then(|line| line.trim_end().strip_prefix(SAID).map(str::to_owned)))
}
