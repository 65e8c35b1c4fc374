//! `app migrate`: updates the schema to this version, while the previous version still serves requests.
//! migrations/README.md says how to write a migration.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use sqlx::{
    Connection, PgConnection,
    migrate::{MigrateError, Migrator},
};
use tokio::time::{Instant, sleep};

use crate::{config::Config, db};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The number of the advisory lock that a migration holds, chosen arbitrarily.
const LOCK: i64 = 0x5ee_da99;

/// The interval between attempts to take that lock. It polls, because a statement that waits in the database would
/// block `CREATE INDEX CONCURRENTLY`, which waits for all earlier statements.
const ASK: Duration = Duration::from_millis(250);

/// The timeout of a migration for a lock on a table. All other queries on the table wait behind the migration, so it
/// gives up early, lets them finish and tries again.
const WAIT_BRIEFLY: &str = "SET lock_timeout = '2s'";

/// Outside a transaction, a migration waits without a timeout: no query waits behind `CREATE INDEX CONCURRENTLY`, and
/// giving up would leave an incomplete index.
const WAIT: &str = "SET lock_timeout = 0";

/// The time after which a migration stops trying again.
const PATIENCE: Duration = Duration::from_mins(2);

/// The code of Postgres for a lock that was not available in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Updates the schema. If several instances migrate at once, one does the work.
pub(crate) async fn migrate(config: &Config) -> Result<()> {
    let Some(options) = &config.database else { bail!("DATABASE_URL is not set: there is nothing to migrate") };
    let mut connection = db::connect(options).await?;
    wait_for_turn(&mut connection).await.map_err(|error| said(&error))?;

    let mut migrator = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
    // This function takes the lock itself. After a rollback to an older version, the schema has migrations that this
    // version does not know.
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

/// Waits until no other instance migrates, and takes the lock. It is released when the connection ends.
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

    /// The keywords of changes that break the version that is still running.
    const TAKES: [&str; 6] = ["DROP ", "RENAME ", "SET NOT NULL", "TRUNCATE", " TYPE ", "LOCK TABLE"];

    #[test]
    fn no_migration_breaks_the_running_version() {
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
