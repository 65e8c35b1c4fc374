//! The loading of a dump into the database: a one-off task beside it that fetches the dump from the stack's registry and
//! hands it to psql, run to its exit code.
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

/// The loading of a dump.
pub type DatabaseLoad = DatabaseTask<Load>;

/// What that task is for.
pub struct Load;

/// What its task definition, its log group and all else that is there for it are called.
pub const TASK: &str = Load::NAME;

/// The variable with the sum of the packed dump.
pub const SHA256: &str = "SHA256";

/// The variable that says whether the dump takes the place of the whole database: `yes` or `no`.
pub const REPLACE: &str = "REPLACE";

/// Whether the script came to its end before the task had this exit code. One that is killed has 128 and the number of SIGKILL.
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
    // A dump of the largest size takes some hours, most of them for its indexes.
    const LIMIT: Duration = Duration::from_secs(12 * 3600);
    // The command that waits for an earlier load of the same dump goes before.
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
