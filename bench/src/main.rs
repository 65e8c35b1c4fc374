//! Measures stackctl on the sandbox and writes `docs/internals/performance.md`: calls, rounds, bytes, and ratios within
//! one run.

mod baseline;
mod binary;
mod docker;
mod engine;
mod images;
mod journey;
mod needs;
mod project;
mod region;
mod report;
mod rounds;
mod services;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use crate::{region::Pace, report::Report};

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Part {
    /// The commands, the critical path and the script.
    Commands,
    /// The life of a stack within AWS's request limits.
    Limits,
    /// The images.
    Image,
    /// The size and the start time of the program.
    Program,
}

/// Measures stackctl on the sandbox.
#[derive(Parser)]
struct Options {
    /// The numbers of services to measure.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 50, 200])]
    services: Vec<usize>,
    /// The numbers of services for which a script also creates the stack.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 50])]
    baseline: Vec<usize>,
    /// The numbers of services to measure within AWS's request limits.
    #[arg(long, value_delimiter = ',', default_values_t = [50])]
    limits: Vec<usize>,
    /// Measure only these parts; with `--write`, the sections of other parts do not change.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// The latency of each call, in milliseconds.
    #[arg(long, default_value_t = 50)]
    latency_ms: u64,
    /// The duration of creating databases, load balancers and NAT gateways, as a share of AWS's usual times.
    #[arg(long, default_value_t = 0.05)]
    provision_scale: f64,
    /// The duration of health checks and draining, as a share of the configured times.
    #[arg(long, default_value_t = 0.1)]
    rollout_scale: f64,
    /// The file to write the page to; without it, the page only goes to standard output.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(options: &Options) -> Result<()> {
    let pace = Pace {
        latency_ms: options.latency_ms,
        provision_scale: options.provision_scale,
        rollout_scale: options.rollout_scale,
        limits: false,
    };
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    let mut report = Report::new(pace);
    if wanted(Part::Program) {
        report.binary = Some(binary::measure()?);
    }
    for &services in options.services.iter().filter(|_| wanted(Part::Commands)) {
        eprintln!("a stack of {services}: up, up again, plan, deploy, status, destroy");
        let scripted = options.baseline.contains(&services);
        report.journeys.push(journey::measure(pace, services, scripted).await?);
    }
    for &services in options.limits.iter().filter(|_| wanted(Part::Limits)) {
        eprintln!("a stack of {services} within AWS's request limits: up, up again, deploy, destroy");
        report.limited.push(journey::within_limits(pace, services).await?);
    }
    if wanted(Part::Image) {
        eprintln!("the repository's application: its image");
        report.images = images::measure(pace).await?;
    }
    let mut page = report.page();
    println!("{page}");
    if let Some(file) = &options.write {
        if !options.only.is_empty() {
            let before = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            page = report::replaced(&before, &page);
        }
        std::fs::write(file, page).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
