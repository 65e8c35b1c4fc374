//! Tests that migrations run once, even if several instances run them, and that the running version keeps working.

use std::{collections::BTreeSet, path::Path};

use sqlx::{PgPool, migrate::Migrator};

use crate::support::{Instance, Postgres, run, start, until};

/// Returns all migrations, read from the files.
async fn all() -> Migrator {
    Migrator::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).await.expect("they can be read")
}

async fn applied(pool: &PgPool) -> Vec<i64> {
    let query = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";
    sqlx::query_scalar(query).fetch_all(pool).await.expect("they are recorded")
}

#[tokio::test]
async fn eight_concurrent_runs_apply_each_migration_once() {
    let postgres = Postgres::start().await;
    let url = postgres.url();
    let environment = [("DATABASE_URL", url.as_str())];
    let mut processes: Vec<_> = (0..8).map(|_| start(&["migrate"], &environment)).collect();
    for process in &mut processes {
        let status = process.ended().await;
        assert_eq!(status.code(), Some(0), "{}", process.log());
    }
    let pool = postgres.pool().await;
    let versions: Vec<i64> = all().await.iter().map(|migration| migration.version).collect();
    assert_eq!(applied(&pool).await, versions);
    // The sample exists once: 6 routes × 29 days × 4 prices, and one route with 2 prices on the 10th.
    let prices: i64 = sqlx::query_scalar("SELECT count(*) FROM prices").fetch_one(&pool).await.expect("it answers");
    assert_eq!(prices, 6 * 29 * 4 + 2);
}

#[tokio::test]
async fn running_version_works_during_migrations() {
    let postgres = Postgres::start().await;
    let pool = postgres.pool().await;
    let migrations = all().await;
    let versions: BTreeSet<i64> = migrations.iter().map(|migration| migration.version).collect();
    let url = postgres.url();
    let environment = [("DATABASE_URL", url.as_str())];
    let first = *versions.first().expect("there are migrations");
    let older = Migrator::with_migrations(migrations.iter().filter(|one| one.version == first).cloned().collect());
    older.run(&pool).await.expect("the first one applies");

    let instance = Instance::listening(&environment).await;
    assert_eq!(instance.get("/").await.number("visits"), 1);
    let mut process = start(&["migrate"], &environment);
    let mut visits = 1;
    while process.runs() {
        visits += 1;
        assert_eq!(instance.get("/").await.number("visits"), visits);
    }
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
    assert!(visits > 1, "no request was answered meanwhile");
    assert_eq!(applied(&pool).await, versions.into_iter().collect::<Vec<_>>());
    visits += 1;
    assert_eq!(instance.get("/").await.number("visits"), visits);
}

#[tokio::test]
async fn failed_migration_is_rolled_back_and_service_continues() {
    let postgres = Postgres::start().await;
    let url = postgres.url();
    let environment = [("DATABASE_URL", url.as_str())];
    let pool = postgres.pool().await;
    let migrations = all().await;
    let first = migrations.iter().next().expect("there are migrations").clone();
    Migrator::with_migrations(vec![first]).run(&pool).await.expect("the first one applies");
    let instance = Instance::listening(&environment).await;
    // This table makes the second migration fail after it has created another table: the foreign keys have no column to
    // refer to.
    sqlx::query("CREATE TABLE ports (alien text)").execute(&pool).await.expect("the name is free");
    let (code, log) = run(&["migrate"], &environment).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("a migration failed and was rolled back"), "{log}");
    assert_eq!(applied(&pool).await.len(), 1);
    let regions = "SELECT to_regclass('regions') IS NULL";
    let gone: bool = sqlx::query_scalar(regions).fetch_one(&pool).await.expect("it answers");
    assert!(gone, "what it made before it failed is gone");
    assert_eq!(instance.get("/").await.number("visits"), 1);

    sqlx::query("DROP TABLE ports").execute(&pool).await.expect("it is there");
    let (code, log) = run(&["migrate"], &environment).await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn migration_retries_while_its_table_is_locked() {
    let postgres = Postgres::start().await;
    let url = postgres.url();
    let environment = [("DATABASE_URL", url.as_str())];
    let pool = postgres.pool().await;
    // The third migration writes to a table of the second.
    let older = all().await.iter().filter(|one| one.version < 3).cloned().collect();
    Migrator::with_migrations(older).run(&pool).await.expect("they apply");
    let mut user = pool.begin().await.expect("there is a connection");
    sqlx::query("LOCK TABLE prices IN SHARE MODE").execute(&mut *user).await.expect("nobody else has it");
    let mut process = start(&["migrate"], &environment);
    until("it gives way", async || process.log().contains("lets others go first").then_some(())).await;
    assert_eq!(applied(&pool).await, [1, 2]);
    assert!(process.runs());
    user.rollback().await.expect("the connection is good");
    assert_eq!(process.ended().await.code(), Some(0), "{}", process.log());
    assert_eq!(applied(&pool).await.len(), all().await.iter().count());
}

#[tokio::test]
async fn older_version_does_not_change_a_newer_schema() {
    let postgres = Postgres::start().await;
    let url = postgres.url();
    let environment = [("DATABASE_URL", url.as_str())];
    let instance = Instance::ready(&environment).await;
    // The statements are prepared before the schema is updated.
    assert_eq!(instance.get("/").await.number("visits"), 1);
    assert_eq!(instance.get("/people").await.json(), serde_json::json!([]));
    let pool = postgres.pool().await;
    for statement in [
        "ALTER TABLE visitors ADD COLUMN agent text",
        "ALTER TABLE people ADD COLUMN cabin text",
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of a newer version', true, '', 0)",
    ] {
        sqlx::query(statement).execute(&pool).await.expect("it applies");
    }
    let (code, log) = run(&["migrate"], &environment).await;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(applied(&pool).await.last(), Some(&9999));
    assert_eq!(instance.get("/").await.number("visits"), 2);
    assert_eq!(instance.get("/people").await.json(), serde_json::json!([]));
}

#[tokio::test]
async fn migrate_without_database_url_is_refused() {
    let (code, log) = run(&["migrate"], &[]).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("DATABASE_URL is not set"), "{log}");
}
