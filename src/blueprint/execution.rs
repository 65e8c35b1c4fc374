//! What ECS itself may do to start a task: write its log, and pull its image and that of GuardDuty's agent.

use crate::{kinds::iam::role, model::Input};

/// Where GuardDuty keeps the agent that it puts into each Fargate task once Runtime Monitoring is on. The repository is in an
/// account of AWS's, another one in each region. Without the right to pull it, the task runs unwatched, and says that it could
/// not pull an image.
/// <https://docs.aws.amazon.com/guardduty/latest/ug/prereq-runtime-monitoring-ecs-support.html#before-enable-runtime-monitoring-ecs>,
/// <https://docs.aws.amazon.com/guardduty/latest/ug/ecs-runtime-agent-ecr-image-uri.html>
const AGENT: &str = "arn:aws:ecr:*:*:repository/aws-guardduty-agent-fargate";

/// What a role needs that starts tasks with this log, and with images of the stack's own `repository`, if it is one of those.
pub(super) fn statements(streams: Input, repository: Option<Input>) -> Vec<role::Statement> {
    let pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    vec![
        role::Statement::new(&["logs:CreateLogStream", "logs:PutLogEvents"], vec![streams]),
        role::Statement::new(&pull, repository.into_iter().chain([AGENT.into()]).collect()),
        // The one action of these that AWS does not restrict to a repository.
        role::Statement::new(&["ecr:GetAuthorizationToken"], vec!["*".into()]),
    ]
}
