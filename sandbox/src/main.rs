//! A region on this computer: the AWS control plane and the resources that AWS would run, all on loopback.
//!
//! The control plane is moto, made stricter. The gateway in front of it logs calls, adds latency, and handles the
//! services that moto does not run: ECS, ECR with its registry, and target health. Other operations fail with
//! `NotImplementedInSandbox`.

mod alb;
mod api;
mod authority;
mod autoscaling;
mod cache;
mod call_log;
mod children;
mod cloud_map;
mod credentials;
mod ecr;
mod ecs;
mod elasticache;
mod emulator;
mod events;
mod faults;
mod gateway;
mod loopback;
mod moto;
mod permissions;
mod place;
mod rds;
mod region;
mod s3;
mod schedules;
mod secrecy;
mod servers;
mod sessions;
mod settings;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use place::Place;
use region::Region;
use settings::Settings;

#[derive(Parser)]
#[command(version, about = "A region on this computer, for stackctl")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run in the foreground until SIGTERM or SIGINT.
    Serve(Serve),
    /// Keep a warm moto in the foreground, which forks for each sandbox, so that many sandboxes start sooner.
    Warm {
        /// The folder of its program and its socket, `moto.socket`. `STACKCTL_SANDBOX_MOTO` names the socket to
        /// sandboxes.
        #[arg(long)]
        dir: PathBuf,
    },
}

/// The options of `serve`.
#[derive(clap::Args)]
struct Serve {
    /// The folder of its state.
    #[arg(long)]
    dir: PathBuf,
    /// The port of its endpoint; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Latency added to each call, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// How long databases, load balancers and NAT gateways take, as a share of AWS's usual times.
    #[arg(long, default_value_t = 0.01)]
    provision_scale: f64,
    /// How long health checks, grace periods and draining take, as a share of what is configured.
    #[arg(long, default_value_t = 0.1)]
    rollout_scale: f64,
    /// How long it takes until a schedule is due, as a share of what its expression says.
    #[arg(long, default_value_t = 1.0)]
    schedule_scale: f64,
    #[command(flatten)]
    faults: faults::Plan,
}

fn main() -> ExitCode {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let options = match Cli::parse().command {
        Command::Serve(options) => options,
        Command::Warm { dir } => {
            let Err(error) = moto::keep_warm(&dir);
            tracing::error!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("no asynchronous runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Serve) -> Result<()> {
    std::fs::create_dir_all(&options.dir).with_context(|| format!("cannot make {}", options.dir.display()))?;
    let dir = options.dir.canonicalize()?;
    children::may_enter(&dir)?;
    let lost = ["rds", "caches", "images", "tasks", "volumes"].iter().any(|kept| dir.join(kept).exists());
    for kept in ["rds", "caches", "images", "tasks", "volumes", "blobs"] {
        drop(std::fs::remove_dir_all(dir.join(kept)));
    }
    if lost {
        tracing::warn!("the state of an earlier run is gone: a sandbox keeps it only while it runs");
    }
    let loopback = loopback::Loopback::claim()?;
    let postgres = rds::Postgres::find()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", options.port))
        .await
        .with_context(|| format!("port {} of 127.0.0.1 is in use: choose another with --port", options.port))?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let authorities = Arc::new(authority::Authorities::new()?);
    // These files let developers connect to a cache or a database with their own client.
    write_atomically(&dir.join("authority.pem"), authorities.public.certificate().as_bytes())?;
    write_atomically(&dir.join("rds-authority.pem"), authorities.rds.certificate().as_bytes())?;
    let Serve { latency_ms, provision_scale, rollout_scale, schedule_scale, faults, .. } = options;
    let settings = Settings::new(latency_ms, provision_scale, rollout_scale, schedule_scale, faults);
    let requests = gateway::Requests::wanted()?;
    let moto = moto::Moto::start(&dir, &loopback, provision_scale).await?;
    let place = Place::new(dir.clone(), endpoint.clone(), settings, loopback);
    let region = Arc::new(Region::new(place, moto, postgres, authorities, requests));
    region.rds.prepare();
    tokio::spawn(ecs::schedule(Arc::clone(&region.ecs)));
    tokio::spawn(schedules::keep_time(Arc::clone(&region.schedules)));
    let serving = tokio::spawn(gateway::serve(Arc::clone(&region), listener));
    let about = serde_json::json!({
        "endpoint": endpoint, "limits": region.place.settings.faults.plan().limits, "pid": std::process::id(), "subnet": region.place.loopback.prefix(),
        "started": jiff::Timestamp::now().to_string(),
    });
    write_atomically(&dir.join("sandbox.json"), about.to_string().as_bytes())?;
    tracing::info!(%endpoint, dir = %dir.display(), "ready");
    until_stopped().await?;
    tracing::info!("stopping");
    drop(std::fs::remove_file(dir.join("sandbox.json")));
    serving.abort();
    region.ecs.shutdown().await;
    region.rds.shutdown().await;
    region.caches.shutdown().await;
    region.moto.shutdown().await;
    tracing::info!("stopped");
    Ok(())
}

/// Writes a file atomically: a reader sees all of it or none.
fn write_atomically(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, content)?;
    std::fs::rename(beside, path)
}

/// Waits for SIGTERM or SIGINT.
async fn until_stopped() -> Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
