//! What every test here stands on: a Postgres and a Redis of its own, instances of the program, and waiting under a deadline.

mod instance;
mod postgres;
mod redis;

use std::time::{Duration, Instant};

pub use instance::{Answer, Instance, run, start};
pub use postgres::Postgres;
pub use redis::Redis;

/// How long anything here may take before it counts as never.
const PATIENCE: Duration = Duration::from_secs(60);

/// The databases' password: no output of the program may show it.
pub const PASSWORD: &str = "not-to-be-shown";

/// Waits until `look` sees something; says what was waited for if it never does.
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

/// A port of loopback that nobody uses at the moment.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}
