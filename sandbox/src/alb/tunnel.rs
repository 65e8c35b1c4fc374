//! WebSocket upgrades: joins the connections to the client and to the target, and copies bytes in both directions.
//!
//! An ALB upgrades HTTP/1.1 to a WebSocket, on HTTP and HTTPS listeners alike:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html#listener-configuration>

use std::{io, sync::Arc, time::Duration};

use hyper::{HeaderMap, Request, StatusCode, Version, header::HeaderValue, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use super::{idle::Activity, targets::InFlight};

/// The size of the copy buffer.
const BUFFER: usize = 16 * 1024;

/// Returns whether a request asks for a WebSocket.
pub(super) fn is_asked_for<B>(request: &Request<B>) -> bool {
    let has = |name: &str, token: &str| {
        let values = request.headers().get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    request.version() == Version::HTTP_11 && has("connection", "upgrade") && has("upgrade", "websocket")
}

/// Sets the upgrade headers again. They are hop-by-hop headers, which the load balancer removes from other requests.
pub(super) fn set(headers: &mut HeaderMap) {
    headers.insert("connection", HeaderValue::from_static("Upgrade"));
    headers.insert("upgrade", HeaderValue::from_static("websocket"));
}

/// Returns whether the target accepted the upgrade.
pub(super) fn is_granted(status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS
}

/// Copies data both ways until an end closes, until nothing moves for `idle`, or until the target is cut off.
pub(super) async fn carry(client: OnUpgrade, target: OnUpgrade, idle: Duration, in_flight: InFlight) {
    let Ok((client, target)) = tokio::try_join!(client, target) else { return };
    let activity = Activity::new();
    let (from_client, to_client) = split(TokioIo::new(client));
    let (from_target, to_target) = split(TokioIo::new(target));
    // An error on one side closes the other side too.
    tokio::select! {
        ended = copy(from_client, to_target, &activity) => drop(ended),
        ended = copy(from_target, to_client, &activity) => drop(ended),
        () = activity.ended(idle) => {}
        () = in_flight.cut_off() => {}
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    activity: &Arc<Activity>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        activity.touch();
        to.write_all(&buffer[..read]).await?;
        to.flush().await?;
    }
}
