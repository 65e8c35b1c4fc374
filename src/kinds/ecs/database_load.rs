//! The loading of a dump into the database: a one-off task beside it that fetches the dump from the stack's registry and
//! hands it to psql, run to its exit code.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

use std::time::Duration;

use crate::{
    kind::Doc,
    kinds::ecs::database_task::{DatabaseTask, Purpose},
};

/// The loading of a dump.
pub type DatabaseLoad = DatabaseTask<Load>;

/// What that task is for.
pub struct Load;

/// What its task definition, its log group and all else that is there for it are called.
pub const TASK: &str = Load::NAME;

impl Purpose for Load {
    const NAME: &'static str = "database_load";
    const DOC: Doc = Doc {
        summary: "Loads a dump into the database: a task that runs once.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html",
    };
    const RUN_NOTE: &'static str = "runs once and loads the dump: all of it, or nothing";
    const USUAL: Duration = Duration::from_secs(90);
    // A dump of the largest size takes some hours, most of them for its indexes.
    const DEADLINE: Duration = Duration::from_secs(12 * 3600);
    const TELLS: bool = true;
    const AGAIN: &'static str = "stackctl db load";
    const FIX: &'static str = "Fix the line of the dump that psql names";

    fn failed(end: &str) -> String {
        format!("the dump could not be loaded, and the database is as it was: {end}")
    }
}
