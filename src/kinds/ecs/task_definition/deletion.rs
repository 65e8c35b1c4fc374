//! Deletes a family with all its revisions, and reports the revisions that ECS does not delete.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{Failure as SdkFailure, TaskDefinitionStatus};

use super::family;
use crate::{
    aws::{Once, Outcome},
    kind::Context,
    model::Failure,
};

/// The maximum number of revisions in one `DeleteTaskDefinitions` call.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html>
const DELETED_AT_ONCE: usize = 10;

/// The ECS failure reason for a revision that does not exist.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html>
const MISSING: &str = "MISSING";

/// Deletes all revisions of `family`.
pub(super) async fn delete(cx: &Context, family: &str) -> Result<(), Failure> {
    let (active, inactive) = futures::try_join!(
        family::revisions(cx, family, TaskDefinitionStatus::Active),
        family::revisions(cx, family, TaskDefinitionStatus::Inactive),
    )?;
    for active in &active {
        let call = cx.aws.ecs.deregister_task_definition().task_definition(active).customize().once();
        // A stale list may show a revision as active that is already being deleted. If ECS rejects the call for another
        // reason, the revision stays active, and the deletion below reports it.
        call.send().await.or_absent("DeregisterTaskDefinition", &["ClientException"])?;
    }
    // A list of inactive revisions that is read only now may lack those that were just deregistered.
    let all: BTreeSet<String> = active.into_iter().chain(inactive).collect();
    for some in all.into_iter().collect::<Vec<_>>().chunks(DELETED_AT_ONCE) {
        let call = cx.aws.ecs.delete_task_definitions().set_task_definitions(Some(some.to_vec()));
        let answer = call.customize().once().send().await.during("DeleteTaskDefinitions")?;
        refused(answer.failures())?;
    }
    Ok(())
}

/// Returns the first failure in an otherwise successful response, as an error. A missing revision is not a failure.
fn refused(failures: &[SdkFailure]) -> Result<(), Failure> {
    match failures.iter().find(|failure| failure.reason() != Some(MISSING)) {
        Some(failure) => {
            let texts = [failure.arn(), failure.reason(), failure.detail()];
            let message = texts.into_iter().flatten().collect::<Vec<_>>().join(": ");
            Err(Failure::refused("DeleteTaskDefinitions", message))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revision_that_ecs_does_not_delete_is_an_error() {
        let failure = |reason: &str| SdkFailure::builder().arn("web:1").reason(reason).build();
        assert!(refused(&[]).is_ok() && refused(&[failure("MISSING")]).is_ok());
        let failure = refused(&[failure("MISSING"), failure("it is still active")]).expect_err("one is left");
        assert!(failure.to_string().contains("web:1: it is still active"), "{failure}");
    }
}
