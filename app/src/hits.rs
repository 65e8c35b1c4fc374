//! A counter in Redis that all instances share.

use std::time::Duration;

use redis::{
    Client, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

/// The counter's key.
const KEY: &str = "hits";

/// How long a request waits for Redis, at most: for a connection, and for its answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Redis, which may not be there; the connection comes with the first request and comes back by itself.
#[derive(Clone)]
pub(crate) struct Hits(ConnectionManager);

impl Hits {
    /// Does not connect yet. Has to be called on the runtime that requests run on.
    pub(crate) fn open(client: Client) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            // A request that finds no Redis says so at once; the next one tries again.
            .set_number_of_retries(0);
        ConnectionManager::new_lazy_with_config(client, config).map(Self)
    }

    /// Counts one more, and says how many there are now. One command, so that no two instances get the same number.
    pub(crate) async fn count(&self) -> RedisResult<u64> {
        redis::cmd("INCR").arg(KEY).query_async(&mut self.0.clone()).await
    }
}
