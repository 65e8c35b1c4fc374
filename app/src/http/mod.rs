//! The HTTP endpoints. They pass each request to the module that handles it, and return JSON, text or a page.

mod admin;
mod client;
mod observe;
mod page;
mod people;
mod problem;
mod status;

use std::{sync::Arc, time::Instant};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use sqlx::PgPool;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{config::Config, db::Database, drain::Drain, hits::Hits, metrics, palindromes, rates};
use problem::Problem;

/// The state that the endpoints share.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) database: Option<Database>,
    pub(crate) hits: Option<Hits>,
    pub(crate) drain: Drain,
    pub(crate) metrics: PrometheusHandle,
    /// The unique name of this instance.
    pub(crate) instance: String,
    pub(crate) started: Instant,
}

impl App {
    /// Returns the database's pool, or the error response if no database is configured.
    fn pool(&self) -> Result<&PgPool, Problem> {
        self.database.as_ref().map(Database::pool).ok_or_else(|| Problem::unavailable("there is no database"))
    }
}

/// Returns the router with all endpoints.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/version", get(version))
        .route("/rates", get(answer_rates))
        .route("/palindrom/{*text}", get(answer_palindrome))
        .route("/redis-hits", get(answer_hits))
        .route("/admin", get(admin::admin))
        .merge(people::router())
        .route("/metrics", get(answer_metrics))
        .route("/status", get(status::status))
        .route("/prepare-for-deploy", get(status::prepare))
        .route("/ready-for-deploy", get(status::ready))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), observe::observe))
        .layer(CatchPanicLayer::new())
        .with_state(app)
}

async fn version(State(app): State<Arc<App>>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "version": app.config.version }))
}

async fn answer_rates(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let parameter = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let query = rates::Query::parse(&parameter).map_err(Problem::bad_request)?;
    let rates = rates::rates(app.pool()?, &query).await.map_err(|error| Problem::of_database(&error))?;
    Ok(Json(serde_json::json!({ "rates": rates })).into_response())
}

async fn answer_palindrome(State(app): State<Arc<App>>, Path(text): Path<String>) -> Result<Response, Problem> {
    if text.chars().count() > palindromes::LONGEST {
        return Err(Problem::bad_request(format!("text is longer than {} characters", palindromes::LONGEST)));
    }
    if text.contains('\0') {
        return Err(Problem::bad_request("text has a NUL character".to_owned()));
    }
    let is_palindrome = palindromes::is_palindrome(&text);
    if is_palindrome {
        palindromes::store(app.pool()?, &text).await.map_err(|error| Problem::of_database(&error))?;
    }
    Ok(Json(serde_json::json!({ "text": text, "palindrome": is_palindrome })).into_response())
}

async fn answer_hits(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let hits = app.hits.as_ref().ok_or_else(|| Problem::unavailable("there is no Redis"))?;
    let count = hits.count().await.map_err(|error| {
        tracing::error!(%error, "a hit could not be counted");
        Problem::unavailable("Redis does not answer")
    })?;
    Ok(Json(serde_json::json!({ "hits": count })).into_response())
}

async fn answer_metrics(State(app): State<Arc<App>>) -> Response {
    let connections = app.database.as_ref().map_or(0, |database| database.pool().size());
    metrics::gauges(app.drain.in_flight(), connections);
    app.metrics.run_upkeep();
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}
