//! `app migrate`: the schema as this version wants it, beside the version that still serves.
//! How to write a migration is in migrations/README.md.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use sqlx::{
    Connection, PgConnection,
    migrate::{MigrateError, Migrator},
};
use tokio::time::{Instant, sleep};

use crate::{config::Config, db};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The advisory lock that whoever migrates holds: a number of our own choice.
const LOCK: i64 = 0x5ee_da99;

/// How often somebody who waits for that lock asks for it. Asking, and not waiting in the database, because a statement
/// that waits there would stop `CREATE INDEX CONCURRENTLY`, which waits for every statement before it.
const ASK: Duration = Duration::from_millis(250);

/// How long a migration waits for a lock on a table. Every query on that table waits behind it meanwhile, so it gives up
/// soon, lets them through, and tries again.
const WAIT_BRIEFLY: &str = "SET lock_timeout = '2s'";

/// Outside of a transaction it waits as long as it takes: nobody waits behind `CREATE INDEX CONCURRENTLY`, and giving up
/// would leave half an index.
const WAIT: &str = "SET lock_timeout = 0";

/// How long it goes on trying.
const PATIENCE: Duration = Duration::from_mins(2);

/// Postgres' code for a lock that did not come in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Brings the schema up to date; of several at once, one does the work.
pub(crate) async fn migrate(config: &Config) -> Result<()> {
    let Some(options) = &config.database else { bail!("DATABASE_URL is not set: there is nothing to migrate") };
    let mut connection = db::connect(options).await?;
    wait_for_turn(&mut connection).await.map_err(|error| said(&error))?;

    let mut migrator = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
    // The lock is ours. And when this version follows a newer one, because somebody went back, the schema is newer too.
    migrator.set_locking(false).set_ignore_missing(true);
    let deadline = Instant::now() + PATIENCE;
    for migration in migrator.iter() {
        let wait = if migration.no_tx { WAIT } else { WAIT_BRIEFLY };
        sqlx::query(wait).execute(&mut connection).await.map_err(|error| said(&error))?;
        while let Err(error) = migrator.run_direct(Some(migration.version), &mut connection, false).await {
            if !lacked_a_lock(&error) || Instant::now() > deadline {
                return Err(error).context("a migration failed and was rolled back");
            }
            tracing::info!("a table is in use; the migration lets others go first and tries again");
            sleep(ASK).await;
        }
    }
    tracing::info!(migrations = migrator.iter().count(), "the schema is up to date");
    PgConnection::close(connection).await.context("the connection does not end well")
}

/// Until nobody else migrates. The lock ends with the connection.
async fn wait_for_turn(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut said = false;
    while !sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock($1)")
        .bind(LOCK)
        .fetch_one(&mut *connection)
        .await?
    {
        if !said {
            tracing::info!("somebody else migrates; waiting");
            said = true;
        }
        sleep(ASK).await;
    }
    Ok(())
}

fn lacked_a_lock(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else { return false };
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}

fn said(error: &sqlx::Error) -> anyhow::Error {
    anyhow::anyhow!("the database cannot be migrated: {}", db::without_secrets(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What takes something from the version that runs meanwhile.
    const TAKES: [&str; 6] = ["DROP ", "RENAME ", "SET NOT NULL", "TRUNCATE", " TYPE ", "LOCK TABLE"];

    #[test]
    fn no_migration_takes_anything_from_the_version_that_runs() {
        for migration in MIGRATIONS.iter() {
            let statements = migration.sql.as_str().lines().filter(|line| !line.trim_start().starts_with("--"));
            for line in statements {
                let line = line.to_uppercase();
                let taken = TAKES.iter().find(|word| line.contains(**word));
                assert!(taken.is_none(), "migration {}: {line}: see migrations/README.md", migration.version);
            }
        }
    }
}
