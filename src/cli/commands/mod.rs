//! The commands: one file each, with its arguments and its `run`.

mod adopt;
mod completions;
mod cost;
mod db;
mod deploy;
mod destroy;
mod exec;
mod forward;
mod init;
mod jobs;
mod logs;
mod man;
mod plan;
mod policy;
mod releases;
mod rollback;
mod run;
pub(super) mod sandbox;
mod schema;
mod secrets;
mod status;
mod unlock;
mod up;
mod validate;

use clap::Subcommand;

pub use deploy::release_part;

use crate::{
    cli::{error::Stop, global::Global},
    output::Output,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a first stack.yaml for the project in this folder, or the pipeline that deploys it.
    Init(Box<init::Init>),
    /// Check stack.yaml, every environment of it, without AWS.
    Validate(validate::Validate),
    /// Print the JSON Schema of stack.yaml, for editors.
    Schema(schema::Schema),
    /// Print what a shell completes stackctl's command line by.
    Completions(completions::Completions),
    /// Write the manual, a page for each command.
    Man(man::Man),
    /// Show what `up` would do.
    Plan(plan::PlanArgs),
    /// Estimate what the stack costs a month, by list prices.
    Cost(cost::CostArgs),
    /// Print the least IAM policy for this stack.
    Policy(policy::PolicyArgs),
    /// Make the stack as stack.yaml says; ends with the URL.
    Up(up::Up),
    /// Build the services' images and release them.
    Deploy(deploy::Deploy),
    /// Show every resource with its state, the services and the URL.
    Status(status::Status),
    /// Show what the tasks have written, those of all services interleaved by time.
    Logs(logs::Logs),
    /// Show what was released when, from which commit, by whom, and how it ended.
    Releases(releases::Releases),
    /// Go back to an earlier release of a service.
    Rollback(rollback::Rollback),
    /// Run a command once, in a task with a service's image, environment and secrets.
    Run(run::Run),
    /// List the jobs with their next and last runs, or run one now.
    Jobs(jobs::Jobs),
    /// Run a command in a task that runs, such as a shell.
    Exec(exec::Exec),
    /// Have the private database, the cache or a task on a port of this machine.
    Forward(forward::ForwardArgs),
    /// List the secrets, give one a value, rotate a password.
    Secrets(secrets::Secrets),
    /// Load a dump into the database, or connect to it.
    Db(db::Db),
    /// Take in a resource that exists and is no stack's.
    Adopt(adopt::Adopt),
    /// Delete all that the stack owns.
    Destroy(destroy::Destroy),
    /// Show who holds the stack's lock, and remove it.
    Unlock(unlock::Unlock),
    /// A region on this computer, to try stackctl without an AWS account.
    Sandbox(sandbox::Sandbox),
}

impl Command {
    /// Whether `--output` may name the file that is written.
    pub(super) fn takes_output_file(&self) -> bool {
        matches!(self, Self::Init(command) if command.takes_output_file())
    }

    /// Runs the command. `program` is the whole command line, for the manual and the completions.
    pub(super) async fn run(&self, program: clap::Command, global: &Global, output: &Output) -> Result<u8, Stop> {
        match self {
            Self::Init(command) => command.run(global, output).await,
            Self::Validate(command) => command.run(global, output),
            Self::Completions(command) => Ok(command.run(program, output)),
            Self::Man(command) => command.run(program, output),
            Self::Schema(command) => command.run(output),
            Self::Plan(command) => command.run(global, output).await,
            Self::Cost(command) => command.run(global, output).await,
            Self::Policy(command) => command.run(global, output),
            Self::Up(command) => command.run(global, output).await,
            Self::Deploy(command) => command.run(global, output).await,
            Self::Status(command) => command.run(global, output).await,
            Self::Logs(command) => command.run(global, output).await,
            Self::Releases(command) => command.run(global, output).await,
            Self::Rollback(command) => Box::pin(command.run(global, output)).await,
            Self::Run(command) => Box::pin(command.run(global, output)).await,
            Self::Jobs(command) => Box::pin(command.run(global, output)).await,
            Self::Exec(command) => Box::pin(command.run(global, output)).await,
            Self::Forward(command) => Box::pin(command.run(global, output)).await,
            Self::Secrets(command) => command.run(global, output).await,
            Self::Db(command) => Box::pin(command.run(global, output)).await,
            Self::Adopt(command) => Box::pin(command.run(global, output)).await,
            Self::Destroy(command) => command.run(global, output).await,
            Self::Unlock(command) => command.run(global, output).await,
            Self::Sandbox(command) => command.run(global, output).await,
        }
    }
}
