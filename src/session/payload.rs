//! The payloads of control messages: JSON with the names that AWS uses.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::message::Message;

/// The client version that stackctl reports to the agent: that of AWS's plugin with the same features, as far as
/// sessions of stackctl use them. It determines how the agent forwards ports: with many connections in one session, and
/// without keep-alives, which would hide that a session is idle. It is the oldest version that AWS supports, and the
/// first one that signs the opening of a data channel, as stackctl does.
/// <https://docs.aws.amazon.com/systems-manager/latest/userguide/plugin-version-history.html>
pub const CLIENT_VERSION: &str = "1.2.764.0";

/// The status of a processed action.
const DONE: u8 = 1;
const FAILED: u8 = 2;

/// The type of a session that forwards ports.
pub const PORT: &str = "Port";

/// The first message on the socket, sent as text. The token authorizes the connection.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OpenDataChannel<'a> {
    /// The version of the messages.
    pub message_schema_version: &'static str,
    /// A new UUID.
    pub request_id: String,
    /// The token, which is secret.
    pub token_value: &'a str,
    /// The UUID of this client, which stays the same during a session.
    pub client_id: &'a str,
    /// [`CLIENT_VERSION`].
    pub client_version: &'static str,
}

/// The acknowledgement of a numbered message.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    #[serde(rename = "AcknowledgedMessageType")]
    kind: String,
    #[serde(rename = "AcknowledgedMessageId")]
    id: String,
    /// The sequence number of the message.
    #[serde(rename = "AcknowledgedMessageSequenceNumber")]
    pub sequence: i64,
    #[serde(rename = "IsSequentialMessage")]
    sequential: bool,
}

impl Acknowledge {
    /// Creates the acknowledgement of `message`.
    pub fn of(message: &Message) -> Self {
        let (kind, id) = (message.kind.name().to_owned(), message.id.to_string());
        Self { kind, id, sequence: message.sequence, sequential: true }
    }
}

/// The agent's first request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeRequest {
    /// The agent's version.
    #[serde(default)]
    pub agent_version: String,
    /// The actions that it requests.
    #[serde(default)]
    pub requested_client_actions: Vec<Action>,
}

/// A requested action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Action {
    /// `SessionType` or `KMSEncryption`.
    pub action_type: String,
    /// Its parameters.
    #[serde(default)]
    pub action_parameters: Value,
}

impl HandshakeRequest {
    /// Returns the type of the session: `Port`, `InteractiveCommands`, …
    pub fn session_type(&self) -> Option<&str> {
        let action = self.requested_client_actions.iter().find(|action| action.action_type == "SessionType")?;
        action.action_parameters["SessionType"].as_str()
    }

    /// Returns the response, and why an action is not supported, if so.
    pub fn answer(&self) -> (HandshakeResponse, Option<String>) {
        let mut refused = None;
        let done = |action: &Action| {
            let error = match action.action_type.as_str() {
                "SessionType" => None,
                "KMSEncryption" => Some("sessions encrypted with a KMS key are not supported".to_owned()),
                other => Some(format!("the action {other} is not supported")),
            };
            refused = refused.take().or_else(|| error.clone());
            let action_status = if error.is_none() { DONE } else { FAILED };
            let error = error.unwrap_or_default();
            ProcessedAction { action_type: action.action_type.clone(), action_status, action_result: None, error }
        };
        let processed_client_actions = self.requested_client_actions.iter().map(done).collect();
        let errors = refused.iter().cloned().collect();
        (HandshakeResponse { client_version: CLIENT_VERSION, processed_client_actions, errors }, refused)
    }
}

/// The response to a [`HandshakeRequest`].
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HandshakeResponse {
    client_version: &'static str,
    processed_client_actions: Vec<ProcessedAction>,
    errors: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessedAction {
    action_type: String,
    action_status: u8,
    action_result: Option<Value>,
    error: String,
}

/// The end of a session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChannelClosed {
    /// The reason, or empty for a normal end.
    #[serde(default)]
    pub output: String,
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Columns.
    pub cols: u32,
    /// Rows.
    pub rows: u32,
}

/// A control flag in a session that forwards ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// End the session.
    Terminate = 2,
    /// The agent could not connect to the host and port.
    NotConnected = 3,
}

impl Flag {
    /// Returns the binary form.
    pub fn encode(self) -> Vec<u8> {
        (self as u32).to_be_bytes().to_vec()
    }

    /// Parses a flag. Returns `None` for an unknown flag.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let number = u32::from_be_bytes(bytes.try_into().ok()?);
        [Self::Terminate, Self::NotConnected].into_iter().find(|flag| *flag as u32 == number)
    }
}

/// Returns whether the dotted version `one` is later than `other`.
pub fn is_later(one: &str, other: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> { version.split('.').filter_map(|part| part.parse().ok()).collect() };
    numbers(one) > numbers(other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_handshake_response_lists_the_supported_actions() {
        let request = json!({
            "AgentVersion": "3.3.40.0",
            "RequestedClientActions": [
                { "ActionType": "SessionType", "ActionParameters": { "SessionType": "Port", "Properties": { "portNumber": "80" } } },
            ],
        });
        let request: HandshakeRequest = serde_json::from_value(request).expect("it is one");
        let (answer, refused) = request.answer();
        assert_eq!((request.session_type(), refused), (Some("Port"), None));
        let expected = json!({
            "ClientVersion": CLIENT_VERSION,
            "ProcessedClientActions": [
                { "ActionType": "SessionType", "ActionStatus": 1, "ActionResult": null, "Error": "" },
            ],
            "Errors": [],
        });
        assert_eq!(serde_json::to_value(answer).expect("it is data"), expected);
    }

    #[test]
    fn an_encrypted_session_is_refused_with_a_reason() {
        let request = json!({ "RequestedClientActions": [{ "ActionType": "KMSEncryption", "ActionParameters": { "KMSKeyId": "k" } }] });
        let request: HandshakeRequest = serde_json::from_value(request).expect("it is one");
        let (answer, refused) = request.answer();
        assert!(refused.expect("it is refused").contains("KMS"));
        assert_eq!(answer.processed_client_actions[0].action_status, FAILED);
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(is_later("3.1.1511.1", "3.1.1511.0") && is_later("3.10.0.0", "3.9.9.9"));
        assert!(!is_later("3.1.1511.0", "3.1.1511.0") && !is_later("2.3.722.0", "3.0.196.0"));
    }
}
