//! Connections to targets. They are reused until the idle timeout, or until the target closes them.
//!
//! An ALB keeps connections to targets open
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html#http-connections>).
//! If a target has a shorter idle timeout than the load balancer, it may close a connection while a request is on its
//! way. The client then gets a 502, and the request is not sent again
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-502-issues>).

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use hyper::{
    Request, Response, Version,
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::TcpStream,
    time::{Duration, Instant, sleep, timeout},
};

use super::{idle::Upload, limits, targets::Target};

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-504-issues>
const CONNECT: Duration = Duration::from_secs(10);

/// The latency from a target to its load balancer: about a millisecond between two zones, none on loopback. During
/// this time, a connection that the target has closed looks open to the load balancer, which may send a request on
/// it.
const WAY: Duration = Duration::from_millis(1);

/// How often to look for connections that have been idle for too long.
const SWEEP: Duration = Duration::from_secs(1);

/// The reason why a target did not respond.
pub(super) enum Failure {
    /// The target refused the connection.
    Refused(io::Error),
    /// The target did not accept the connection within 10 seconds.
    Unreachable,
    /// The target closed the connection or sent invalid HTTP.
    Reset(hyper::Error),
}

/// A connection, and whether the load balancer knows that it is closed.
struct Connection {
    sender: Sender,
    known_closed: Arc<AtomicBool>,
}

/// The sending half of a connection.
enum Sender {
    Http1(http1::SendRequest<Upload>),
    Http2(http2::SendRequest<Upload>),
}

impl Sender {
    async fn send(&mut self, request: Request<Upload>) -> Result<Response<Incoming>, Failure> {
        let sent = match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        };
        sent.map_err(Failure::Reset)
    }

    /// Completes when the next request can be sent: with HTTP/1.1 once the response was read to its end, and never
    /// after an upgrade.
    async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Self::Http1(sender) => sender.ready().await,
            Self::Http2(sender) => sender.ready().await,
        }
    }
}

/// A connection that waits for its next request.
struct Idle {
    connection: Connection,
    until: Instant,
}

/// The key of the pool: a target, and whether the connection uses HTTP/2.
type Way = (Target, bool);

/// The connections from one listener to all its targets.
#[derive(Default)]
pub(super) struct Upstream {
    idle: Mutex<HashMap<Way, Vec<Idle>>>,
}

impl Upstream {
    pub(super) fn new() -> Arc<Self> {
        let upstream = Arc::new(Self::default());
        tokio::spawn(sweep(Arc::downgrade(&upstream)));
        upstream
    }

    /// Sends a request on a pooled connection or on a new one. It is sent only once, because an ALB cannot know
    /// whether the target has already begun to process it. A group with HTTP/2 gets HTTP/2.
    pub(super) async fn send(
        self: &Arc<Self>,
        target: &Target,
        request: Request<Upload>,
        idle: Duration,
    ) -> Result<Response<Incoming>, Failure> {
        let way = (target.clone(), request.version() == Version::HTTP_2);
        let mut connection = match self.take(&way) {
            Some(kept) => kept,
            None => connect(&way).await?,
        };
        let answer = connection.sender.send(request).await?;
        let upstream = Arc::clone(self);
        tokio::spawn(async move {
            if connection.sender.ready().await.is_ok() {
                upstream.keep(way, Idle { connection, until: Instant::now() + idle });
            }
        });
        Ok(answer)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, HashMap<Way, Vec<Idle>>> {
        self.idle.lock().expect("nobody panics while holding this")
    }

    fn take(&self, way: &Way) -> Option<Connection> {
        let mut idle = self.idle();
        let kept = idle.get_mut(way)?;
        let now = Instant::now();
        while let Some(last) = kept.pop() {
            if last.is_kept(now) {
                return Some(last.connection);
            }
        }
        None
    }

    fn keep(&self, way: Way, idle: Idle) {
        self.idle().entry(way).or_default().push(idle);
    }
}

impl Idle {
    fn is_kept(&self, now: Instant) -> bool {
        self.until > now && !self.connection.known_closed.load(Ordering::Relaxed)
    }
}

/// Closes connections that have been idle for too long.
async fn sweep(upstream: Weak<Upstream>) {
    loop {
        sleep(SWEEP).await;
        let Some(upstream) = upstream.upgrade() else { return };
        let now = Instant::now();
        upstream.idle().retain(|_, kept| {
            kept.retain(|idle| idle.is_kept(now));
            !kept.is_empty()
        });
    }
}

async fn connect((target, http2): &Way) -> Result<Connection, Failure> {
    let connecting = TcpStream::connect((target.ip.as_str(), target.port));
    let stream = timeout(CONNECT, connecting).await.map_err(|_| Failure::Unreachable)?.map_err(Failure::Refused)?;
    drop(stream.set_nodelay(true));
    let known_closed = Arc::new(AtomicBool::new(false));
    let known = Arc::clone(&known_closed);
    let closes = async move {
        sleep(WAY).await;
        known.store(true, Ordering::Relaxed);
    };
    // An error of the connection has already been reported to its request.
    let sender = if *http2 {
        let builder = http2::Builder::new(TokioExecutor::new());
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(Failure::Reset)?;
        tokio::spawn(async move {
            drop(connection.await);
            closes.await;
        });
        Sender::Http2(sender)
    } else {
        let mut builder = http1::Builder::new();
        builder.max_headers(limits::HEADERS);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(Failure::Reset)?;
        tokio::spawn(async move {
            drop(connection.with_upgrades().await);
            closes.await;
        });
        Sender::Http1(sender)
    };
    Ok(Connection { sender, known_closed })
}
