//! The service that stack.yaml deploys: visitors, rates, people and palindromes, and its state.
//!
//! `app serve` (the default) serves requests. The other commands run once and end: `app migrate` updates the database's
//! schema, `app import people FILE.csv` adds the people of a file, `app report` logs the number of rows of each kind.

mod config;
mod contract;
mod db;
mod drain;
mod hits;
mod http;
mod logging;
mod metrics;
mod migrations;
mod overview;
mod palindromes;
mod people;
mod rates;
mod serve;
mod visitors;

use std::process::ExitCode;

use config::Config;

/// The exit code for an invalid command line or environment.
const USAGE: u8 = 2;

/// The available commands, for error messages.
const COMMANDS: &str = "serve, migrate, import people FILE.csv, report";

fn main() -> ExitCode {
    logging::start();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let config = match Config::from_environment(&|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problem) => {
            tracing::error!("{problem}");
            return ExitCode::from(USAGE);
        }
    };
    // This selects the provider explicitly, even if a dependency adds another one. Only a second call could fail.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("no asynchronous runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        [] | ["serve"] => runtime.block_on(serve::serve(config)),
        ["migrate"] => runtime.block_on(migrations::migrate(&config)),
        ["import", "people", file] => runtime.block_on(people::import(&config, file)),
        ["report"] => runtime.block_on(overview::report(&config)),
        other => {
            tracing::error!("there is no command `{}`; there are {COMMANDS}", other.join(" "));
            return ExitCode::from(USAGE);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
