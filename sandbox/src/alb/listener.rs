//! A listener: accepts connections, speaks TLS, HTTP/1.1 and HTTP/2, and passes each request to its handler.

use std::{
    convert::Infallible,
    future::pending,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, RwLock},
};

use anyhow::{Context, Result};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket},
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Duration, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::{
    balancing::Balancing,
    front::{Answer, Front},
    limits,
    snapshot::{Certificate, Listener},
};

/// The length of the queue of connections that are not accepted yet.
const BACKLOG: u32 = 4096;

/// How long to wait after `accept` failed: without free file descriptors, the next `accept` fails too.
const NOT_TAKEN: Duration = Duration::from_millis(100);

/// How many requests one HTTP/2 connection may have in flight.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html#listener-configuration>
const STREAMS: u32 = 128;

/// How long a closing connection may take to send GOAWAY to its client.
const GOING_AWAY: Duration = Duration::from_millis(200);

/// The TLS certificate and protocols of the listener. They can change while it is open.
struct Shown {
    certificate: Certificate,
    http2: bool,
    config: Arc<ServerConfig>,
}

type Tls = Arc<RwLock<Shown>>;

/// An open listener. Dropping it closes the socket; requests in flight finish before their connections close.
pub(super) struct Listening {
    address: String,
    port: u16,
    protocol: String,
    tls: Option<Tls>,
    accepting: JoinHandle<()>,
    _open: watch::Sender<()>,
}

/// Signals that the listener is closed.
type Closed = watch::Receiver<()>;

impl Drop for Listening {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listening {
    pub(super) fn open(balancing: &Arc<Balancing>, address: &str, listener: &Listener, http2: bool) -> Result<Self> {
        let ip: IpAddr = address.parse().with_context(|| format!("{address} is no address"))?;
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(ip, listener.port))?;
        let open = socket.listen(BACKLOG)?;
        let tls = match (&listener.certificate, listener.protocol.as_str()) {
            (Some(certificate), "HTTPS") => Some(Arc::new(RwLock::new(Shown::new(certificate, http2)?))),
            _ => None,
        };
        let front = Front::new(balancing, listener, tls.is_some());
        let (until_dropped, closed) = watch::channel(());
        Ok(Self {
            address: address.to_owned(),
            port: listener.port,
            protocol: listener.protocol.clone(),
            tls: tls.clone(),
            accepting: tokio::spawn(accept(open, tls, Arc::new(front), closed)),
            _open: until_dropped,
        })
    }

    /// Returns whether the address, port and protocol still match.
    pub(super) fn is_at(&self, address: &str, listener: &Listener) -> bool {
        self.address == address && self.port == listener.port && self.protocol == listener.protocol
    }

    /// Sets the certificate, and whether to offer HTTP/2, for new connections.
    pub(super) fn set_tls(&self, listener: &Listener, http2: bool) {
        let (Some(tls), Some(certificate)) = (&self.tls, &listener.certificate) else { return };
        let mut shown = tls.write().expect("nobody panics while holding this");
        if shown.certificate != *certificate || shown.http2 != http2 {
            match Shown::new(certificate, http2) {
                Ok(new) => *shown = new,
                Err(error) => tracing::error!("a certificate cannot be used: {error:#}"),
            }
        }
    }
}

impl Shown {
    fn new(certificate: &Certificate, http2: bool) -> Result<Self> {
        let chain =
            CertificateDer::pem_slice_iter(certificate.certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes())?;
        let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        let offered: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        config.alpn_protocols = offered.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Self { certificate: certificate.clone(), http2, config: Arc::new(config) })
    }
}

async fn accept(listener: TcpListener, tls: Option<Tls>, front: Arc<Front>, closed: Closed) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(NOT_TAKEN).await;
            continue;
        };
        drop(stream.set_nodelay(true));
        let config = tls.as_ref().map(|tls| Arc::clone(&tls.read().expect("nobody panics while holding this").config));
        let (front, closed) = (Arc::clone(&front), closed.clone());
        tokio::spawn(async move {
            let Some(config) = config else { return speak_http1(stream, peer, front, closed).await };
            let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                speak_http2(stream, peer, front, closed).await;
            } else {
                speak_http1(stream, peer, front, closed).await;
            }
        });
    }
}

async fn speak_http1<S>(stream: S, peer: SocketAddr, front: Arc<Front>, mut closed: Closed)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let idle = front.idle();
    let service = service_fn(move |request| {
        let front = Arc::clone(&front);
        async move { Ok::<_, Infallible>(front.answer(peer, request).await.whole()) }
    });
    let mut connection = pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .max_headers(limits::HEADERS)
            .preserve_header_case(true)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    // A client that disconnects early is not an error.
    tokio::select! {
        ended = connection.as_mut() => drop(ended),
        _ = closed.changed() => {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}

async fn speak_http2<S>(stream: S, peer: SocketAddr, front: Arc<Front>, mut closed: Closed)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let giving_up = Arc::new(Notify::new());
    let given_up = Arc::clone(&giving_up);
    let service = service_fn(move |request| {
        let (front, giving_up) = (Arc::clone(&front), Arc::clone(&giving_up));
        async move {
            match front.answer(peer, request).await {
                Answer::Whole(answer) => Ok::<_, Infallible>(answer),
                Answer::GoAway => {
                    giving_up.notify_one();
                    pending().await
                }
            }
        }
    });
    let mut connection = pin!(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(limits::READ)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        ended = connection.as_mut() => drop(ended),
        () = given_up.notified() => {
            connection.as_mut().graceful_shutdown();
            drop(timeout(GOING_AWAY, connection).await);
        }
        _ = closed.changed() => {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}
