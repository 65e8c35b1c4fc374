//! `stackctl unlock`: shows who holds the stack's lock, and removes it.

use clap::Args;

use crate::{
    cli::{change::confirm, error::Stop, global::Global, project::Project},
    engine::{Lock, Seen},
    exit,
    output::Output,
};

/// Arguments of `stackctl unlock`.
#[derive(Debug, Args)]
#[command(after_help = "The lock of a run that was killed expires after one minute.\n\n\
    Example:\n  \
    stackctl unlock")]
pub(in crate::cli) struct Unlock {}

impl Unlock {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let (id, store) = (&project.cx.id, project.lock_store());
        let said = |locked_by: Option<String>, removed: bool| {
            if output.is_json() {
                output.document(&serde_json::json!({ "locked_by": locked_by, "removed": removed }));
            }
        };
        let Some(Seen { holder, stands }) = Lock::look(&store).await? else {
            output.status(&format!("{id} is not locked."));
            said(None, false);
            return Ok(exit::DONE);
        };
        let over = if stands { "" } else { " It has expired: the next run takes it over." };
        output.status(&format!("{id} is locked by {holder}.{over}"));
        let question = "Remove the lock? If that run is still active, it stops at its next step. Type \"yes\"";
        confirm(question, "yes", "add --yes to remove the lock without asking", global, output)?;
        let removed = Lock::remove(&store, &holder).await?;
        output.status(if removed {
            "Removed the lock."
        } else {
            "The lock was released in the meantime; another run may hold it now."
        });
        said(Some(holder.to_string()), removed);
        Ok(exit::DONE)
    }
}
