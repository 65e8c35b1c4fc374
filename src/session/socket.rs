//! The WebSocket of a data channel. It is opened as by AWS's plugin: with a signed request, and the session's token as
//! the first message.

use base64::{Engine, prelude::BASE64_STANDARD};
use futures::SinkExt;
use reqwest::{StatusCode, Upgraded, header};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

use super::payload::{CLIENT_VERSION, OpenDataChannel};
use crate::{
    aws::Aws,
    model::{Failure, Subject},
};

/// The service name in signatures.
const SERVICE: &str = "ssmmessages";

/// The version of the channel's messages.
const SCHEMA: &str = "1.0";

/// The WebSocket of a data channel.
pub(super) type Socket = WebSocketStream<Upgraded>;

/// Opens the data channel at `url` with its token.
pub(super) async fn open(aws: &Aws, url: &str, token: &str, client: &str) -> Result<Socket, Failure> {
    let failed = |why: String| {
        Failure::about(Subject::activity("open the data channel"), why)
            .hint("check that this machine can reach ssmmessages in the stack's region over HTTPS")
    };
    // Uses the HTTP client of all other HTTPS requests, so that the certificates and proxies of this machine apply.
    let http = url.replacen("ws", "http", 1);
    let key = BASE64_STANDARD.encode(rand::random::<[u8; 16]>());
    let client_of_http = reqwest::Client::builder().http1_only().connect_timeout(std::time::Duration::from_secs(10));
    let mut request = client_of_http
        .build()
        .map_err(|error| failed(chain(&error)))?
        .get(&http)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key);
    for (name, value) in aws.signature(&http, SERVICE).await? {
        request = request.header(name, value);
    }
    let response = request.send().await.map_err(|error| failed(chain(&error.without_url())))?;
    let accept = response.headers().get(header::SEC_WEBSOCKET_ACCEPT).map(header::HeaderValue::as_bytes);
    if response.status() != StatusCode::SWITCHING_PROTOCOLS
        || accept != Some(derive_accept_key(key.as_bytes()).as_bytes())
    {
        return Err(failed(format!("Session Manager returned {} instead of a WebSocket", response.status())));
    }
    let upgraded = response.upgrade().await.map_err(|error| failed(chain(&error.without_url())))?;
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    let opening = OpenDataChannel {
        message_schema_version: SCHEMA,
        request_id: uuid::Uuid::new_v4().to_string(),
        token_value: token,
        client_id: client,
        client_version: CLIENT_VERSION,
    };
    let opening = serde_json::to_string(&opening).expect("it is plain data");
    socket.send(Message::text(opening)).await.map_err(|error| failed(error.to_string()))?;
    Ok(socket)
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
