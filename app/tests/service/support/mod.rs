//! Shared parts of the tests: a Postgres and a Redis for each test, instances of the program, and waiting with a
//! timeout.

mod instance;
mod postgres;
mod redis;

use std::time::{Duration, Instant};

pub use instance::{Answer, Instance, run, start};
pub use postgres::Postgres;
pub use redis::Redis;

/// The timeout for anything that a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The password of the databases. The program must never print it.
pub const PASSWORD: &str = "not-to-be-shown";

/// Waits until `look` returns a value. After the timeout, panics with `what`.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within {} s: {what}", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Returns a port of the loopback interface that is currently unused.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}
