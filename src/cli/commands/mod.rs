//! The commands. Each has a file with its arguments and its `run`.

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
    /// Write a stack.yaml for the project in this folder, or a pipeline that deploys it.
    Init(Box<init::Init>),
    /// Check stack.yaml and all its environments, without calling AWS.
    Validate(validate::Validate),
    /// Show what `up` would change.
    Plan(plan::PlanArgs),
    /// Create or update the stack, and print its URL.
    Up(up::Up),
    /// Build the images and release them to the services.
    Deploy(deploy::Deploy),
    /// Show the services, the resources and the URL.
    Status(status::Status),
    /// Show the log of one service or of all services.
    Logs(logs::Logs),
    /// List the releases with their time, commit, author and result.
    Releases(releases::Releases),
    /// Roll a service back to an earlier release.
    Rollback(rollback::Rollback),
    /// Run a command in a new task with a service's image, environment and secrets.
    Run(run::Run),
    /// Run a command, such as a shell, in a running task.
    Exec(exec::Exec),
    /// Forward a local port to the database, the cache or a task.
    Forward(forward::ForwardArgs),
    /// List the jobs with their last and next runs, or run one now.
    Jobs(jobs::Jobs),
    /// List the secrets, set a secret, or rotate a password.
    Secrets(secrets::Secrets),
    /// Load a dump into the database, or connect to it with psql.
    Db(db::Db),
    /// Bring an existing resource into this stack.
    Adopt(adopt::Adopt),
    /// Delete all resources of the stack.
    Destroy(destroy::Destroy),
    /// Show who holds the lock of the stack, and remove it.
    Unlock(unlock::Unlock),
    /// Estimate the monthly cost of the stack from list prices.
    Cost(cost::CostArgs),
    /// Print the minimal IAM policy for this stack.
    Policy(policy::PolicyArgs),
    /// Run a local sandbox to try stackctl without an AWS account.
    Sandbox(sandbox::Sandbox),
    /// Print the JSON Schema of stack.yaml for editors.
    Schema(schema::Schema),
    /// Print a shell completion script.
    Completions(completions::Completions),
    /// Write a manual page for each command.
    Man(man::Man),
}

impl Command {
    /// Returns whether `--output` may name a file to write.
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
