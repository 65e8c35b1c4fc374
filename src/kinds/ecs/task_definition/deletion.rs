//! The deletion of a family with all its revisions, and what ECS says of those that it does not delete.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{Failure as SdkFailure, TaskDefinitionStatus};

use super::family;
use crate::{
    aws::{Once, Outcome},
    kind::Context,
    model::Failure,
};

/// How many revisions one `DeleteTaskDefinitions` call takes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html>
const DELETED_AT_ONCE: usize = 10;

/// ECS's code for a revision that does not exist.
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
        // Reads lag writes: one that is being deleted already may be listed as active. If ECS refuses for another
        // reason, the revision stays active, and ECS says so when it is to delete it.
        call.send().await.or_absent("DeregisterTaskDefinition", &["ClientException"])?;
    }
    // A list of the inactive ones that is read only now may not have those that were just deregistered.
    let all: BTreeSet<String> = active.into_iter().chain(inactive).collect();
    for some in all.into_iter().collect::<Vec<_>>().chunks(DELETED_AT_ONCE) {
        let call = cx.aws.ecs.delete_task_definitions().set_task_definitions(Some(some.to_vec()));
        let answer = call.customize().once().send().await.during("DeleteTaskDefinitions")?;
        refused(answer.failures())?;
    }
    Ok(())
}

/// The failure that ECS tells of in an answer that is otherwise a success. A revision that is not there is none.
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
    fn a_revision_that_ecs_does_not_delete_is_a_failure() {
        let failure = |reason: &str| SdkFailure::builder().arn("web:1").reason(reason).build();
        assert!(refused(&[]).is_ok() && refused(&[failure("MISSING")]).is_ok());
        let failure = refused(&[failure("MISSING"), failure("it is still active")]).expect_err("one is left");
        assert!(failure.to_string().contains("web:1: it is still active"), "{failure}");
    }
}
