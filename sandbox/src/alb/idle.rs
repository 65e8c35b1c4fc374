//! The idle timeout: a connection that transfers no data for this long is closed.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#connection-idle-timeout>

use std::{
    error::Error,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Duration, Instant, Sleep, sleep, sleep_until};

use super::targets::InFlight;

/// The reason why a body ended early.
pub(super) type Broken = Box<dyn Error + Send + Sync>;

/// The time of the last transfer, in either direction.
pub(super) struct Activity {
    last: Mutex<Instant>,
    client_owes: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { last: Mutex::new(Instant::now()), client_owes: AtomicBool::new(false) })
    }

    /// Records a transfer.
    pub(super) fn touch(&self) {
        *self.last.lock().expect("nobody panics while holding this") = Instant::now();
    }

    /// Returns whether part of the request has not arrived yet.
    pub(super) fn client_owes(&self) -> bool {
        self.client_owes.load(Ordering::Relaxed)
    }

    /// Completes when no data has moved for the time `idle`.
    pub(super) async fn ended(&self, idle: Duration) {
        loop {
            let end = *self.last.lock().expect("nobody panics while holding this") + idle;
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
    }
}

/// A request body that is streamed to the target.
pub(super) struct Upload {
    pub(super) body: Incoming,
    pub(super) activity: Arc<Activity>,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        self.activity.client_owes.store(polled.is_pending(), Ordering::Relaxed);
        if polled.is_ready() {
            self.activity.touch();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response body that is streamed to the client. Its request is in flight until the last byte.
pub(super) struct Download {
    body: Incoming,
    idle: Duration,
    end: Pin<Box<Sleep>>,
    cut_off: Pin<Box<dyn Future<Output = ()> + Send>>,
    _in_flight: InFlight,
}

impl Download {
    pub(super) fn new(body: Incoming, idle: Duration, in_flight: InFlight) -> Self {
        let (end, cut_off) = (Box::pin(sleep(idle)), Box::pin(in_flight.cut_off()));
        Self { body, idle, end, cut_off, _in_flight: in_flight }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let end = Instant::now() + self.idle;
            self.end.as_mut().reset(end);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if self.cut_off.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err("the target was deregistered, and its deregistration delay is over".into())));
        }
        if self.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err("the idle timeout is over".into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
