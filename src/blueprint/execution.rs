//! The permissions that ECS needs to start a task: to write its log, and to pull its image and the image of GuardDuty's
//! agent.

use crate::{kinds::iam::role, model::Input};

/// The repository of the agent that GuardDuty adds to each Fargate task when Runtime Monitoring is on. It is in an
/// account of AWS that differs by region. Without permission to pull the agent, the task runs without monitoring and
/// reports a failed image pull.
/// <https://docs.aws.amazon.com/guardduty/latest/ug/prereq-runtime-monitoring-ecs-support.html#before-enable-runtime-monitoring-ecs>,
/// <https://docs.aws.amazon.com/guardduty/latest/ug/ecs-runtime-agent-ecr-image-uri.html>
const AGENT: &str = "arn:aws:ecr:*:*:repository/aws-guardduty-agent-fargate";

/// What a role needs that starts tasks with this log, and with images of these repositories of the stack.
pub(super) fn statements(streams: Input, repositories: impl IntoIterator<Item = Input>) -> Vec<role::Statement> {
    let pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    vec![
        role::Statement::new(&["logs:CreateLogStream", "logs:PutLogEvents"], vec![streams]),
        role::Statement::new(&pull, repositories.into_iter().chain([AGENT.into()]).collect()),
        // The one action of these that AWS does not restrict to a repository.
        role::Statement::new(&["ecr:GetAuthorizationToken"], vec!["*".into()]),
    ]
}
