//! Logs: one JSON object a line on standard output, where the container runtime picks them up.

use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging; `RUST_LOG` says how much.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    fmt().json().flatten_event(true).with_current_span(false).with_span_list(false).with_env_filter(filter).init();
}
