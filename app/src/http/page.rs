//! The page: a greeting, the version and the number of visits and visitors.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};

use super::{App, observe::Client, problem::Problem};
use crate::{
    db,
    visitors::{self, Counts},
};

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    name: &'a str,
    url: &'a str,
    version: &'a str,
    counts: Option<Counts>,
}

pub(super) async fn page(
    State(app): State<Arc<App>>,
    Extension(Client(client)): Extension<Client>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if wants_json(&headers) {
        return Ok(Json(serde_json::json!({ "message": "Hello world!" })).into_response());
    }
    let counts = match &app.database {
        Some(database) => visitors::visit(database.pool(), client).await.map_or_else(
            |error| {
                // Show the page without the numbers.
                tracing::error!(error = %db::without_secrets(&error), "a visit could not be counted");
                None
            },
            Some,
        ),
        None => None,
    };
    let config = &app.config;
    let page = Page { name: &config.user_name, url: &config.user_url, version: &config.version, counts };
    let html = page.render().map_err(|error| unmade(&error))?;
    Ok(Html(html).into_response())
}

/// Returns whether the client asks for JSON, as programs do, and not for HTML, as browsers do.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepts.contains("application/json") && !accepts.contains("text/html")
}

/// Returns the response for a template that failed.
pub(super) fn unmade(error: &askama::Error) -> Problem {
    tracing::error!(%error, "the page could not be made");
    Problem::unavailable("the page could not be made")
}
