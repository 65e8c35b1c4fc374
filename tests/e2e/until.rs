//! Waits for conditions.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The timeout. It is generous because other tests keep the computer busy, and it costs time only if a test fails
/// anyway.
const PATIENCE: Duration = Duration::from_secs(600);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Waits until `look` returns something, and returns it. `what` names the condition for the error.
pub async fn some<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(PAUSE).await;
    }
}

/// Waits until `look` returns true.
pub async fn so(what: &str, mut look: impl AsyncFnMut() -> bool) {
    some(what, async || look().await.then_some(())).await;
}
