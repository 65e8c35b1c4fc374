//! Handles a request: chooses a rule and carries out its action.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    HeaderMap, Method, Request, Response, Uri, Version,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderName, HeaderValue, TE},
};
use serde_json::Value;

use super::{
    balancing::Balancing,
    idle::{Activity, Broken, Download, Upload},
    limits::{self, Excess},
    rules::{self, Asked},
    snapshot::{IDLE, Listener, Spoken, forwards_to, text},
    sticky,
    targets::{InFlight, Target},
    tunnel,
    upstream::{Failure, Upstream},
};

/// Headers of a connection, not of a request (RFC 9110, 7.6.1).
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

type Body = UnsyncBoxBody<Bytes, Broken>;

/// The outcome of a request.
pub(super) enum Answer {
    /// A response.
    Whole(Response<Body>),
    /// The listener sends GOAWAY and closes the HTTP/2 connection.
    GoAway,
}

impl Answer {
    /// Returns the response to send over HTTP/1.1.
    pub(super) fn whole(self) -> Response<Body> {
        match self {
            Self::Whole(answer) => answer,
            Self::GoAway => page(400),
        }
    }
}

/// State that the requests of one listener share.
pub(super) struct Front {
    balancing: Arc<Balancing>,
    listener: String,
    port: u16,
    scheme: &'static str,
    upstream: Arc<Upstream>,
}

impl Front {
    pub(super) fn new(balancing: &Arc<Balancing>, listener: &Listener, is_secure: bool) -> Self {
        Self {
            balancing: Arc::clone(balancing),
            listener: listener.arn.clone(),
            port: listener.port,
            scheme: if is_secure { "https" } else { "http" },
            upstream: Upstream::new(),
        }
    }

    /// Returns the idle timeout of the load balancer.
    pub(super) fn idle(&self) -> Duration {
        self.balancing.config().listener(&self.listener).map_or(IDLE, |(balancer, _)| balancer.idle())
    }

    pub(super) async fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> Answer {
        Answer::Whole(match limits::of_request(&request) {
            None => self.by_rule(peer, request).await,
            Some(Excess::Status(status)) => page(status),
            Some(Excess::GoAway) => return Answer::GoAway,
        })
    }

    async fn by_rule(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
        let config = self.balancing.config();
        let Some((balancer, listener)) = config.listener(&self.listener) else {
            return plain(503, "text/plain", "the listener is gone");
        };
        let host = host(&request);
        let asked = Asked {
            method: request.method(),
            host: &host,
            path: request.uri().path(),
            headers: request.headers(),
            client: peer.ip(),
        };
        let Some(action) = rules::choose(listener, &asked).and_then(|rule| rule.actions.last()) else {
            return plain(404, "text/plain", "");
        };
        match text(action, "Type") {
            "fixed-response" => {
                let config = &action["FixedResponseConfig"];
                let status = text(config, "StatusCode").parse().unwrap_or(503);
                plain(status, text(config, "ContentType"), text(config, "MessageBody"))
            }
            "redirect" => self.redirect(&action["RedirectConfig"], &host, request.uri()),
            "forward" => {
                let kept = |group: &str| config.group(group)?.sticky_seconds();
                let Some((group, target, in_flight)) = self.target_of(action, request.headers(), kept) else {
                    self.balancing.counts.by_itself(&balancer.arn, 503);
                    return page(503);
                };
                let spoken = config.group(&group).map_or_else(Spoken::default, |group| group.protocol);
                if !understands(spoken, &request) {
                    self.balancing.counts.by_itself(&balancer.arn, INCOMPATIBLE);
                    return page(INCOMPATIBLE);
                }
                let request = self.for_target(request, peer, &host, spoken);
                match self.forward(&target, in_flight, balancer.idle(), request).await {
                    Ok(mut answer) => {
                        if let Some(seconds) = kept(&group) {
                            sticky::keep(answer.headers_mut(), &group, &target, seconds);
                        }
                        self.balancing.counts.by_target(&balancer.arn, &group, answer.status().as_u16());
                        answer
                    }
                    Err(status) => {
                        self.balancing.counts.by_itself(&balancer.arn, status);
                        page(status)
                    }
                }
            }
            other => plain(501, "text/plain", &format!("the sandbox has no action {other}")),
        }
    }

    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html#redirect-actions>
    fn redirect(&self, to: &Value, host: &str, uri: &Uri) -> Response<Body> {
        let part = |key: &str, otherwise: &str| match text(to, key) {
            "" => otherwise.to_owned(),
            given => given.to_owned(),
        };
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let fill = |template: String| {
            template
                .replace("#{protocol}", self.scheme)
                .replace("#{host}", host)
                .replace("#{port}", &self.port.to_string())
                .replace("#{path}", uri.path().trim_start_matches('/'))
                .replace("#{query}", uri.query().unwrap_or_default())
        };
        let protocol = fill(part("Protocol", "#{protocol}")).to_lowercase();
        let query = fill(part("Query", "#{query}"));
        let mut location = format!(
            "{protocol}://{}:{}{}",
            fill(part("Host", "#{host}")),
            fill(part("Port", "#{port}")),
            fill(part("Path", "/#{path}"))
        );
        if !query.is_empty() {
            location = format!("{location}?{query}");
        }
        let status = if text(to, "StatusCode") == "HTTP_301" { 301 } else { 302 };
        let answer = Response::builder().status(status).header("location", location).header("server", "awselb/2.0");
        answer.body(empty()).unwrap_or_else(|_| plain(400, "text/plain", "the URL cannot be redirected"))
    }

    /// Returns the target for the request, and its group.
    fn target_of(
        &self,
        action: &Value,
        headers: &HeaderMap,
        kept: impl Fn(&str) -> Option<i64>,
    ) -> Option<(String, Target, InFlight)> {
        let groups = forwards_to(action);
        let weight: u32 = groups.iter().map(|(_, weight)| weight).sum();
        let mut left = if weight > 1 { rand::random_range(0..weight) } else { 0 };
        let group = groups.iter().find(|(_, weight)| {
            let chosen = left < *weight;
            left = left.saturating_sub(*weight);
            chosen
        });
        let (group, _) = group?;
        let of_client = kept(group).and_then(|_| sticky::target(headers, group));
        let (target, in_flight) = self.balancing.targets.choose(group, of_client.as_ref())?;
        Some((group.clone(), target, in_flight))
    }

    /// Rewrites the request for the target, in the protocol version of its group whatever version the client uses.
    fn for_target(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        host: &str,
        spoken: Spoken,
    ) -> Request<Incoming> {
        if spoken != Spoken::Http1 {
            let trailers = request.headers().get(TE).cloned().filter(|value| value == "trailers");
            self.set_headers(request.headers_mut(), peer, host);
            request.headers_mut().remove(HOST);
            trailers.into_iter().for_each(|value| drop(request.headers_mut().insert(TE, value)));
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            if let Ok(uri) = format!("http://{host}{path}").parse() {
                *request.uri_mut() = uri;
            }
            return request;
        }
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
        let is_upgrade = tunnel::is_asked_for(&request);
        *request.version_mut() = Version::HTTP_11;
        self.set_headers(request.headers_mut(), peer, host);
        if is_upgrade {
            tunnel::set(request.headers_mut());
        }
        request
    }

    /// Forwards the request. Returns the target's response, or the status that the load balancer sends instead.
    async fn forward(
        &self,
        target: &Target,
        in_flight: InFlight,
        idle: Duration,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, u16> {
        let client = hyper::upgrade::on(&mut request);
        let activity = Activity::new();
        let request = request.map(|body| Upload { body, activity: Arc::clone(&activity) });
        let answer = tokio::select! {
            answer = self.upstream.send(target, request, idle) => answer,
            // Either the client has sent only part of the request, or the target does not respond.
            () = activity.ended(idle) => return Err(if activity.client_owes() { 408 } else { 504 }),
            () = in_flight.cut_off() => return Err(502),
        };
        let mut answer = match answer {
            Ok(answer) if limits::is_exceeded_by(answer.headers()) => return Err(502),
            Ok(answer) => answer,
            Err(failure) => return Err(failed(target, &failure)),
        };
        HOP_BY_HOP.iter().for_each(|name| drop(answer.headers_mut().remove(*name)));
        if tunnel::is_granted(answer.status()) {
            let target = hyper::upgrade::on(&mut answer);
            tokio::spawn(tunnel::carry(client, target, idle, in_flight));
            tunnel::set(answer.headers_mut());
            return Ok(answer.map(|_| empty()));
        }
        Ok(answer.map(|body| Download::new(body, idle, in_flight).boxed_unsync()))
    }

    fn set_headers(&self, headers: &mut HeaderMap, peer: SocketAddr, host: &str) {
        // The load balancer sends 100 Continue itself when it reads the body, so the target does not see the header.
        headers.remove(EXPECT);
        join_cookies(headers);
        HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(*name)));
        let before: Vec<String> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect();
        let forwarded = before.into_iter().chain([peer.ip().to_string()]).collect::<Vec<_>>().join(", ");
        let mut set = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        set("x-forwarded-for", forwarded);
        set("x-forwarded-proto", self.scheme.to_owned());
        set("x-forwarded-port", self.port.to_string());
        set("host", host.to_owned());
        let id = uuid::Uuid::new_v4().simple().to_string();
        set("x-amzn-trace-id", format!("Root=1-{}-{}", &id[..8], &id[8..]));
    }
}

/// The status for a request that is incompatible with the group's protocol version.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-464-issues>
const INCOMPATIBLE: u16 = 464;

/// Returns whether targets with this protocol version accept the request.
fn understands<B>(spoken: Spoken, request: &Request<B>) -> bool {
    let content = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_http2 = request.version() == Version::HTTP_2;
    match spoken {
        Spoken::Http1 => !(is_http2 && content.starts_with("application/grpc")),
        Spoken::Http2 => is_http2,
        Spoken::Grpc => is_http2 && request.method() == Method::POST,
    }
}

/// Returns the host that the request names.
fn host(request: &Request<Incoming>) -> String {
    let named = request.uri().authority().map(hyper::http::uri::Authority::as_str);
    let header = || request.headers().get("host").and_then(|value| value.to_str().ok());
    named.or_else(header).unwrap_or_default().to_owned()
}

/// Joins cookie headers: HTTP/2 may send one header per cookie, HTTP/1.1 has a single one (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(b"; ".as_slice()))
    {
        headers.insert(COOKIE, joined);
    }
}

/// Returns the status for a target that did not respond, and logs why.
fn failed(target: &Target, failure: &Failure) -> u16 {
    let why = match failure {
        Failure::Refused(error) => format!("502: it takes no connection: {error}"),
        Failure::Reset(error) => format!("502: it closed the connection, or sent no HTTP: {error:?}"),
        Failure::Unreachable => "504: it takes no connection in time".to_owned(),
    };
    tracing::warn!(target = %format!("{}:{}", target.ip, target.port), "{why}");
    if matches!(failure, Failure::Unreachable) { 504 } else { 502 }
}

fn empty() -> Body {
    Full::new(Bytes::new()).map_err(|never| match never {}).boxed_unsync()
}

/// Returns the load balancer's own page for a status.
fn page(status: u16) -> Response<Body> {
    let words = match status {
        400 => "Bad Request",
        408 => "Request Time-out",
        414 => "Request-URI Too Large",
        464 => "Incompatible Protocol Versions",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        _ => "Gateway Time-out",
    };
    plain(status, "text/html", &format!("<h1>{status} {words}</h1>"))
}

fn plain(status: u16, content_type: &str, body: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(body.to_owned())).map_err(|never| match never {}).boxed_unsync();
    let answer = Response::builder().status(status).header("server", "awselb/2.0").header("content-type", content_type);
    answer.body(body).expect("status and headers are valid")
}
