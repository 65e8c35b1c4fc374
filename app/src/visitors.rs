//! Who has been here: one row an address, counted atomically however many tasks count.

use std::net::IpAddr;

use sqlx::PgPool;

/// What the page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// This visitor's visits.
    pub(crate) visits: i64,
    /// How many visitors there are.
    pub(crate) visitors: i64,
}

/// Counts a visit from `address`.
pub(crate) async fn visit(pool: &PgPool, address: IpAddr) -> Result<Counts, sqlx::Error> {
    // One statement: two first visits at once are one visitor with two visits.
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
