//! Session Manager: sessions with tasks, their data channels, and the agent in each task.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartSession.html>

mod agent;
mod ports;
mod terminal;
mod wire;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::{Mutex as Attached, Notify, mpsc, watch};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

use crate::{
    api::{Answer, ApiError, Call},
    children::Files,
    place::Place,
};
pub(crate) use agent::Purpose;
use ports::Target;
pub(crate) use terminal::Command;

/// How long a client may take to show its token.
const OPENING: Duration = Duration::from_secs(10);

/// How long a client may take to read the last message and close.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The path of data channels.
pub(crate) const PATH: &str = "/v1/data-channel/";

/// The view of a running container for sessions.
#[derive(Clone, Debug)]
pub(crate) struct Inside {
    pub(crate) files: Files,
    pub(crate) environment: BTreeMap<String, String>,
    /// Its port on this computer.
    pub(crate) port: u16,
    /// Its container port.
    pub(crate) container_port: Option<u16>,
    /// Why the agent does not run, or `None` if it does.
    pub(crate) no_agent: Option<String>,
}

/// The container at a target of Session Manager, and a signal that its processes have ended.
pub(crate) type Found = (Inside, watch::Receiver<bool>);

/// All sessions.
pub(crate) struct Sessions {
    place: Arc<Place>,
    open: Mutex<HashMap<String, Arc<Session>>>,
    cut: Notify,
}

struct Session {
    token: Mutex<String>,
    /// The parameters of the agent, which starts when the client connects.
    start: Mutex<Option<Start>>,
    to_agent: mpsc::UnboundedSender<Vec<u8>>,
    from_agent: Attached<mpsc::UnboundedReceiver<Vec<u8>>>,
    ended: watch::Sender<bool>,
}

struct Start {
    purpose: Purpose,
    inbox: mpsc::UnboundedReceiver<Vec<u8>>,
    outbox: mpsc::UnboundedSender<Vec<u8>>,
    gone: watch::Receiver<bool>,
}

impl Sessions {
    pub(crate) fn new(place: Arc<Place>) -> Self {
        Self { place, open: Mutex::default(), cut: Notify::new() }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.open.lock().expect("nobody panics while holding this")
    }

    /// Creates a session and returns its id, the URL of its data channel, and the token for it. The session ends for
    /// good when the task is `gone`.
    pub(crate) fn make(&self, prefix: &str, purpose: Purpose, gone: watch::Receiver<bool>) -> (String, String, String) {
        let id = format!("{prefix}-{}", uuid::Uuid::new_v4().simple());
        let token = token();
        let (to_agent, inbox) = mpsc::unbounded_channel();
        let (outbox, from_agent) = mpsc::unbounded_channel();
        let session = Session {
            token: Mutex::new(token.clone()),
            start: Mutex::new(Some(Start { purpose, inbox, outbox, gone })),
            to_agent,
            from_agent: Attached::new(from_agent),
            ended: watch::channel(false).0,
        };
        self.open().insert(id.clone(), Arc::new(session));
        let url = address(&self.place.endpoint, &id);
        (id, url, token)
    }

    /// Cuts every connection, like a network failure.
    pub(crate) fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// Answers a call of Systems Manager about sessions, or returns `None` for other calls. `find` returns the
    /// container at a target.
    pub(crate) fn call(&self, call: &Call, find: impl Fn(&str) -> Option<Found>) -> Option<Result<Answer, ApiError>> {
        let input = match call.operation.as_str() {
            "StartSession" | "ResumeSession" | "TerminateSession" => match call.json() {
                Ok(input) => input,
                Err(error) => return Some(Err(error)),
            },
            _ => return None,
        };
        let answer = match call.operation.as_str() {
            "StartSession" => self.start(&input, find),
            "ResumeSession" => self.resume(&input),
            _ => Ok(self.terminate(&input)),
        };
        Some(answer.map(|answer| Answer::json(&answer)))
    }

    fn find(&self, input: &Value) -> Result<(String, Arc<Session>), ApiError> {
        let id = input["SessionId"].as_str().unwrap_or_default().to_owned();
        let session = self.open().get(&id).cloned();
        let session = session.ok_or_else(|| ApiError::client("DoesNotExistException", "Session does not exist"))?;
        Ok((id, session))
    }

    /// `StartSession`, only for targets that are tasks.
    fn start(&self, input: &Value, find: impl Fn(&str) -> Option<Found>) -> Result<Value, ApiError> {
        let target = input["Target"].as_str().unwrap_or_default();
        let parameter = |key: &str| input["Parameters"][key][0].as_str();
        let document = input["DocumentName"].as_str().unwrap_or_default();
        let known: &[&str] = match document {
            "AWS-StartPortForwardingSession" => &["portNumber", "localPortNumber"],
            "AWS-StartPortForwardingSessionToRemoteHost" => &["portNumber", "localPortNumber", "host"],
            _ => return Err(ApiError::client("InvalidDocument", "Document with name does not exist in the sandbox")),
        };
        for key in input["Parameters"].as_object().into_iter().flat_map(serde_json::Map::keys) {
            if !known.contains(&key.as_str()) {
                return Err(ApiError::client(
                    "InvalidParameters",
                    format!("Parameter \"{key}\" is not defined in document {document}."),
                ));
            }
        }
        let port: u16 = parameter("portNumber")
            .and_then(|port| port.parse().ok())
            .filter(|port| *port > 0)
            .ok_or_else(|| ApiError::client("InvalidParameters", "portNumber does not match its pattern"))?;
        if parameter("localPortNumber").is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(ApiError::client("InvalidParameters", "localPortNumber does not match its pattern"));
        }
        let (inside, gone) = find(target)
            .ok_or_else(|| ApiError::client("TargetNotConnected", format!("{target} is not connected.")))?;
        let host = parameter("host").unwrap_or("localhost").to_owned();
        let here = ["localhost", "127.0.0.1"].contains(&host.as_str());
        // Tasks share this computer's network, so the task's real port replaces its container port.
        let real = if here && Some(port) == inside.container_port { inside.port } else { port };
        let purpose = Purpose::Port(Target { host, port, real });
        let (id, url, token) = self.make("sandbox", purpose, gone);
        Ok(json!({ "SessionId": id, "StreamUrl": url, "TokenValue": token }))
    }

    fn resume(&self, input: &Value) -> Result<Value, ApiError> {
        let (id, session) = self.find(input)?;
        let fresh = token();
        session.token.lock().expect("nobody panics while holding this").clone_from(&fresh);
        Ok(json!({ "SessionId": id, "TokenValue": fresh, "StreamUrl": address(&self.place.endpoint, &id) }))
    }

    fn terminate(&self, input: &Value) -> Value {
        // Ending a session that is already over is not an error.
        if let Ok((id, session)) = self.find(input) {
            session.ended.send_replace(true);
            self.open().remove(&id);
        }
        json!({ "SessionId": input["SessionId"] })
    }

    /// Opens the WebSocket of a data channel.
    pub(crate) fn channel(self: &Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let refuse = |status: u16, why: &str| {
            let body = Full::new(Bytes::from(why.to_owned()));
            Response::builder().status(status).body(body).expect("the status is valid")
        };
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if request.uri().query() != Some("role=publish_subscribe") {
            return refuse(400, "there is no such role");
        }
        if !header("authorization").contains("/ssmmessages/aws4_request") {
            return refuse(403, "it is not signed for ssmmessages");
        }
        let is_upgrade = header("upgrade").eq_ignore_ascii_case("websocket") && header("sec-websocket-version") == "13";
        let key = header("sec-websocket-key").to_owned();
        if !is_upgrade || key.is_empty() {
            return refuse(426, "only a WebSocket is served here");
        }
        let id = request.uri().path().trim_start_matches(PATH).to_owned();
        let Some(session) = self.open().get(&id).cloned() else { return refuse(404, "there is no such session") };
        let sessions = Arc::clone(self);
        tokio::spawn(async move {
            if let Ok(upgraded) = hyper::upgrade::on(request).await {
                let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
                attach(&sessions, id, session, socket).await;
            }
        });
        Response::builder()
            .status(101)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-accept", derive_accept_key(key.as_bytes()))
            .body(Full::default())
            .expect("status and headers are valid")
    }
}

fn token() -> String {
    BASE64_STANDARD.encode(rand::random::<[u8; 32]>())
}

fn address(endpoint: &str, id: &str) -> String {
    format!("{}{PATH}{id}?role=publish_subscribe", endpoint.replacen("http", "ws", 1))
}

/// Connects a client's socket with the agent until one of them is gone.
async fn attach(
    sessions: &Sessions,
    id: String,
    session: Arc<Session>,
    mut socket: WebSocketStream<TokioIo<Upgraded>>,
) {
    let Ok(Some(Ok(Message::Text(opening)))) = tokio::time::timeout(OPENING, socket.next()).await else { return };
    let opening: Value = serde_json::from_str(&opening).unwrap_or_default();
    let given = |key: &str| opening[key].as_str().unwrap_or_default();
    let shown = given("TokenValue") == session.token.lock().expect("nobody panics while holding this").as_str();
    let named = ["RequestId", "ClientId"].iter().all(|key| uuid::Uuid::parse_str(given(key)).is_ok());
    if !shown || !named || given("MessageSchemaVersion") != "1.0" {
        drop(socket.close(None).await);
        return;
    }
    let start = session.start.lock().expect("nobody panics while holding this").take();
    if let Some(Start { purpose, inbox, outbox, gone }) = start {
        let (id, session) = (id.clone(), Arc::clone(&session));
        tokio::spawn(async move {
            let (ended, kept) = (session.ended.subscribe(), outbox.clone());
            if agent::run(id, purpose, inbox, outbox, ended, gone).await {
                session.ended.send_replace(true);
            }
            drop(kept);
        });
    }
    // The previous connection may not have noticed yet that it is lost.
    let Ok(mut from_agent) = tokio::time::timeout(OPENING, session.from_agent.lock()).await else { return };
    let mut is_silent = false;
    let over = loop {
        tokio::select! {
            bytes = from_agent.recv(), if !is_silent => match bytes {
                Some(bytes) => {
                    if socket.send(Message::binary(bytes)).await.is_err() {
                        break false;
                    }
                }
                // If the agent was killed, the channel stays open but silent, as at AWS.
                None if *session.ended.borrow() => break true,
                None => is_silent = true,
            },
            arrived = socket.next() => match arrived {
                Some(Ok(Message::Binary(bytes))) => drop(session.to_agent.send(bytes.to_vec())),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break false,
                Some(Ok(_)) => {}
            },
            () = sessions.cut.notified() => break false,
        }
    };
    if over {
        sessions.open().remove(&id);
        drop(socket.close(None).await);
        // Closing a socket with unread data resets the connection, which would lose the last message.
        let unread = async { while socket.next().await.is_some_and(|message| message.is_ok()) {} };
        drop(tokio::time::timeout(LAST_WORDS, unread).await);
    }
}
