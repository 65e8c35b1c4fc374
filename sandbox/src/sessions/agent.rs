//! The agent's end of a session: sequence numbers, acknowledgements, retransmission, the handshake, and the session's
//! purpose.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::{
    ports, terminal,
    wire::{ACKNOWLEDGE, CLOSED, INPUT, Message, OUTPUT, Said},
};

/// The agent version that it reports.
const VERSION: &str = "3.3.1802.0";

/// How long a client may take for its part of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// How often to look for unacknowledged messages, and how old one must be to be sent again.
const REPEAT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(300));

/// How many messages may be unacknowledged.
const WINDOW: usize = 1000;

/// The largest payload of a message, in bytes.
const PIECE: usize = 1024;

const HANDSHAKE_REQUEST: u32 = 5;
const HANDSHAKE_RESPONSE: u32 = 6;
const HANDSHAKE_COMPLETE: u32 = 7;

/// The purpose of a session.
pub(crate) enum Purpose {
    Command(terminal::Command),
    Port(ports::Target),
}

/// The sequence numbers of one end.
struct Numbers {
    expected: i64,
    early: BTreeMap<i64, Message>,
    next: i64,
    waiting: BTreeMap<i64, (Vec<u8>, Instant)>,
    out: mpsc::UnboundedSender<Vec<u8>>,
}

impl Numbers {
    fn send(&mut self, payload_type: u32, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            let flags = u64::from(self.next == 0);
            let message = Message::new(OUTPUT, self.next, flags, payload_type, piece.to_vec()).encode();
            drop(self.out.send(message.clone()));
            self.waiting.insert(self.next, (message, Instant::now()));
            self.next += 1;
        }
    }

    /// Returns the messages that can be processed now, in order.
    fn receive(&mut self, bytes: &[u8]) -> Vec<Message> {
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(why) => {
                tracing::warn!("a message is dropped: {why}");
                return Vec::new();
            }
        };
        match message.kind.as_str() {
            INPUT => {
                let acknowledge = json!({
                    "AcknowledgedMessageType": message.kind, "AcknowledgedMessageId": message.id.to_string(),
                    "AcknowledgedMessageSequenceNumber": message.sequence, "IsSequentialMessage": true,
                });
                let acknowledge = acknowledge.to_string().into_bytes();
                drop(self.out.send(Message::new(ACKNOWLEDGE, 0, 3, 0, acknowledge).encode()));
                if message.sequence >= self.expected {
                    self.early.insert(message.sequence, message);
                }
                let mut ready = Vec::new();
                while let Some(message) = self.early.remove(&self.expected) {
                    self.expected += 1;
                    ready.push(message);
                }
                ready
            }
            ACKNOWLEDGE => {
                let content: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
                let of_ours = content["AcknowledgedMessageType"] == OUTPUT;
                if let Some(sequence) = content["AcknowledgedMessageSequenceNumber"].as_i64().filter(|_| of_ours) {
                    self.waiting.remove(&sequence);
                }
                Vec::new()
            }
            other => {
                tracing::warn!("a message of the type {other} is dropped");
                Vec::new()
            }
        }
    }

    fn repeat(&mut self) {
        // Only the oldest message: a client that has the later ones keeps them.
        if let Some((message, sent)) = self.waiting.values_mut().next()
            && sent.elapsed() > REPEAT.1
        {
            *sent = Instant::now();
            drop(self.out.send(message.clone()));
        }
    }

    fn close(&self, session: &str, why: &str) {
        let closed = json!({
            "MessageId": uuid::Uuid::new_v4(), "CreatedDate": jiff::Timestamp::now().to_string(), "SessionId": session,
            "MessageType": CLOSED, "SchemaVersion": 1, "Output": why,
        });
        drop(self.out.send(Message::new(CLOSED, 0, 3, 0, closed.to_string().into_bytes()).encode()));
    }
}

/// The progress of the handshake.
#[derive(PartialEq, Eq)]
enum Handshake {
    Asked,
    Done,
}

/// Runs a session until it is over, is `ended` from elsewhere, or its task is gone. In the last case it sends nothing
/// more, like a killed process. Returns whether it announced its end.
pub(super) async fn run(
    session: String,
    purpose: Purpose,
    mut from: mpsc::UnboundedReceiver<Vec<u8>>,
    out: mpsc::UnboundedSender<Vec<u8>>,
    mut ended: watch::Receiver<bool>,
    mut gone: watch::Receiver<bool>,
) -> bool {
    let mut numbers = Numbers { expected: 0, early: BTreeMap::new(), next: 0, waiting: BTreeMap::new(), out };
    numbers.send(HANDSHAKE_REQUEST, request(&purpose).to_string().as_bytes());
    let (begun, mut handshake) = (Instant::now(), Handshake::Asked);
    let mut purpose = Some(purpose);
    let (say, mut said) = mpsc::channel(16);
    let (tell, told) = mpsc::unbounded_channel();
    let mut told = Some(told);
    let mut repeat = tokio::time::interval(REPEAT.0);
    let over = loop {
        tokio::select! {
            bytes = from.recv() => {
                let Some(bytes) = bytes else { break None };
                let mut failed = None;
                for message in numbers.receive(&bytes) {
                    match message.payload_type {
                        HANDSHAKE_RESPONSE if handshake == Handshake::Asked => match check(&message.payload) {
                            Ok(()) => {
                                let complete = json!({ "HandshakeTimeToComplete": 1_000_000, "CustomerMessage": "" });
                                numbers.send(HANDSHAKE_COMPLETE, complete.to_string().as_bytes());
                                handshake = Handshake::Done;
                                if let (Some(purpose), Some(told)) = (purpose.take(), told.take()) {
                                    tokio::spawn(serve(purpose, told, say.clone()));
                                }
                            }
                            Err(why) => failed = Some(why),
                        },
                        // Like the real agent, it drops messages that arrive before the end of the handshake.
                        _ if handshake == Handshake::Asked => tracing::warn!("a message before the handshake is dropped"),
                        payload_type => drop(tell.send((payload_type, message.payload))),
                    }
                }
                if failed.is_some() {
                    break failed;
                }
            }
            one = said.recv(), if numbers.waiting.len() < WINDOW => match one {
                Some(Said::Payload(payload_type, bytes)) => numbers.send(payload_type, &bytes),
                Some(Said::Over(why)) => break Some(why),
                None => break None,
            },
            _ = repeat.tick() => {
                numbers.repeat();
                if handshake == Handshake::Asked && begun.elapsed() > HANDSHAKE {
                    break Some("Handshake timed out. Please ensure that you have the latest version of the session manager plugin.".to_owned());
                }
            }
            _ = ended.wait_for(|ended| *ended) => break Some(String::new()),
            _ = gone.wait_for(|gone| *gone) => break None,
        }
    };
    let Some(why) = over else { return false };
    // The service closes the channel only after the client has acknowledged everything.
    let deadline = Instant::now() + Duration::from_secs(5);
    while !numbers.waiting.is_empty() && Instant::now() < deadline {
        tokio::select! {
            bytes = from.recv() => match bytes {
                Some(bytes) => drop(numbers.receive(&bytes)),
                None => return false,
            },
            _ = repeat.tick() => numbers.repeat(),
        }
    }
    numbers.close(&session, &why);
    true
}

async fn serve(purpose: Purpose, told: mpsc::UnboundedReceiver<(u32, Vec<u8>)>, say: mpsc::Sender<Said>) {
    match purpose {
        Purpose::Command(command) => terminal::run(command, told, say).await,
        Purpose::Port(target) => ports::run(target, told, say).await,
    }
}

fn request(purpose: &Purpose) -> Value {
    let parameters = match purpose {
        Purpose::Command(_) => json!({ "SessionType": "InteractiveCommands", "Properties": null }),
        Purpose::Port(target) => json!({
            "SessionType": "Port",
            "Properties": { "portNumber": target.port.to_string(), "type": "LocalPortForwarding", "localPortNumber": "0" },
        }),
    };
    json!({
        "AgentVersion": VERSION,
        "RequestedClientActions": [{ "ActionType": "SessionType", "ActionParameters": parameters }],
    })
}

/// Checks that the client completed the handshake and supports what the session needs.
fn check(response: &[u8]) -> Result<(), String> {
    let response: Value = serde_json::from_slice(response).map_err(|error| error.to_string())?;
    let actions = response["ProcessedClientActions"].as_array().cloned().unwrap_or_default();
    let done = actions.iter().any(|action| action["ActionType"] == "SessionType" && action["ActionStatus"] == 1);
    if !done {
        return Err("SessionType failed on client".to_owned());
    }
    let version = response["ClientVersion"].as_str().unwrap_or_default();
    let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    // Older clients get one connection per session and keep-alives, which the sandbox does not implement.
    if numbers.len() != 4 || numbers < vec![1, 2, 331, 0] {
        return Err(format!("a client of the version {version} is not implemented in the sandbox"));
    }
    Ok(())
}
