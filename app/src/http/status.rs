//! Reports the state of this task to load balancers and deployments.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::App;

/// Returns 200 if the task can serve requests.
pub(super) async fn status(State(app): State<Arc<App>>) -> Response {
    let reason = if app.drain.has_begun() {
        Some("it is being replaced")
    } else if app.database.as_ref().is_some_and(|database| !database.is_reachable()) {
        Some("the database does not answer")
    } else {
        None
    };
    match reason {
        None => (StatusCode::OK, "OK").into_response(),
        Some(reason) => (StatusCode::NOT_FOUND, format!("Not ready: {reason}")).into_response(),
    }
}

/// Starts draining.
pub(super) async fn prepare(State(app): State<Arc<App>>) -> &'static str {
    app.drain.begin();
    "OK"
}

/// Returns 200 once no request is in flight.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.drain.in_flight() {
        0 => (StatusCode::OK, "Ready").into_response(),
        left => (StatusCode::NOT_FOUND, format!("Not ready: {left} requests in flight")).into_response(),
    }
}
