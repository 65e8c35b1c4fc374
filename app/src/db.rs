//! The database: its pool, whether it can be reached, and connections for commands that run once.

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

/// How long a command that runs once waits for the database.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often we look whether the database is there.
const LOOK: Duration = Duration::from_secs(2);

/// How long a request waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(3);

/// Connections of one task; a db.t4g.micro takes about 80 in all.
const CONNECTIONS: u32 = 8;

/// The database, which may not be there yet.
#[derive(Clone)]
pub(crate) struct Database {
    pool: PgPool,
    reachable: Arc<AtomicBool>,
}

impl Database {
    /// Begins to look for the database; connects when it comes.
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

    /// The pool, for queries.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether it answered when we last looked.
    pub(crate) fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Relaxed)
    }
}

/// Keeps `reachable` true to the facts, over a connection of its own: a pool that slow requests have used up is no reason
/// to take this task out of service.
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

/// Asks the database for a sign of life, connecting first where there is no connection yet.
async fn look(options: &PgConnectOptions, connection: &mut Option<PgConnection>) -> Result<(), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(options.connect().await?),
    };
    connection.ping().await
}

/// A connection of one's own, for a command that runs once; waits for a database that is not there yet.
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

/// An error of the database as it may be logged: what the server says, never how we called it.
pub(crate) fn without_secrets(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(_) => "the connection is not configured well".to_owned(),
        other => other.to_string(),
    }
}
