//! The actions of EventBridge and its Scheduler: starting tasks and publishing to topics, with the permissions of the
//! target's role.

use serde_json::{Value, json};

use super::{definitions, fargate::Ecs, input::text, tasks};
use crate::{api::ApiError, permissions};

impl Ecs {
    /// Starts the task of a schedule's target.
    pub(crate) async fn start_on_time(&self, schedule: &str, target: &Value) -> Result<(), ApiError> {
        self.start_target(format!("chronon-schedule/{schedule}"), target).await
    }

    /// Returns the rules of EventBridge with their targets.
    pub(crate) async fn rules(&self) -> Value {
        self.works.moto.get("/rules").await.unwrap_or_default()
    }

    /// Publishes a message to the topic of a target.
    pub(crate) async fn tell(&self, target: &Value, message: &str) -> Result<(), ApiError> {
        let (role, topic) = (text(target, "RoleArn"), text(target, "Arn"));
        if !permissions::allows(&self.roles().await, role, "sns:Publish", topic) {
            let message = format!("{role} is not authorized to perform: sns:Publish on resource: {topic}");
            return Err(ApiError::client("AccessDeniedException", message));
        }
        drop(self.works.moto.put("/publish", &json!({ "topic": topic, "message": message })).await);
        Ok(())
    }

    /// Starts the task of a target, with this name in `startedBy`.
    /// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_EcsParameters.html>,
    /// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_EcsParameters.html>
    pub(crate) async fn start_target(&self, started_by: String, target: &Value) -> Result<(), ApiError> {
        let roles = self.roles().await;
        let (role, parameters) = (text(target, "RoleArn"), &target["EcsParameters"]);
        let vpc = &parameters["NetworkConfiguration"]["awsvpcConfiguration"];
        let input: Value = serde_json::from_str(target["Input"].as_str().unwrap_or("{}")).unwrap_or_default();
        let call = json!({
            "cluster": target["Arn"],
            "taskDefinition": parameters["TaskDefinitionArn"],
            "launchType": parameters["LaunchType"],
            "group": parameters["Group"],
            "startedBy": started_by,
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
            // A definition without a role needs no iam:PassRole.
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
