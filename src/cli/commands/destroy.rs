//! `stackctl destroy`: deletes all resources of the stack.

use clap::Args;

use crate::{
    cli::{
        change::{About, Change, Consent},
        error::Stop,
        global::Global,
        project::Project,
    },
    engine::Lock,
    model::{Failure, Subject},
    output::Output,
};

/// Arguments of `stackctl destroy`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl destroy                   ask for NAME/ENVIRONMENT\n  \
    stackctl destroy --env staging --confirm shop/staging\n  \
    stackctl destroy --unprotect       also a protected database; a final snapshot is kept")]
pub(in crate::cli) struct Destroy {
    /// Confirm with the name of the stack and its environment instead of answering the question.
    #[arg(long, value_name = "NAME/ENVIRONMENT")]
    confirm: Option<String>,
    /// Also delete protected resources such as a database; a final snapshot is kept.
    #[arg(long)]
    unprotect: bool,
}

impl Destroy {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?.deleting_all();
        let name = project.cx.id.to_string();
        if let Some(confirmed) = self.confirm.as_ref().filter(|confirmed| **confirmed != name) {
            return Err(Stop::usage(
                format!("--confirm {confirmed} does not name this stack; nothing was deleted"),
                format!("if you mean this stack, write `--confirm {name}`"),
            ));
        }
        let is_agreed = self.confirm.is_some() || global.yes;
        let consent = if is_agreed { Consent::Given } else { Consent::Name(name) };
        let change = Change {
            command: "destroy",
            consent,
            about: About::Stack,
            unprotect: self.unprotect,
            plan: &|view| project.plan_to_delete(view),
        };
        if is_agreed {
            // No user reads the plan first, so it is made only once, under the lock.
            let destroyed = change.run_locked(&project, output);
            return Ok(project.under_lock("destroy", global, destroyed).await?.code);
        }
        let ended = change.run(&project, global, output).await?;
        if !ended.is_change {
            remove_lock(&project, global).await?;
        }
        Ok(ended.code)
    }
}

/// Removes the lock of a killed run when nothing is left to delete, because no other run would remove it.
///
/// # Errors
/// If another run holds the lock, or has created resources in the meantime.
async fn remove_lock(project: &Project, global: &Global) -> Result<(), Stop> {
    if Lock::look(&project.lock_store()).await?.is_none() {
        return Ok(());
    }
    let still_nothing = async {
        if project.look().await?.live.is_empty() {
            return Ok(());
        }
        let message = "another run has created resources of the stack in the meantime; nothing was deleted";
        Err(Failure::about(Subject::command("destroy"), message).hint(
            "run `stackctl destroy` again to make a new \
         plan",
        ))
    };
    project.under_lock("destroy", global, still_nothing).await
}
