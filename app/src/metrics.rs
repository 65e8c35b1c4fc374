//! Metrics, and their Prometheus text.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// The number of requests by method, route and status.
const REQUESTS: &str = "http_requests_total";

/// The duration of requests in seconds, by method and route.
const SECONDS: &str = "http_request_duration_seconds";

/// The upper bounds of the histogram buckets, in seconds.
const BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Starts recording. The returned handle renders the text.
pub(crate) fn start() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Full(SECONDS.to_owned()), BUCKETS)?.install_recorder()
}

/// Counts a request. `route` is the pattern of the route, so that an arbitrary path does not create a new series.
pub(crate) fn request(method: &str, route: &str, status: u16, took: Duration) {
    let (method, route) = (method.to_owned(), route.to_owned());
    metrics::counter!(REQUESTS, "method" => method.clone(), "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!(SECONDS, "method" => method, "route" => route).record(took.as_secs_f64());
}

/// Sets the current values.
pub(crate) fn gauges(in_flight: usize, connections: u32) {
    metrics::gauge!("http_requests_in_flight").set(u32::try_from(in_flight).unwrap_or(u32::MAX));
    metrics::gauge!("database_connections").set(connections);
}
