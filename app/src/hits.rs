//! Counts hits in Redis across all instances.

use std::time::Duration;

use redis::{
    Client, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

/// The counter's key.
const KEY: &str = "hits";

/// The timeout of a request for a connection to Redis, and for its response.
const PATIENCE: Duration = Duration::from_secs(1);

/// The connection to Redis, which may be unavailable. It is opened by the first request and reopened automatically.
#[derive(Clone)]
pub(crate) struct Hits(ConnectionManager);

impl Hits {
    /// Prepares the connection without opening it. Must be called on the runtime that handles the requests.
    pub(crate) fn open(client: Client) -> RedisResult<Self> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            // Without Redis, a request fails immediately, and the next one tries again.
            .set_number_of_retries(0);
        ConnectionManager::new_lazy_with_config(client, config).map(Self)
    }

    /// Adds one hit and returns the total. A single command ensures that no two instances get the same number.
    pub(crate) async fn count(&self) -> RedisResult<u64> {
        redis::cmd("INCR").arg(KEY).query_async(&mut self.0.clone()).await
    }
}
