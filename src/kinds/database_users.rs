//! The database's users: a one-off task beside the database that makes its roles as stack.yaml has them, run to its exit
//! code before anything is told how to connect as one of them. What it runs, its task definition says.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ecs_task::{self, Live, OneOff};
use crate::{
    kind::{Context, Kind},
    model::{Address, Change, Failure, Found, Input, Outputs, Phase},
};

/// Who started such a task, as ECS records it.
const STARTED_BY: &str = "stackctl-database-users";

/// What its task definition and its log group are called. The underscore keeps them apart from the services', whose names
/// have none.
pub const TASK: &str = "database_users";

/// The making of a database's users.
pub struct DatabaseUsers;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The cluster's ARN.
    pub cluster: Input,
    /// The task definition's ARN.
    pub task_definition: Input,
    /// Where it runs.
    pub subnets: Vec<Input>,
    /// Lets it reach the database.
    pub security_group: Input,
    /// Whether it gets a public address, to pull its image over.
    pub public_ip: bool,
}

impl Kind for DatabaseUsers {
    type Desired = Desired;
    type Live = Live;

    const NAME: &'static str = "database_users";
    const USES: &'static [&'static str] = &[];
    const LASTING: bool = false;
    const USUAL: Duration = Duration::from_secs(45);
    // Its statements wait 15 seconds for a lock and no longer.
    const DEADLINE: Duration = Duration::from_secs(900);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        ecs_task::newest(cx, STARTED_BY).await
    }

    fn diff(_desired: &Desired, _live: &Live) -> Vec<Change> {
        Vec::new()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        ecs_task::phase(live, |end| format!("the database's users could not be made as stack.yaml has them: {end}"))
    }

    fn outputs(_live: &Live) -> Outputs {
        Outputs::new()
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let one_off = OneOff {
            started_by: STARTED_BY,
            cluster: &desired.cluster,
            task_definition: &desired.task_definition,
            command: None,
            subnets: &desired.subnets,
            security_group: &desired.security_group,
            public_ip: desired.public_ip,
        };
        ecs_task::start(cx, address, &one_off).await
    }

    async fn update(
        _cx: &Context,
        _address: &Address,
        _desired: &Desired,
        live: &Live,
        _changes: &[Change],
    ) -> Result<Live, Failure> {
        Ok(live.clone())
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        ecs_task::stop(cx, live).await
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        ecs_task::passing(failure)
    }

    async fn explain(cx: &Context, live: &Live) -> Vec<String> {
        ecs_task::explain(cx, live, TASK).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_fails_says_what_is_not_as_it_should_be_and_why() {
        let live = Live {
            task: "arn:aws:ecs:eu-west-1:123456789012:task/demo/1".into(),
            cluster: "demo".into(),
            name: "database".into(),
            status: "STOPPED".into(),
            exit_code: Some(3),
            end: "container psql ended with exit code 3".into(),
            created: 0,
        };
        let Phase::Failed(why) = DatabaseUsers::phase(&live, None) else { panic!("it has failed") };
        assert!(why.contains("as stack.yaml has them") && why.contains("exit code 3"), "{why}");
    }
}
