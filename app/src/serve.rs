//! `app serve`: serves requests from the start until a graceful shutdown.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use anyhow::{Context, Result};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use uuid::Uuid;

use crate::{
    config::Config,
    db::Database,
    drain::Drain,
    hits::Hits,
    http::{App, router},
    metrics,
};

/// Serves until SIGTERM or SIGINT, and then until the requests in flight are finished.
pub(crate) async fn serve(config: Config) -> Result<()> {
    let listener =
        TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
    // With port 0, the operating system chooses the port. The log shows it.
    let listen = listener.local_addr().context("the listener has no address")?;
    let drain = Drain::default();
    let database = config.database.clone().map(Database::open);
    let hits = config.redis.clone().map(Hits::open).transpose().context("Redis cannot be used")?;
    let instance = Uuid::new_v4().simple().to_string();
    tracing::info!(%listen, instance, version = config.version, database = database.is_some(), redis = hits.is_some(), "serving");
    let app = App {
        config: config.clone(),
        database,
        hits,
        drain: drain.clone(),
        metrics: metrics::start()?,
        instance,
        started: Instant::now(),
    };
    let service = router(Arc::new(app)).into_make_service_with_connect_info::<SocketAddr>();
    // No idle timeout: if this side closed a connection while the load balancer sends a request on it, the client would
    // get a 502. The load balancer closes idle connections after one minute.
    axum::serve(listener, service).with_graceful_shutdown(last_request(config, drain)).await?;
    tracing::info!("done");
    Ok(())
}

/// Waits until the server may stop: after a signal, the grace period and the last request in flight.
async fn last_request(config: Config, drain: Drain) {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        tracing::error!("signals cannot be received");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!(in_flight = drain.in_flight(), "draining");
    drain.begin();
    tokio::time::sleep(config.drain_grace).await;
    drain.idle().await;
}
