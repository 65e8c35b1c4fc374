//! The releases of a service: the deployments that ECS made and their results, and the origin recorded in each
//! revision. ECS stores all of it, and stackctl stores nothing else.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{ServiceDeploymentBrief, ServiceDeploymentStatus as Status};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    aws::Outcome as _,
    kind::Context,
    kinds::ecs::{
        service,
        task_definition::{self, Revision},
    },
    model::{Address, Failure},
};

/// How long ECS keeps the deployments of a service.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>
const REMEMBERED: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The maximum number of revisions in one `DescribeServiceRevisions` call.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html>
const DESCRIBED_AT_ONCE: usize = 20;

/// A release. Its JSON keys are stable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Release {
    /// The service.
    pub service: String,
    /// The revision of the task definition.
    pub release: u32,
    /// When its rollout started, or when it was registered if it was never rolled out.
    pub at: Timestamp,
    /// The result of the rollout.
    pub result: Outcome,
    /// The reason that ECS gives for the result.
    pub reason: Option<String>,
    /// Whether it is running now.
    pub serves: bool,
    /// The version and build number.
    pub version: Option<String>,
    /// The image.
    pub image: Option<String>,
    /// The commit of the image's source, with `-dirty` if the working tree differed.
    pub commit: Option<String>,
    /// The operating system user who released it.
    pub by: Option<String>,
    /// The ARN of the principal that released it.
    pub principal: Option<String>,
    /// The release that this one restores, if it is a rollback.
    pub rollback_to: Option<u32>,
    /// Whether its revision was registered without stackctl.
    pub by_hand: bool,
    /// Whether a rollback can restore it: its revision still exists and was not registered by hand.
    #[serde(skip)]
    pub can_return: bool,
}

/// The result of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its tasks were running.
    Succeeded,
    /// The rollout is in progress.
    InProgress,
    /// ECS is restoring the previous revision.
    RollingBack,
    /// ECS restored the previous revision.
    RolledBack,
    /// It failed, and there was no previous revision to restore.
    Failed,
    /// Another release or a person stopped the rollout.
    Stopped,
    /// It was registered but never rolled out.
    NotRolledOut,
    /// ECS no longer has its deployment.
    Unknown,
}

/// A rollout of a revision.
struct Rollout {
    definition: String,
    at: Timestamp,
    result: Outcome,
    reason: Option<String>,
}

/// Returns the newest releases of the service `name`, at most `most`, newest first.
///
/// # Errors
/// If ECS fails.
pub async fn read(
    cx: &Context,
    name: &str,
    live: &service::Live,
    most: usize,
    now: Timestamp,
) -> Result<Vec<Release>, Failure> {
    let address = Address::new("task_definition", name);
    let (rollouts, active) = futures::try_join!(rollouts(cx, live, most), task_definition::active(cx, &address))?;
    let all = rollouts.len() < most;
    let mut numbers: BTreeSet<u32> = rollouts.iter().map(|rollout| number(&rollout.definition)).collect();
    numbers.extend(active.iter().map(|arn| number(arn)));
    let reads = numbers.iter().map(|number| task_definition::find(cx, &address, *number));
    let revisions = try_join_all(reads).await?.into_iter().flatten();
    let revisions: BTreeMap<u32, Revision> = revisions.map(|revision| (revision.number, revision)).collect();
    let mut releases = put_together(name, rollouts, &revisions, now);
    if !all {
        // Older revisions may have deployments beyond this limit, so their results are unknown.
        let oldest = releases.iter().filter(|release| release.result != Outcome::NotRolledOut).map(|one| one.at).min();
        releases.retain(|release| oldest.is_none_or(|oldest| release.at >= oldest));
    }
    releases.truncate(most);
    let current = number(&live.task_definition);
    let serves = |release: &&mut Release| {
        release.release == current && matches!(release.result, Outcome::Succeeded | Outcome::Unknown)
    };
    if let Some(release) = releases.iter_mut().find(serves) {
        release.serves = true;
    }
    Ok(releases)
}

/// Returns the release that a rollback restores: the newest one that ran before the running one was first released. It
/// skips releases that were themselves rolled back from, and revisions registered by hand, because stackctl may not
/// know all their settings.
pub fn last_good(releases: &[Release], running: u32) -> Option<&Release> {
    let first = |release: &Release| release.rollback_to.unwrap_or(release.release);
    let now = releases.iter().find(|release| release.release == running).map_or(running, first);
    releases.iter().find(|release| release.result == Outcome::Succeeded && release.can_return && first(release) < now)
}

/// Returns the revision in the ARN of a task definition.
pub fn number(arn: &str) -> u32 {
    arn.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Combines a release for each rollout with one for each revision without a known rollout, newest first.
fn put_together(
    name: &str,
    rollouts: Vec<Rollout>,
    revisions: &BTreeMap<u32, Revision>,
    now: Timestamp,
) -> Vec<Release> {
    let rolled_out: BTreeSet<u32> = rollouts.iter().map(|rollout| number(&rollout.definition)).collect();
    let others = revisions.values().filter(|revision| !rolled_out.contains(&revision.number)).map(|revision| {
        let at = Timestamp::from_millisecond(revision.registered).unwrap_or_default();
        let forgotten = now.duration_since(at) > REMEMBERED;
        let result = if forgotten { Outcome::Unknown } else { Outcome::NotRolledOut };
        Rollout { definition: revision.arn.clone(), at, result, reason: None }
    });
    let mut all: Vec<Rollout> = rollouts.into_iter().chain(others).collect();
    all.sort_by_key(|rollout| std::cmp::Reverse((rollout.at, number(&rollout.definition))));
    all.into_iter().map(|rollout| release(name, rollout, revisions)).collect()
}

fn release(name: &str, rollout: Rollout, revisions: &BTreeMap<u32, Revision>) -> Release {
    let number = number(&rollout.definition);
    let revision = revisions.get(&number);
    let desired = revision.and_then(|revision| revision.desired.as_ref());
    let version = desired.and_then(|desired| desired.main.environment.get("APP_VERSION")?.known());
    Release {
        service: name.to_owned(),
        release: number,
        at: rollout.at,
        result: rollout.result,
        reason: rollout.reason,
        serves: false,
        version: version.map(str::to_owned),
        image: desired.and_then(|desired| desired.main.image.known()).map(str::to_owned),
        commit: revision.and_then(|revision| revision.commit.clone()),
        by: revision.and_then(|revision| revision.by.clone()),
        principal: revision.and_then(|revision| revision.principal.clone()),
        rollback_to: revision.and_then(|revision| revision.rollback_to),
        by_hand: revision.is_some_and(|revision| revision.by_hand),
        can_return: revision.is_some_and(|revision| !revision.by_hand),
    }
}

/// Returns the newest rollouts of the service that ECS lists, at most `most`.
async fn rollouts(cx: &Context, live: &service::Live, most: usize) -> Result<Vec<Rollout>, Failure> {
    let call = cx.aws.ecs.list_service_deployments().cluster(&live.cluster).service(&live.name).max_results(100);
    let mut deployments: Vec<ServiceDeploymentBrief> = Vec::new();
    let mut token = None;
    loop {
        let answer = call.clone().set_next_token(token).send().await.during("ListServiceDeployments")?;
        deployments.extend(answer.service_deployments.unwrap_or_default());
        token = answer.next_token;
        if token.is_none() {
            break;
        }
    }
    deployments.sort_by_key(|deployment| std::cmp::Reverse(at(deployment)));
    deployments.truncate(most);
    let definitions = definitions(cx, &deployments).await?;
    let rollout = |deployment: &ServiceDeploymentBrief| {
        let definition = definitions.get(deployment.target_service_revision_arn()?)?.clone();
        let reason = deployment.status_reason().filter(|reason| !reason.is_empty()).map(str::to_owned);
        Some(Rollout { definition, at: at(deployment), result: result(deployment.status()), reason })
    };
    Ok(deployments.iter().filter_map(rollout).collect())
}

/// Returns the task definitions of these deployments, by the ARN of the service revision.
async fn definitions(
    cx: &Context,
    deployments: &[ServiceDeploymentBrief],
) -> Result<BTreeMap<String, String>, Failure> {
    let arns = deployments.iter().filter_map(|deployment| deployment.target_service_revision_arn());
    let arns: Vec<String> = arns.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect();
    let reads = arns.chunks(DESCRIBED_AT_ONCE).map(|some| async move {
        let call = cx.aws.ecs.describe_service_revisions().set_service_revision_arns(Some(some.to_vec()));
        call.send().await.during("DescribeServiceRevisions")
    });
    let revisions =
        try_join_all(reads).await?.into_iter().flat_map(|answer| answer.service_revisions.unwrap_or_default());
    Ok(revisions.filter_map(|revision| Some((revision.service_revision_arn?, revision.task_definition?))).collect())
}

fn at(deployment: &ServiceDeploymentBrief) -> Timestamp {
    let milliseconds = deployment.created_at().and_then(|at| at.to_millis().ok()).unwrap_or_default();
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

/// Returns the result for a deployment status.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>
fn result(status: Option<&Status>) -> Outcome {
    match status {
        Some(Status::Successful) => Outcome::Succeeded,
        Some(Status::Pending | Status::InProgress) => Outcome::InProgress,
        Some(Status::RollbackRequested | Status::RollbackInProgress) => Outcome::RollingBack,
        Some(Status::RollbackSuccessful) => Outcome::RolledBack,
        Some(Status::RollbackFailed) => Outcome::Failed,
        Some(Status::Stopped | Status::StopRequested) => Outcome::Stopped,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(number: u32, at: i64, result: Outcome) -> Rollout {
        let at = Timestamp::from_second(at).expect("it is one");
        Rollout { definition: format!("arn:task-definition/web:{number}"), at, result, reason: None }
    }

    fn revision(number: u32, registered: i64, rollback_to: Option<u32>) -> (u32, Revision) {
        let revision = Revision {
            number,
            arn: format!("arn:task-definition/web:{number}"),
            registered: registered * 1000,
            principal: None,
            by: None,
            commit: Some(format!("commit {number}")),
            rollback_to,
            by_hand: false,
            desired: None,
        };
        (number, revision)
    }

    fn releases(rollouts: Vec<Rollout>, revisions: Vec<(u32, Revision)>) -> Vec<Release> {
        let now = Timestamp::from_second(100_000_000).expect("it is one");
        put_together("web", rollouts, &revisions.into_iter().collect(), now)
    }

    #[test]
    fn a_revision_without_a_rollout_is_unused_or_too_old() {
        let rollouts = vec![rollout(2, 99_999_000, Outcome::Succeeded)];
        let revisions = vec![revision(1, 1_000, None), revision(2, 99_998_000, None), revision(3, 99_999_500, None)];
        let found = releases(rollouts, revisions);
        let found: Vec<(u32, Outcome)> = found.iter().map(|release| (release.release, release.result)).collect();
        assert_eq!(found, [(3, Outcome::NotRolledOut), (2, Outcome::Succeeded), (1, Outcome::Unknown)]);
    }

    #[test]
    fn the_last_good_release_ran_before_the_current_one() {
        use Outcome::{RolledBack, Succeeded};
        let served = [(1, Succeeded), (2, Succeeded), (3, RolledBack), (4, Succeeded)];
        let rollouts = served.map(|(number, result)| rollout(number, i64::from(number), result));
        let revisions = served.map(|(number, _)| revision(number, i64::from(number), None));
        let all = releases(rollouts.into(), revisions.into());
        let good = |running| last_good(&all, running).map(|release| release.release);
        assert_eq!(good(4), Some(2), "3 never served");
        assert_eq!(good(2), Some(1));
        assert_eq!(good(1), None);
    }

    #[test]
    fn a_revision_registered_by_hand_is_skipped() {
        let rollouts = (1..=4).map(|number| rollout(number, i64::from(number), Outcome::Succeeded)).collect();
        // Revision 2 is from stackctl, 3 was registered by hand, and 1 no longer exists.
        let by_hand = |(number, revision)| (number, Revision { by_hand: true, ..revision });
        let revisions = vec![revision(2, 2, None), by_hand(revision(3, 3, None)), revision(4, 4, None)];
        let all = releases(rollouts, revisions);
        assert_eq!(last_good(&all, 4).map(|release| release.release), Some(2));
        assert_eq!(last_good(&all, 2).map(|release| release.release), None);
        assert_eq!(
            all.iter().filter(|release| release.by_hand).map(|release| release.release).collect::<Vec<_>>(),
            [3]
        );
    }

    #[test]
    fn a_second_rollback_goes_further_back() {
        let rollouts = (1..=3).map(|number| rollout(number, i64::from(number), Outcome::Succeeded));
        let mut back = vec![rollout(4, 4, Outcome::Succeeded)];
        back.extend(rollouts);
        let revisions = (1..=3).map(|number| revision(number, i64::from(number), None));
        let all = releases(back, revisions.chain([revision(4, 4, Some(2))]).collect());
        assert_eq!(last_good(&all, 4).map(|release| release.release), Some(1));
    }
}
