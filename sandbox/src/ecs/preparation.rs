//! Simulates a new role that is not known everywhere at AWS yet, so that ECS cannot prepare a one-off task.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html>

use super::{definitions, fargate::Ecs, input::text};

/// Returns the stop reason of the task `arn` if it is one of the first `unprepared` one-off tasks with the execution
/// role `role`, or `None` if it may start.
pub(super) fn refusal(ecs: &Ecs, arn: &str, role: &str, unprepared: usize) -> Option<String> {
    if unprepared == 0 {
        return None;
    }
    let state = ecs.state();
    let has_role = |definition: &str| {
        definitions::find(&state, definition).is_some_and(|found| text(&found.document, "executionRoleArn") == role)
    };
    let one_off = |arn: &str| state.tasks.get(arn).is_some_and(|task| task.service.is_none());
    let others =
        state.tasks.values().filter(|task| task.arn != arn && one_off(&task.arn) && has_role(&task.definition));
    (one_off(arn) && others.count() < unprepared).then(|| {
        format!(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to \
             retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: {role} is not authorized to \
             perform: ecr:GetAuthorizationToken on resource: *"
        )
    })
}
