//! The command line: one file a command, with its arguments and its `run`.

mod adopt;
mod carry_out;
mod completions;
mod cost;
mod ctrl_c;
mod db;
mod deploy;
mod destroy;
mod error;
mod exec;
mod forward;
mod go_back;
mod init;
mod logs;
mod man;
mod origin;
mod part;
mod plan;
mod policy;
mod project;
mod releases;
mod reminder;
mod rollback;
mod run;
mod sandbox;
mod saved;
mod schema;
mod secrets;
mod status;
mod unlock;
mod up;
mod url;
mod validate;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};

pub use deploy::release_part;

use crate::{
    exit,
    output::{Format, Output},
};
use error::Stop;

/// Makes one stack.yaml true on AWS: network, database, registry, Fargate services, load balancer.
#[derive(Debug, Parser)]
#[command(name = "stackctl", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Global {
    /// The stack's file.
    #[arg(short, long, global = true, env = "STACKCTL_FILE", default_value = "stack.yaml", value_name = "PATH")]
    file: PathBuf,
    /// The environment, one of `environments:` in stack.yaml.
    #[arg(short, long, global = true, env = "STACKCTL_ENV", default_value = "default", value_name = "NAME")]
    env: String,
    /// Work on the sandbox that `stackctl sandbox start` runs, not on AWS.
    #[arg(long, global = true, env = "STACKCTL_SANDBOX", value_parser = clap::builder::FalseyValueParser::new(), num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    sandbox: bool,
    /// For people, or for programs.
    #[arg(short, long, global = true, env = "STACKCTL_OUTPUT", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    /// Carry out without asking.
    #[arg(short, long, alias = "auto-approve", global = true, env = "STACKCTL_YES", value_parser = clap::builder::FalseyValueParser::new(), num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    yes: bool,
    /// How long to wait for another run to release the stack's lock, such as `5m`; a bare number is seconds.
    #[arg(long, global = true, env = "STACKCTL_LOCK_TIMEOUT", default_value = "0s", value_parser = duration, value_name = "TIME")]
    lock_timeout: Duration,
    /// Results and errors only.
    #[arg(short, long, global = true, env = "STACKCTL_QUIET", value_parser = clap::builder::FalseyValueParser::new(), num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    quiet: bool,
    /// Say more: the account, the endpoint, every resource that was found.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
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

/// Parses the command line, runs the command and says how it ended.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` come as errors too.
            let code = if error.use_stderr() { exit::USAGE } else { exit::DONE };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let output = Output::new(cli.global.output, cli.global.quiet);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&format!("no asynchronous runtime: {error}"), None);
            return ExitCode::from(exit::FAILED);
        }
    };
    let code = match runtime.block_on(run(&cli, &output)) {
        Ok(code) => code,
        Err(stop) => stop.report(&output),
    };
    // A build that an interrupt left behind must not keep the process from ending.
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn run(cli: &Cli, output: &Output) -> Result<u8, Stop> {
    let global = &cli.global;
    match &cli.command {
        Command::Init(command) => command.run(global, output).await,
        Command::Validate(command) => command.run(global, output),
        Command::Completions(command) => Ok(command.run(output)),
        Command::Man(command) => command.run(output),
        Command::Schema(command) => command.run(output),
        Command::Plan(command) => command.run(global, output).await,
        Command::Cost(command) => command.run(global, output).await,
        Command::Policy(command) => command.run(global, output),
        Command::Up(command) => command.run(global, output).await,
        Command::Deploy(command) => command.run(global, output).await,
        Command::Status(command) => command.run(global, output).await,
        Command::Logs(command) => command.run(global, output).await,
        Command::Releases(command) => command.run(global, output).await,
        Command::Rollback(command) => Box::pin(command.run(global, output)).await,
        Command::Run(command) => Box::pin(command.run(global, output)).await,
        Command::Exec(command) => Box::pin(command.run(global, output)).await,
        Command::Forward(command) => Box::pin(command.run(global, output)).await,
        Command::Secrets(command) => command.run(global, output).await,
        Command::Db(command) => Box::pin(command.run(global, output)).await,
        Command::Adopt(command) => Box::pin(command.run(global, output)).await,
        Command::Destroy(command) => command.run(global, output).await,
        Command::Unlock(command) => command.run(global, output).await,
        Command::Sandbox(command) => command.run(global, output).await,
    }
}

/// A time as people write it: `30s`, `5m`, `1h`, `2d`, or a bare number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().map_err(|_| "expected a time such as 30s, 5m or 1h".to_owned())?;
    let seconds = match unit {
        "" | "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        "d" => number.checked_mul(86_400),
        _ => None,
    };
    seconds.map(Duration::from_secs).ok_or_else(|| "expected a time such as 30s, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// The commands that do something: those that have none below them.
    fn leaves(command: &clap::Command) -> Vec<&clap::Command> {
        let below: Vec<&clap::Command> = command.get_subcommands().flat_map(leaves).collect();
        if below.is_empty() { vec![command] } else { below }
    }

    #[test]
    fn every_commands_help_has_an_example() {
        let cli = Cli::command();
        // What the sandbox can be told has its examples together.
        let others = cli.get_subcommands().filter(|command| command.get_name() != "sandbox").flat_map(leaves);
        let sandbox = cli.find_subcommand("sandbox").expect("there is one");
        for command in others.chain([sandbox]) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let name = command.get_name();
            assert!(help.contains("Example") && help.contains(name), "{name}: {help}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_a_unit() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        assert!(duration("5 minutes").is_err());
        assert!(duration("soon").is_err());
    }
}
