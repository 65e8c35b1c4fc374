//! Waiting for what is to come.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long that may take. Much longer than it does: other tests keep the computer busy, and what never comes costs time
/// only where a test fails anyway.
const PATIENCE: Duration = Duration::from_secs(600);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What `look` gives once it gives something; `what` says what is waited for.
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

/// Until `look` says so.
pub async fn so(what: &str, mut look: impl AsyncFnMut() -> bool) {
    some(what, async || look().await.then_some(())).await;
}
