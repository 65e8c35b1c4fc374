//! Counts visitors: one row per address, updated atomically by any number of tasks.

use std::net::IpAddr;

use sqlx::PgPool;

/// The numbers that the page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The number of visits of this visitor.
    pub(crate) visits: i64,
    /// The number of visitors.
    pub(crate) visitors: i64,
}

/// Counts a visit from `address`.
pub(crate) async fn visit(pool: &PgPool, address: IpAddr) -> Result<Counts, sqlx::Error> {
    // With a single statement, two simultaneous first visits give one visitor with two visits.
    let visits = sqlx::query_scalar(
        "INSERT INTO visitors AS v (address) VALUES ($1::inet)
         ON CONFLICT (address) DO UPDATE SET visits = v.visits + 1, last_seen = now()
         RETURNING visits",
    )
    .bind(address.to_canonical().to_string())
    .fetch_one(pool)
    .await?;
    let visitors = sqlx::query_scalar("SELECT count(*) FROM visitors").fetch_one(pool).await?;
    Ok(Counts { visits, visitors })
}
