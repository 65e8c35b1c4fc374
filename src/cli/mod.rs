//! The command line: the global options, the commands, and what they share.

mod change;
mod commands;
mod earlier_load;
mod error;
mod global;
mod interrupt;
mod mistakes;
mod project;
mod provenance;
mod renamed;
mod rollback_offer;
mod saved_plan;
mod signals;
mod target;
mod unconfirmed;
mod url;
mod web_errors;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

pub use commands::release_part;

use crate::{exit, output::Output};
use commands::Command;
use global::Global;

/// Create and update on AWS what stack.yaml describes: network, database, Fargate services, load balancer.
#[derive(Debug, Parser)]
#[command(name = "stackctl", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The whole command line.
fn command() -> clap::Command {
    let program = Cli::command();
    let file = program.get_arguments().find(|argument| argument.get_id() == "file").cloned();
    // `-f` follows a log in every tool. `--file` keeps its long form there.
    program.mut_subcommand("logs", |logs| logs.args(file.map(|file| file.short(None).global(false))))
}

/// Parses the command line, runs the command and says how it ended.
pub fn main() -> ExitCode {
    let parsed = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed.map_err(mistakes::explained) {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` are errors in clap too.
            let code = if error.use_stderr() { exit::USAGE } else { exit::DONE };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    if !cli.command.takes_output_file()
        && let Some(error) = cli.global.output.refused(command())
    {
        drop(error.print());
        return ExitCode::from(exit::USAGE);
    }
    let output = Output::new(cli.global.output.format(), cli.global.quiet).with_details(cli.global.details);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&format!("no asynchronous runtime: {error}"), None);
            return ExitCode::from(exit::FAILED);
        }
    };
    let code = match runtime.block_on(cli.command.run(command(), &cli.global, &output)) {
        Ok(code) => code,
        Err(stop) => stop.report(&output),
    };
    // An interrupted build must not keep the process from exiting.
    runtime.shutdown_background();
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    fn cli(words: &str) -> Cli {
        let matches = command().try_get_matches_from(words.split(' ')).expect("it can be read");
        Cli::from_arg_matches(&matches).expect("it is whole")
    }

    #[test]
    fn short_f_follows_a_log_and_names_a_file_elsewhere() {
        let file = |words: &str| cli(words).global.file.display().to_string();
        assert_eq!(file("stackctl plan -f other.yaml"), "other.yaml");
        assert_eq!(file("stackctl -f other.yaml logs -f"), "other.yaml");
        assert_eq!(file("stackctl logs -f web --file other.yaml"), "other.yaml");
        assert_eq!(file("stackctl logs -f web"), "stack.yaml");
        let follows = |words: &str| matches!(cli(words).command, Command::Logs(logs) if logs.follows());
        assert!(follows("stackctl logs -f") && follows("stackctl logs -F") && !follows("stackctl logs"));
    }

    #[test]
    fn only_a_conversion_may_write_its_output_to_a_file() {
        let plan = cli("stackctl plan --output xml");
        assert!(!plan.command.takes_output_file());
        let error = plan.global.output.refused(command()).expect("it is no format").to_string();
        assert!(
            error.contains("invalid value 'xml' for '--output <FORMAT>'") && error.contains("human, json"),
            "{error}"
        );
        assert!(cli("stackctl init --from compose --output -").command.takes_output_file());
        assert!(cli("stackctl plan --output json").global.output.refused(command()).is_none());
    }

    /// The verbs that may start a help text.
    const VERBS: &[&str] = &[
        "Bring", "Build", "Change", "Check", "Connect", "Create", "Delete", "Estimate", "Forward", "List", "Load",
        "Print", "Roll", "Run", "Set", "Show", "Start", "Stop", "Write",
    ];

    #[test]
    fn every_help_text_starts_with_an_imperative() {
        fn check(command: &clap::Command) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let verb = about.split(' ').next().unwrap_or_default();
            assert!(VERBS.contains(&verb), "{}: `{about}` starts with no verb of VERBS", command.get_name());
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }

    #[test]
    fn every_help_text_is_a_phrase_of_two_lines_at_most() {
        fn check(command: &clap::Command) {
            let texts = command.get_arguments().filter_map(clap::Arg::get_help).chain(command.get_about());
            for text in texts.map(ToString::to_string) {
                let words = text.chars().count();
                assert!(words <= 160 && !text.ends_with('.'), "{}: {words} characters: `{text}`", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }

    /// Returns the commands without subcommands.
    fn leaves(command: &clap::Command) -> Vec<&clap::Command> {
        let below: Vec<&clap::Command> = command.get_subcommands().flat_map(leaves).collect();
        if below.is_empty() { vec![command] } else { below }
    }

    #[test]
    fn every_commands_help_has_an_example() {
        let cli = command();
        // What the sandbox can be told has its examples together.
        let others = cli.get_subcommands().filter(|command| command.get_name() != "sandbox").flat_map(leaves);
        let sandbox = cli.find_subcommand("sandbox").expect("there is one");
        for command in others.chain([sandbox]) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let name = command.get_name();
            assert!(help.contains("Example") && help.contains(name), "{name}: {help}");
        }
    }
}
