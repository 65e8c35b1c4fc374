//! Connections to targets: kept open and used again, until the idle timeout or until the target closes them.
//!
//! An ALB keeps connections to targets
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html#http-connections>).
//! A target that closes idle ones sooner than the load balancer does so while a request is on its way: that one is
//! answered with 502, and not sent again
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
    Request, Response,
    body::Incoming,
    client::conn::http1::{Builder, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Duration, Instant, sleep, timeout},
};

use super::{idle::Upload, limits, targets::Target};

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html#http-504-issues>
const CONNECT: Duration = Duration::from_secs(10);

/// The way from a target to its load balancer. A network between two zones takes about a millisecond, loopback takes none.
/// For so long, a connection that the target has closed looks open to the load balancer, which may send a request on it.
const WAY: Duration = Duration::from_millis(1);

/// How often it is looked for connections that have been idle for too long.
const SWEEP: Duration = Duration::from_secs(1);

/// Why a target gives no answer.
pub(super) enum Failure {
    /// It takes no connection.
    Refused(io::Error),
    /// It takes none within ten seconds.
    Unreachable,
    /// It closed the connection, or what it sent is no HTTP.
    Reset(hyper::Error),
}

/// A connection, and whether the load balancer knows that it is closed.
struct Connection {
    sender: SendRequest<Upload>,
    known_closed: Arc<AtomicBool>,
}

/// One that waits for its next request.
struct Idle {
    connection: Connection,
    until: Instant,
}

/// The connections to all targets of a listener.
#[derive(Default)]
pub(super) struct Upstream {
    idle: Mutex<HashMap<Target, Vec<Idle>>>,
}

impl Upstream {
    pub(super) fn new() -> Arc<Self> {
        let upstream = Arc::new(Self::default());
        tokio::spawn(sweep(Arc::downgrade(&upstream)));
        upstream
    }

    /// Sends a request on a connection that is kept, or on a new one. It is sent once: an ALB does not know either
    /// whether the target has begun with it.
    pub(super) async fn send(
        self: &Arc<Self>,
        target: &Target,
        request: Request<Upload>,
        idle: Duration,
    ) -> Result<Response<Incoming>, Failure> {
        let mut connection = match self.take(target) {
            Some(kept) => kept,
            None => connect(target).await?,
        };
        let answer = connection.sender.send_request(request).await.map_err(Failure::Reset)?;
        let (upstream, target) = (Arc::clone(self), target.clone());
        tokio::spawn(async move {
            // It is ready once the answer has been read to its end, and never after an upgrade.
            if connection.sender.ready().await.is_ok() {
                upstream.keep(target, Idle { connection, until: Instant::now() + idle });
            }
        });
        Ok(answer)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, HashMap<Target, Vec<Idle>>> {
        self.idle.lock().expect("nobody panics while holding this")
    }

    fn take(&self, target: &Target) -> Option<Connection> {
        let mut idle = self.idle();
        let kept = idle.get_mut(target)?;
        let now = Instant::now();
        while let Some(last) = kept.pop() {
            if last.is_kept(now) {
                return Some(last.connection);
            }
        }
        None
    }

    fn keep(&self, target: Target, idle: Idle) {
        self.idle().entry(target).or_default().push(idle);
    }
}

impl Idle {
    fn is_kept(&self, now: Instant) -> bool {
        self.until > now && !self.connection.known_closed.load(Ordering::Relaxed)
    }
}

/// Closes what has been idle for too long.
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

async fn connect(target: &Target) -> Result<Connection, Failure> {
    let connecting = TcpStream::connect((target.ip.as_str(), target.port));
    let stream = timeout(CONNECT, connecting).await.map_err(|_| Failure::Unreachable)?.map_err(Failure::Refused)?;
    drop(stream.set_nodelay(true));
    let mut builder = Builder::new();
    builder.max_headers(limits::HEADERS);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(Failure::Reset)?;
    let known_closed = Arc::new(AtomicBool::new(false));
    let known = Arc::clone(&known_closed);
    tokio::spawn(async move {
        // How it ended, the request has been told.
        drop(connection.with_upgrades().await);
        sleep(WAY).await;
        known.store(true, Ordering::Relaxed);
    });
    Ok(Connection { sender, known_closed })
}
