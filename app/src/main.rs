//! The service that stack.yaml deploys: it counts visitors, answers rates, and says how it is.
//!
//! `app serve` (the default) serves; `app migrate` brings the database's schema up to date and ends.

mod config;
mod db;
mod drain;
mod http;
mod logging;
mod metrics;
mod rates;
mod serve;
mod visitors;

use std::process::ExitCode;

use config::Config;

/// The command line or the environment is wrong.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    logging::start();
    let command = std::env::args().nth(1).unwrap_or_else(|| "serve".to_owned());
    let config = match Config::from_environment(&|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(problem) => {
            tracing::error!("{problem}");
            return ExitCode::from(USAGE);
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("no asynchronous runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = match command.as_str() {
        "serve" => runtime.block_on(serve::serve(config)),
        "migrate" => runtime.block_on(db::migrate(&config)),
        other => {
            tracing::error!("there is no command `{other}`; there are serve and migrate");
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
