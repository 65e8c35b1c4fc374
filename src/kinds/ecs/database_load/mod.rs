//! The task that loads a dump into the database. It fetches the dump from the stack's registry, pipes it to psql, and
//! runs until it exits.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html>

pub mod earlier;

use std::time::Duration;

use crate::{
    kind::Doc,
    kinds::ecs::{
        database_task::{DatabaseTask, Purpose},
        task::Live,
    },
};

/// The kind of the task that loads a dump.
pub type DatabaseLoad = DatabaseTask<Load>;

/// The purpose of that task.
pub struct Load;

/// The name of its task definition, its log group and its other resources.
pub const TASK: &str = Load::NAME;

/// The environment variable with the SHA-256 of the compressed dump.
pub const SHA256: &str = "SHA256";

/// The environment variable that states whether the dump replaces the whole database: `yes` or `no`.
pub const REPLACE: &str = "REPLACE";

/// Whether the script ended without being killed. A killed script has the exit code 128 plus the number of SIGKILL.
pub const fn has_ended_by_itself(exit_code: i32) -> bool {
    exit_code != 137
}

impl Purpose for Load {
    const NAME: &'static str = "database_load";
    const DOC: Doc = Doc {
        summary: "A task that runs once, and loads a dump into the database.",
        page: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/standalone-task-create.html",
    };
    const RUN_NOTE: &'static str = "runs once and loads the complete dump or nothing";
    const USUAL: Duration = Duration::from_secs(90);
    // The largest dump takes some hours, most of them for its indexes.
    const LIMIT: Duration = Duration::from_secs(12 * 3600);
    // The command itself waits for an earlier load of the same dump.
    const ENDS_EARLIER: bool = false;
    const OVERDUE: &'static str = "stackctl stops it now, which undoes what it has loaded. Load the dump in parts.";
    const TELLS: bool = true;
    const AGAIN: &'static str = "stackctl db load";
    const FIX: &'static str = "Fix the line of the dump that psql reports";

    fn failed(live: &Live) -> String {
        let end = &live.end;
        match live.exit_code {
            Some(code) if !has_ended_by_itself(code) => format!("the load was killed before it finished: {end}"),
            _ => format!("could not load the dump; the database is unchanged: {end}"),
        }
    }
}
