//! Error responses (RFC 9457).

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::db;

/// An error response.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: String) -> Self {
        Self { status, detail }
    }

    pub(super) fn bad_request(detail: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, detail }
    }

    pub(super) fn unavailable(detail: &str) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, detail: detail.to_owned() }
    }

    /// Returns the response for a failed query. The error of the database is logged, but not sent to the client.
    pub(super) fn of_database(error: &sqlx::Error) -> Self {
        tracing::error!(error = %db::without_secrets(error), "a query failed");
        Self::unavailable("the database does not answer")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body = serde_json::json!({
            "detail": self.detail, "status": self.status.as_u16(), "title": title, "type": "about:blank",
        });
        (self.status, [("content-type", "application/problem+json")], Json(body)).into_response()
    }
}
