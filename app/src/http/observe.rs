//! Observes every request: counts it while it is in flight, measures it and logs it.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};

use super::{App, client};
use crate::metrics;

/// The paths of probes, which are neither counted as requests in flight nor logged.
const PROBES: &[&str] = &["/status", "/prepare-for-deploy", "/ready-for-deploy", "/metrics"];

/// The client's address, for the handlers.
#[derive(Clone, Copy)]
pub(super) struct Client(pub(super) std::net::IpAddr);

pub(super) async fn observe(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    route: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = route.map_or_else(|| "other".to_owned(), |route| route.as_str().to_owned());
    let is_probe = PROBES.contains(&route.as_str());
    let in_flight = (!is_probe).then(|| app.drain.enter());
    let client = client::address(peer.ip(), request.headers(), &app.config.trusted_proxies);
    request.extensions_mut().insert(Client(client));
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    let began = Instant::now();
    let mut response = next.run(request).await;
    let took = began.elapsed();
    metrics::request(&method, &route, response.status().as_u16(), took);
    if app.drain.has_begun() {
        // The client then closes this connection and does not send its next request to a task that is about to stop.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if !is_probe {
        tracing::info!(
            method, path, status = response.status().as_u16(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), client = %client, "request"
        );
    }
    drop(in_flight);
    response
}
