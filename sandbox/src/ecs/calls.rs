//! Dispatches the calls of ECS's API.

use serde_json::Value;

use super::{clusters, definitions, exec, fargate::Ecs, history, rollback, services, tagging, tasks};
use crate::api::{Answer, ApiError, Call};

impl Ecs {
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Operations.html>
    pub(crate) async fn call(&self, call: &Call) -> Result<Answer, ApiError> {
        let input = call.json()?;
        if matches!(call.operation.as_str(), "CreateService" | "UpdateService") {
            // A killed caller may have created a listener that the load balancers have not picked up yet.
            self.works.alb.refresh().await;
        }
        let answer = {
            let roles = match call.operation.as_str() {
                "CreateService" | "RunTask" => self.roles().await,
                _ => Value::Null,
            };
            let ways = services::Ways { alb: &self.works.alb, cloud_map: &self.works.cloud_map };
            let mut state = self.state();
            let at = &call.region;
            match call.operation.as_str() {
                "CreateCluster" => Ok(clusters::create(&mut state, at, &input)),
                "PutClusterCapacityProviders" => clusters::put_capacity_providers(&mut state, &input),
                "DescribeClusters" => Ok(clusters::describe(&state, &input)),
                "ListClusters" => clusters::list(&state, &input),
                "DeleteCluster" => clusters::delete(&mut state, &input),
                "RegisterTaskDefinition" => definitions::refuse_concurrent(
                    &state,
                    &input,
                    self.works.place.settings.faults.plan().revision_pause,
                )
                .and_then(|()| definitions::register(&mut state, at, &input)),
                "DescribeTaskDefinition" => definitions::describe(&state, &input),
                "ListTaskDefinitions" => definitions::list(&state, &input),
                "ListTaskDefinitionFamilies" => definitions::families(&state, &input),
                "DeregisterTaskDefinition" => definitions::deregister(&mut state, &input),
                "DeleteTaskDefinitions" => Ok(definitions::delete(&mut state, &input)),
                "CreateService" => services::create(ways, &mut state, at, &input, &roles),
                "UpdateService" => services::update(ways, &mut state, &input),
                "DeleteService" => services::delete(&mut state, &input),
                "DescribeServices" => services::describe(&state, &input),
                "ListServiceDeployments" => history::deployments(&state, &input),
                "DescribeServiceRevisions" => history::revisions(&state, &input),
                "StopServiceDeployment" => rollback::stop(&mut state, &input),
                "ListServices" => services::list(&state, &input),
                "RunTask" => tasks::run(&mut state, &input, &roles),
                "StopTask" => tasks::stop(&mut state, &input),
                "ExecuteCommand" => exec::execute(&self.works.sessions, &state, &input),
                "DescribeTasks" => tasks::describe(&state, &input),
                "TagResource" => tagging::tag(&mut state, &input),
                "ListTasks" => tasks::list(&state, &input),
                _ => Err(ApiError::not_implemented(call)),
            }
        }?;
        if call.is_mutating() {
            self.wake();
        }
        Ok(Answer::json(&answer))
    }
}
