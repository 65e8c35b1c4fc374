//! The database: the connection pool, a check whether it is reachable, and connections for commands that run once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// The time that a command that runs once waits for the database.
const PATIENCE: Duration = Duration::from_secs(60);

/// The interval between checks whether the database is reachable.
const LOOK: Duration = Duration::from_secs(2);

/// The time that a request waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(3);

/// The maximum number of connections of one task. A db.t4g.micro allows about 80 in total.
const CONNECTIONS: u32 = 8;

/// The database, which may not be reachable yet.
#[derive(Clone)]
pub(crate) struct Database {
    pool: PgPool,
    reachable: Arc<AtomicBool>,
}

impl Database {
    /// Starts to check for the database, and connects once it is reachable.
    pub(crate) fn open(options: PgConnectOptions) -> Self {
        let options = options.application_name("app").disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options.clone());
        let reachable = Arc::default();
        tokio::spawn(watch(options, Arc::clone(&reachable)));
        Self { pool, reachable }
    }

    /// Returns the pool for queries.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Returns whether the database responded to the last check.
    pub(crate) fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Relaxed)
    }
}

/// Updates `reachable` over a separate connection: a pool that slow requests have exhausted must not take this task out
/// of service.
async fn watch(options: PgConnectOptions, reachable: Arc<AtomicBool>) {
    let mut connection = None;
    let mut before = None;
    loop {
        let looked = tokio::time::timeout(ACQUIRE, look(&options, &mut connection)).await;
        let answer = looked.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        let now = answer.is_ok();
        reachable.store(now, Ordering::Relaxed);
        match answer {
            Ok(()) if before != Some(now) => tracing::info!("the database answers"),
            Err(error) if before != Some(now) => {
                tracing::warn!(error = %without_secrets(&error), "the database does not answer; trying again");
            }
            _ => {}
        }
        if !now {
            connection = None;
        }
        before = Some(now);
        tokio::time::sleep(LOOK).await;
    }
}

/// Pings the database, and connects first if there is no connection.
async fn look(options: &PgConnectOptions, connection: &mut Option<PgConnection>) -> Result<(), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(options.connect().await?),
    };
    connection.ping().await
}

/// Opens a separate connection for a command that runs once. Waits for a database that is not reachable yet.
pub(crate) async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    let options = options.clone().application_name("app").disable_statement_logging();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match options.connect().await {
            Ok(connection) => return Ok(connection),
            Err(error) if tokio::time::Instant::now() < deadline => {
                tracing::info!(error = %without_secrets(&error), "waiting for the database");
                tokio::time::sleep(LOOK).await;
            }
            Err(error) => {
                bail!("the database does not answer after {} s: {}", PATIENCE.as_secs(), without_secrets(&error))
            }
        }
    }
}

/// Returns an error of the database without secrets, for the log: the message of the server, but no part of the
/// configuration.
pub(crate) fn without_secrets(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(_) => "the connection is not configured well".to_owned(),
        other => other.to_string(),
    }
}
