//! The permissions that ECS needs to start a task: to write its log, and to pull its image and the image of GuardDuty's
//! agent.

use crate::{kinds::iam::role, model::Input};

/// The repository of the agent that GuardDuty adds to each Fargate task when Runtime Monitoring is on. It is in an
/// account of AWS that differs by region. Without permission to pull the agent, the task runs without monitoring and
/// reports a failed image pull.
/// <https://docs.aws.amazon.com/guardduty/latest/ug/prereq-runtime-monitoring-ecs-support.html#before-enable-runtime-monitoring-ecs>,
/// <https://docs.aws.amazon.com/guardduty/latest/ug/ecs-runtime-agent-ecr-image-uri.html>
const AGENT: &str = "arn:aws:ecr:*:*:repository/aws-guardduty-agent-fargate";

/// Returns the statements of an execution role for this log, and for images of the stack's `repository`, if there is
/// one.
pub(super) fn statements(streams: Input, repository: Option<Input>) -> Vec<role::Statement> {
    let pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    vec![
        role::Statement::new(&["logs:CreateLogStream", "logs:PutLogEvents"], vec![streams]),
        role::Statement::new(&pull, repository.into_iter().chain([AGENT.into()]).collect()),
        // AWS cannot restrict this action to a repository.
        role::Statement::new(&["ecr:GetAuthorizationToken"], vec!["*".into()]),
    ]
}
