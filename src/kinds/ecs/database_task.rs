//! Shared code for the kinds that run a one-off task beside the database. Each kind is a [`Purpose`]; the task
//! definition contains what the task runs.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

use std::{marker::PhantomData, time::Duration};

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, TaskLog},
    kind::{Context, Cost, Doc, Kind},
    kinds::ecs::{
        self, earlier,
        task::{self, Live, OneOff, Repeats},
        task_end::{Advice, StopReason},
    },
    model::{Address, Evidence, Explanation, Failure, Found, Input, NoField, Permission, Phase},
};

/// The name of the task's only container.
pub const CONTAINER: &str = "psql";

/// The prefix of a log line that reports progress.
pub(super) const SAID: &str = "stackctl: ";

/// The purpose of a task beside the database.
pub trait Purpose: Send + Sync + 'static {
    /// The name of the kind, its task definition and its log group. It contains an underscore, which names of services
    /// cannot contain.
    const NAME: &'static str;
    /// [`Kind::DOC`].
    const DOC: Doc;
    /// [`Kind::RUN_NOTE`].
    const RUN_NOTE: &'static str;
    /// [`Kind::USUAL`].
    const USUAL: Duration;
    /// The maximum run time of the task.
    const LIMIT: Duration;
    /// Whether it stops the tasks of earlier runs before it starts. Otherwise the command that runs it handles them.
    const ENDS_EARLIER: bool;
    /// A sentence on what happens to a task that exceeds its limit.
    const OVERDUE: &'static str;
    /// Whether it reports its progress in its log.
    const TELLS: bool;
    /// The command that runs it again.
    const AGAIN: &'static str;
    /// The start of a sentence on what to do after a failed statement.
    const FIX: &'static str;

    /// Returns what failed, from the end of the task in `live`.
    fn failed(live: &Live) -> String;
}

/// A one-off task beside the database.
pub struct DatabaseTask<P>(PhantomData<P>);

/// The task to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The ARN of the cluster.
    pub cluster: Input,
    /// The ARN of the task definition.
    pub task_definition: Input,
    /// The subnets of the task.
    pub subnets: Vec<Input>,
    /// The security group that allows it to reach the database.
    pub security_group: Input,
    /// Whether it gets a public address, over which it pulls its image.
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
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for the task while it runs, which is not included");
    const NOT_YET: &'static [&'static str] = ecs::NOT_YET;
    const PERMISSIONS: &'static [Permission] = &[task::LOOKING, task::RUNNING, ecs::TAGGING];
    const LASTING: bool = false;
    const RUN_NOTE: Option<&'static str> = Some(P::RUN_NOTE);
    const USUAL: Duration = P::USUAL;
    const DEADLINE: Duration = P::LIMIT.saturating_add(task::BEYOND);
    // An earlier task is stopped, and the new one is watched until it runs.
    const PATIENCE: Duration = Duration::from_secs(300);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let mut found = task::newest(cx, P::NAME, P::LIMIT, |_| CONTAINER).await?;
        if P::TELLS {
            let said = try_join_all(found.iter().map(|found| said::<P>(cx, &found.live))).await?;
            found.iter_mut().zip(said).for_each(|(found, said)| found.live.doing = said);
        }
        Ok(found)
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        task::phase(live, |_| P::failed(live))
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let (cluster, definition) = (desired.cluster.get()?, desired.task_definition.get()?);
        let started_by = cx.started_by(P::NAME);
        let own = if P::ENDS_EARLIER {
            earlier::end(cx, address, cluster, definition).await?
        } else {
            task::known(cx, cluster, |call| call.started_by(&started_by)).await?
        };
        let one_off = OneOff {
            started_by: &started_by,
            cluster,
            task_definition: definition,
            container: CONTAINER,
            command: None,
            network: ecs::network(&desired.subnets, &desired.security_group, &[], desired.public_ip)?,
            group: None,
            repeats: Repeats::Engine,
        };
        task::start(cx, address, one_off, &own).await
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        // This is not a step of a plan, so the engine does not retry it.
        task::stop(
            cx,
            &live.cluster,
            &live.task,
            Some("the stackctl command that waited for it was interrupted"),
            Repeats::Sdk,
        )
        .await
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        let earlier = failure.is(&[earlier::RUNS]).then_some("the task of an earlier run to stop");
        earlier.or_else(|| task::passing(failure))
    }

    fn outdated(seen: &Live, written: &Live) -> bool {
        seen.is_before(written)
    }

    fn runs_on(live: &Live) -> Option<String> {
        let task = aws::last_part(&live.task);
        P::ENDS_EARLIER.then(|| format!("task {task} keeps running; the next run stops it first"))
    }

    async fn explain(cx: &Context, live: &Live, _phase: &Phase) -> Explanation {
        task::explain(cx, live, (P::NAME, CONTAINER), P::OVERDUE, advice::<P>).await
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

/// Returns the likely cause of the end of a task and the next step. `None` if somebody stopped it on purpose.
///
/// psql exits with 2 if it lost its connection, and with 3 if a statement failed.
/// <https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-EXIT-STATUS>
fn advice<P: Purpose>(end: &StopReason, log: &Evidence, said: &[String]) -> Option<Advice> {
    if let Some((cause, fix)) = end.sentence(log, said).and_then(|sentence| sentence.of_psql) {
        return Some(Advice { likely_cause: cause.to_owned(), next: format!("{fix}, then run `{}` again.", P::AGAIN) });
    }
    let written = matches!(log, Evidence::Log { lines, .. } if !lines.is_empty());
    let lines = if written { "See its last lines above." } else { "It wrote no output." };
    let (cause, fix) = match end {
        StopReason::OnPurpose | StopReason::Unhealthy | StopReason::CheckFailed => return None,
        StopReason::CannotPull => (
            "The task cannot reach the public registry of its image.".to_owned(),
            "Check the route from the tasks' subnets to the internet (`network.nat`)",
        ),
        StopReason::CannotPrepare => (
            "A secret cannot be read, or the task cannot reach AWS. The container was not started.".to_owned(),
            "Run `stackctl plan` to see changes of roles and network",
        ),
        StopReason::OutOfMemory | StopReason::Ended(Some(137)) => {
            ("A statement needs more memory than the task has.".to_owned(), "Make the statement smaller")
        }
        StopReason::Ended(None) => ("The container was never started.".to_owned(), "See the reason above. Fix it"),
        StopReason::Ended(Some(2)) => (
            format!("psql could not connect to the database or lost the connection. {lines}"),
            "Run `stackctl status` to see whether the database is available",
        ),
        StopReason::Ended(Some(3)) => (format!("A statement failed. {lines}"), P::FIX),
        StopReason::Ended(Some(code)) => (format!("The task exited with code {code}. {lines}"), "Fix the cause"),
    };
    Some(Advice { likely_cause: cause, next: format!("{fix}, then run `{}` again.", P::AGAIN) })
}

/// Returns the last progress message of a running task.
async fn said<P: Purpose>(cx: &Context, live: &Live) -> Result<Option<String>, Failure> {
    if live.status != "RUNNING" {
        return Ok(None);
    }
    let last = TaskLog::new(&cx.id, P::NAME, CONTAINER, &live.task).last(&cx.aws, 1).await?;
    Ok(last.and_then(|mut lines| lines.pop()).and_then(|line| line.strip_prefix(SAID).map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::ecs::{database_load::Load, database_users::Users};

    fn log(lines: &[&str]) -> Evidence {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Evidence::Log { task: "c71a".into(), lines, unreadable: None }
    }

    #[test]
    fn advice_for_a_failed_load_is_to_load_again() {
        let psql = log(&["psql:<stdin>:7: ERROR:  relation \"ports\" already exists"]);
        let failed = advice::<Load>(&StopReason::Ended(Some(3)), &psql, &[]).expect("it has a cause");
        assert_eq!(failed.likely_cause, "A statement failed. See its last lines above.");
        assert_eq!(failed.next, "Fix the line of the dump that psql reports, then run `stackctl db load` again.");
        let failed = advice::<Users>(&StopReason::Ended(Some(3)), &log(&[]), &[]).expect("it has a cause");
        assert_eq!(failed.likely_cause, "A statement failed. It wrote no output.");
        assert!(failed.next.ends_with("then run `stackctl up` again."), "{}", failed.next);
        let refused = log(&["psql: error: FATAL:  password authentication failed for user \"postgres\""]);
        let failed = advice::<Load>(&StopReason::Ended(Some(2)), &refused, &[]).expect("it has a cause");
        assert!(failed.likely_cause.contains("the master password"), "{}", failed.likely_cause);
        assert!(failed.next.ends_with(", then run `stackctl db load` again."), "{}", failed.next);
    }

    #[test]
    fn advice_for_database_tasks_never_mentions_services() {
        assert_eq!(advice::<Load>(&StopReason::OnPurpose, &log(&[]), &[]), None);
        let ended = [None, Some(1), Some(2), Some(3), Some(126), Some(137)].map(StopReason::Ended);
        let others = [StopReason::CannotPull, StopReason::CannotPrepare, StopReason::OutOfMemory];
        for end in ended.into_iter().chain(others) {
            let Advice { likely_cause, next } = advice::<Load>(&end, &log(&[]), &[]).expect("it has a cause");
            assert!(next.ends_with("then run `stackctl db load` again."), "{end:?}: {next}");
            for of_a_service in ["deploy", "logs", "`image`", "`memory`", "service"] {
                assert!(!format!("{likely_cause} {next}").contains(of_a_service), "{end:?}: {likely_cause} {next}");
            }
        }
    }
}
