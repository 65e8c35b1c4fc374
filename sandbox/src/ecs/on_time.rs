//! Tasks that EventBridge Scheduler starts, with what its role may do and nothing else.

use serde_json::{Value, json};

use super::{definitions, fargate::Ecs, input::text, tasks};
use crate::{api::ApiError, permissions};

impl Ecs {
    /// Starts the task of a schedule's target.
    /// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_EcsParameters.html>
    pub(crate) async fn start_on_time(&self, schedule: &str, target: &Value) -> Result<(), ApiError> {
        let roles = self.roles().await;
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
            // A definition without a role hands none over.
            let passed = ["executionRoleArn", "taskRoleArn"].map(|key| text(&document, key));
            let passed = passed.into_iter().filter(|role| !role.is_empty()).map(|role| ("iam:PassRole", role));
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
