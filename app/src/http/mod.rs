//! The endpoints.

mod client;
mod observe;
mod page;
mod problem;
mod status;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{config::Config, db::Database, drain::Drain, metrics, rates};
use problem::Problem;

/// What the endpoints share.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) database: Option<Database>,
    pub(crate) drain: Drain,
    pub(crate) metrics: PrometheusHandle,
}

/// All endpoints.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/version", get(version))
        .route("/rates", get(answer_rates))
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
    let database = app.database.as_ref().ok_or_else(|| Problem::unavailable("there is no database"))?;
    let rates = rates::rates(database.pool(), &query).await.map_err(|error| Problem::of_database(&error))?;
    Ok(Json(serde_json::json!({ "rates": rates })).into_response())
}

async fn answer_metrics(State(app): State<Arc<App>>) -> Response {
    let connections = app.database.as_ref().map_or(0, |database| database.pool().size());
    metrics::gauges(app.drain.in_flight(), connections);
    app.metrics.run_upkeep();
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}
