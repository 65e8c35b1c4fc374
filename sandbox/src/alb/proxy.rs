//! A listener: takes connections, speaks TLS, chooses a rule for each request and does what it says.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{Arc, RwLock},
};

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    HeaderMap, Request, Response, Uri,
    body::{Bytes, Incoming},
    header::{HeaderName, HeaderValue},
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
    time::{Duration, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::{
    balancing::Balancing,
    rules::{self, Asked},
    snapshot::{Certificate, Listener, forwards_to, text},
    targets::InFlight,
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

/// Connections that wait to be taken.
const BACKLOG: u32 = 4096;

/// How long it is waited after a connection could not be taken: without file descriptors, the next one cannot be either.
const NOT_TAKEN: Duration = Duration::from_millis(100);

type Body = BoxBody<Bytes, hyper::Error>;
type Upstream = Client<HttpConnector, Incoming>;
/// The certificate shown, and what TLS makes of it; changed while the listener is open.
type Tls = Arc<RwLock<(Certificate, Arc<ServerConfig>)>>;

/// An open listener; it closes when this is dropped. Requests in flight are finished.
pub(super) struct Listening {
    address: String,
    port: u16,
    protocol: String,
    tls: Option<Tls>,
    accepting: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listening {
    pub(super) fn open(balancing: &Arc<Balancing>, address: &str, listener: &Listener) -> Result<Self> {
        let ip: IpAddr = address.parse().with_context(|| format!("{address} is no address"))?;
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(ip, listener.port))?;
        let open = socket.listen(BACKLOG)?;
        let tls = match (&listener.certificate, listener.protocol.as_str()) {
            (Some(certificate), "HTTPS") => {
                Some(Arc::new(RwLock::new((certificate.clone(), server_config(certificate)?))))
            }
            _ => None,
        };
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(10)));
        let front = Front {
            balancing: Arc::clone(balancing),
            listener: listener.arn.clone(),
            port: listener.port,
            scheme: if tls.is_some() { "https" } else { "http" },
            upstream: Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector),
        };
        let accepting = tokio::spawn(accept(open, tls.clone(), Arc::new(front)));
        Ok(Self {
            address: address.to_owned(),
            port: listener.port,
            protocol: listener.protocol.clone(),
            tls,
            accepting,
        })
    }

    /// Whether this is where the listener is to be.
    pub(super) fn is_at(&self, address: &str, listener: &Listener) -> bool {
        self.address == address && self.port == listener.port && self.protocol == listener.protocol
    }

    /// From the next connection on, this certificate is shown.
    pub(super) fn set_certificate(&self, listener: &Listener) {
        let (Some(tls), Some(certificate)) = (&self.tls, &listener.certificate) else { return };
        let mut shown = tls.write().expect("nobody panics while holding this");
        if shown.0 != *certificate {
            match server_config(certificate) {
                Ok(config) => *shown = (certificate.clone(), config),
                Err(error) => tracing::error!("a certificate cannot be used: {error:#}"),
            }
        }
    }
}

fn server_config(certificate: &Certificate) -> Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_slice_iter(certificate.certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes())?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

async fn accept(listener: TcpListener, tls: Option<Tls>, front: Arc<Front>) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(NOT_TAKEN).await;
            continue;
        };
        drop(stream.set_nodelay(true));
        let config = tls.as_ref().map(|tls| Arc::clone(&tls.read().expect("nobody panics while holding this").1));
        let front = Arc::clone(&front);
        tokio::spawn(async move {
            match config {
                Some(config) => {
                    if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                        converse(TokioIo::new(stream), peer, front).await;
                    }
                }
                None => converse::<TokioIo<TcpStream>>(TokioIo::new(stream), peer, front).await,
            }
        });
    }
}

async fn converse<S>(stream: S, peer: SocketAddr, front: Arc<Front>)
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.answer(peer, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .preserve_header_case(true)
        .serve_connection(stream, service);
    // A client that goes away in the middle is no error of ours.
    drop(connection.await);
}

/// What the requests of one listener share.
struct Front {
    balancing: Arc<Balancing>,
    listener: String,
    port: u16,
    scheme: &'static str,
    upstream: Upstream,
}

impl Front {
    async fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
        let config = self.balancing.config();
        let Some((balancer, listener)) = config.listener(&self.listener) else {
            return plain(503, "text/plain", "the listener is gone");
        };
        let host = request.headers().get("host").and_then(|value| value.to_str().ok());
        let host = host.unwrap_or_default().to_owned();
        let asked =
            Asked { method: request.method(), host: &host, path: request.uri().path(), headers: request.headers() };
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
                let idle = balancer.attribute("idle_timeout.timeout_seconds").parse().unwrap_or(60);
                self.forward(action, peer, host, Duration::from_secs(idle), request).await
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

    async fn forward(
        &self,
        action: &Value,
        peer: SocketAddr,
        host: String,
        idle: Duration,
        mut request: Request<Incoming>,
    ) -> Response<Body> {
        let groups = forwards_to(action);
        let weight: u32 = groups.iter().map(|(_, weight)| weight).sum();
        let mut left = if weight > 1 { rand::random_range(0..weight) } else { 0 };
        let group = groups.iter().find(|(_, weight)| {
            let chosen = left < *weight;
            left = left.saturating_sub(*weight);
            chosen
        });
        let Some((target, in_flight)) = group.and_then(|(group, _)| self.balancing.targets.choose(group)) else {
            return plain(503, "text/html", "<h1>503 Service Temporarily Unavailable</h1>");
        };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let Ok(uri) = format!("http://{}:{}{path}", target.ip, target.port).parse() else {
            return plain(400, "text/html", "<h1>400 Bad Request</h1>");
        };
        *request.uri_mut() = uri;
        self.set_headers(request.headers_mut(), peer, &host);
        match timeout(idle, self.upstream.request(request)).await {
            Ok(Ok(answer)) => {
                let (mut parts, body) = answer.into_parts();
                HOP_BY_HOP.iter().for_each(|name| drop(parts.headers.remove(*name)));
                Response::from_parts(parts, Counted { body, _in_flight: in_flight }.boxed())
            }
            Ok(Err(error)) => {
                tracing::warn!(target = %format!("{}:{}", target.ip, target.port), "502: {error:?}");
                plain(502, "text/html", "<h1>502 Bad Gateway</h1>")
            }
            Err(_) => plain(504, "text/html", "<h1>504 Gateway Time-out</h1>"),
        }
    }

    fn set_headers(&self, headers: &mut HeaderMap, peer: SocketAddr, host: &str) {
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

/// A body whose request is in flight until the last byte of it.
struct Counted {
    body: Incoming,
    _in_flight: InFlight,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, hyper::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

fn empty() -> Body {
    Full::new(Bytes::new()).map_err(|never| match never {}).boxed()
}

fn plain(status: u16, content_type: &str, body: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(body.to_owned())).map_err(|never| match never {}).boxed();
    let answer = Response::builder().status(status).header("server", "awselb/2.0").header("content-type", content_type);
    answer.body(body).expect("status and headers are valid")
}
