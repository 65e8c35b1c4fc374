//! Counts the rows of each kind for the admin page and for `app report`.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use sqlx::{Connection, FromRow, PgConnection, PgPool};

use crate::{config::Config, db};

/// The number of rows of each kind.
#[derive(Clone, Copy, Debug, FromRow, Serialize)]
pub(crate) struct Counts {
    pub(crate) visitors: i64,
    pub(crate) visits: i64,
    pub(crate) people: i64,
    pub(crate) palindromes: i64,
    pub(crate) prices: i64,
}

/// The query for all numbers. A single statement keeps them consistent.
const COUNTS: &str = "SELECT (SELECT count(*) FROM visitors) AS visitors,
                             (SELECT coalesce(sum(visits), 0)::bigint FROM visitors) AS visits,
                             (SELECT count(*) FROM people) AS people,
                             (SELECT count(*) FROM palindromes) AS palindromes,
                             (SELECT count(*) FROM prices) AS prices";

/// Runs the query.
pub(crate) async fn counts(pool: &PgPool) -> Result<Counts, sqlx::Error> {
    sqlx::query_as(COUNTS).fetch_one(pool).await
}

/// `app report`: logs the numbers as one line, so that the runs of a schedule can be compared.
pub(crate) async fn report(config: &Config) -> Result<()> {
    let Some(options) = &config.database else { bail!("DATABASE_URL is not set: there is nothing to report on") };
    let mut connection = db::connect(options).await?;
    let counts: Counts =
        sqlx::query_as(COUNTS).fetch_one(&mut connection).await.context("the tables cannot be read")?;
    let Counts { visitors, visits, people, palindromes, prices } = counts;
    tracing::info!(visitors, visits, people, palindromes, prices, "report");
    PgConnection::close(connection).await.context("the connection does not end well")
}
