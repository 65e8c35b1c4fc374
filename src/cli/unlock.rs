//! `stackctl unlock`: shows who holds the stack's lock, and removes it.

use clap::Args;

use super::{Global, Stop, project::Project};
use crate::{engine::Lock, exit, output::Output};

/// Arguments of `stackctl unlock`.
#[derive(Debug, Args)]
#[command(after_help = "The lock of a run that was killed ends by itself a minute after its last sign of life.\n\n\
    Example:\n  \
    stackctl unlock")]
pub(super) struct Unlock {}

impl Unlock {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let id = &project.cx.id;
        let said = |locked_by: Option<String>, removed: bool| {
            if output.is_json() {
                output.document(&serde_json::json!({ "locked_by": locked_by, "removed": removed }));
            }
        };
        let Some(holder) = Lock::holder(&project.cx.aws, id).await? else {
            output.status(&format!("{id} is not locked."));
            said(None, false);
            return Ok(exit::DONE);
        };
        output.status(&format!("{id} is locked by {holder}."));
        if !global.yes {
            match output.ask("Remove the lock? If that run is still at work, two will be. Only `yes` will do") {
                Some(answer) if answer.trim() == "yes" => {}
                Some(_) => return Err(Stop::Declined),
                None => {
                    return Err(Stop::usage(
                        format!("{id} is locked by {holder}, and there is no terminal to ask on"),
                        "add --yes to remove the lock without a question",
                    ));
                }
            }
        }
        Lock::remove(&project.cx.aws, id).await?;
        output.status("The lock is removed.");
        said(Some(holder.to_string()), true);
        Ok(exit::DONE)
    }
}
