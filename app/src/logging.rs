//! Writes logs to standard output, one JSON object per line, where the container runtime collects them.

use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging; `RUST_LOG` sets the level.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    fmt().json().flatten_event(true).with_current_span(false).with_span_list(false).with_env_filter(filter).init();
}
