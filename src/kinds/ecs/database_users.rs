//! The task that creates and updates the database roles described in stack.yaml. It runs until it exits, before any
//! service gets the credentials of these roles.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

use std::time::Duration;

pub use crate::kinds::ecs::database_task::{CONTAINER, Desired};
use crate::{
    kind::Doc,
    kinds::ecs::{
        database_task::{DatabaseTask, Purpose},
        task::Live,
    },
};

/// The kind of the task that creates the database users.
pub type DatabaseUsers = DatabaseTask<Users>;

/// The purpose of that task.
pub struct Users;

/// The name of its task definition and its log group.
pub const TASK: &str = Users::NAME;

impl Purpose for Users {
    const NAME: &'static str = "database_users";
    const DOC: Doc = Doc {
        summary: "A task that runs once, and creates and updates the database users described in stack.yaml.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html",
    };
    const RUN_NOTE: &'static str = "runs once, before any task connects as one of these users";
    const USUAL: Duration = Duration::from_secs(45);
    // Its statements wait for a lock for at most 15 seconds.
    const LIMIT: Duration = Duration::from_secs(900);
    const ENDS_EARLIER: bool = true;
    const OVERDUE: &'static str = "It keeps running. The next `stackctl up` stops it before starting another one.";
    const TELLS: bool = false;
    const AGAIN: &'static str = "stackctl up";
    const FIX: &'static str = "Fix the error that psql reports";

    fn failed(live: &Live) -> String {
        format!("could not create or update the database users: {}", live.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_run_reports_what_failed_and_why() {
        let why = Users::failed(&Live::stopped(3, "container psql ended with exit code 3"));
        assert!(why.contains("could not create or update") && why.contains("exit code 3"), "{why}");
    }
}
