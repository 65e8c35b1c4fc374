//! Tasks that EventBridge Scheduler starts, with what its role may do and nothing else.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Ecs, definitions, permissions, tasks, text};
use crate::{api::ApiError, region::Region};

impl Ecs {
    /// Whether this service may assume the role now.
    pub(crate) async fn may_be_assumed(&self, region: &Region, role: &str, principal: &str) -> bool {
        let roles = permissions::roles(region).await;
        let trusts = roles[role]["trusts"].as_array().is_some_and(|trusts| trusts.iter().any(|one| one == principal));
        trusts && roles[role]["assumable"] == true
    }

    /// Starts the task of a schedule's target.
    /// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_EcsParameters.html>
    pub(crate) async fn start_on_time(
        self: &Arc<Self>,
        region: &Arc<Region>,
        schedule: &str,
        target: &Value,
    ) -> Result<(), ApiError> {
        let roles = permissions::roles(region).await;
        let (role, parameters) = (text(target, "RoleArn"), &target["EcsParameters"]);
        let vpc = &parameters["NetworkConfiguration"]["awsvpcConfiguration"];
        let input: Value = serde_json::from_str(target["Input"].as_str().unwrap_or("{}")).unwrap_or_default();
        let call = json!({
            "cluster": target["Arn"],
            "taskDefinition": parameters["TaskDefinitionArn"],
            "launchType": parameters["LaunchType"],
            "group": parameters["Group"],
            "startedBy": format!("chronon-schedule/{schedule}"),
            "networkConfiguration": { "awsvpcConfiguration": {
                "subnets": vpc["Subnets"],
                "securityGroups": vpc["SecurityGroups"],
                "assignPublicIp": vpc["AssignPublicIp"],
            } },
            "overrides": input,
        });
        {
            let mut state = self.state();
            let definition = definitions::find(&state, text(parameters, "TaskDefinitionArn"));
            let definition = definition.map(|found| (found.arn.clone(), found.document.clone()));
            let (arn, document) = definition.unwrap_or_default();
            let passed = ["executionRoleArn", "taskRoleArn"].map(|key| ("iam:PassRole", text(&document, key)));
            for (action, resource) in [("ecs:RunTask", arn.as_str())].into_iter().chain(passed) {
                if !permissions::allows(&roles, role, action, resource) {
                    let message = format!("{role} is not authorized to perform: {action} on resource: {resource}");
                    return Err(ApiError::client("AccessDeniedException", message));
                }
            }
            tasks::run(&mut state, &call, &roles)?;
        }
        self.wake();
        Ok(())
    }
}
