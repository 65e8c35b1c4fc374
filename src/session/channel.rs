//! The protocol state of a data channel, without socket and clock. It orders and acknowledges received messages,
//! numbers sent messages and repeats them until they are acknowledged, and answers the agent's handshake.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use super::{
    message::{Kind, Message, Payload},
    payload::{Acknowledge, ChannelClosed, Flag, HandshakeRequest},
};

/// The maximum payload of a message, in bytes. AWS's plugin and agent use the same limit.
pub const PIECE: usize = 1024;

/// The maximum number of unacknowledged messages.
const WINDOW: usize = 256;

/// How far ahead of the expected number a message may be to be kept.
const EARLY: i64 = 10_000;

/// The initial and the maximum time to wait for an acknowledgement before a message is repeated.
const PATIENCE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));

/// The minimum margin added to the usual round-trip time.
const GRAIN: Duration = Duration::from_millis(10);

/// How long a message is repeated before the connection counts as lost.
const LOST: Duration = Duration::from_secs(300);

/// The result of a received message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The agent has introduced itself.
    Greeted {
        /// The version of the agent.
        agent: String,
        /// The type of the session.
        session: String,
    },
    /// The channel is open: data sent from now on reaches the session.
    Ready,
    /// Output of the session.
    Data(Vec<u8>),
    /// Output of the command's standard error.
    Error(Vec<u8>),
    /// The command's exit code.
    ExitCode(i32),
    /// A flag.
    Flag(Flag),
    /// The session has ended, with the reason, which may be empty.
    Closed(String),
}

/// One end of a data channel.
pub struct Channel {
    expected: i64,
    early: BTreeMap<i64, Message>,
    next: i64,
    on_their_way: VecDeque<Sent>,
    outbox: Vec<Vec<u8>>,
    patience: Patience,
    paused: bool,
    ready: bool,
}

struct Sent {
    sequence: i64,
    bytes: Vec<u8>,
    first: Instant,
    last: Instant,
    repeated: bool,
}

/// The round-trip time, estimated as TCP does (RFC 6298).
struct Patience {
    usual: Duration,
    variation: Duration,
}

impl Patience {
    fn learn(&mut self, took: Duration) {
        self.variation = (self.variation * 3 + self.usual.abs_diff(took)) / 4;
        self.usual = (self.usual * 7 + took) / 8;
    }

    fn wait(&self) -> Duration {
        (self.usual + GRAIN.max(self.variation * 4)).min(PATIENCE.1)
    }
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            expected: 0,
            early: BTreeMap::new(),
            next: 0,
            on_their_way: VecDeque::new(),
            outbox: Vec::new(),
            patience: Patience { usual: PATIENCE.0 / 2, variation: PATIENCE.0 / 8 },
            paused: false,
            ready: false,
        }
    }
}

impl Channel {
    /// Handles bytes from the socket. Invalid messages are dropped: they are not acknowledged, so the agent repeats
    /// them.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) -> Vec<Event> {
        let Some(message) = Message::decode(bytes) else { return Vec::new() };
        // As for AWS's agent, any message ends a pause, because the one that ends it may be lost.
        self.paused = message.kind == Kind::Pause;
        match message.kind {
            Kind::Output => self.numbered(message, now),
            Kind::Acknowledge => {
                if let Ok(acknowledge) = serde_json::from_slice::<Acknowledge>(&message.payload) {
                    self.acknowledged(acknowledge.sequence, now);
                }
                Vec::new()
            }
            Kind::Closed => {
                let closed = serde_json::from_slice::<ChannelClosed>(&message.payload);
                vec![Event::Closed(closed.map(|closed| closed.output).unwrap_or_default())]
            }
            Kind::Start | Kind::Pause | Kind::Input => Vec::new(),
        }
    }

    /// Sends bytes, split into messages.
    pub fn send(&mut self, payload_type: Payload, bytes: &[u8], now: Instant) {
        for piece in bytes.chunks(PIECE) {
            let bytes = Message::input(self.next, payload_type, piece.to_vec()).encode();
            self.outbox.push(bytes.clone());
            let sent = Sent { sequence: self.next, bytes, first: now, last: now, repeated: false };
            self.on_their_way.push_back(sent);
            self.next += 1;
        }
    }

    /// Returns whether more may be sent now.
    pub fn has_room(&self) -> bool {
        self.on_their_way.len() < WINDOW && !self.paused
    }

    /// Returns whether everything sent was acknowledged.
    #[cfg(test)]
    fn has_arrived(&self) -> bool {
        self.on_their_way.is_empty()
    }

    /// Returns whether the handshake is done.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Opens the channel without a handshake, for agents that send none.
    pub fn begin(&mut self) {
        self.ready = true;
    }

    /// Repeats the oldest message if its acknowledgement is overdue. Returns false once the connection counts as lost.
    pub fn repeat(&mut self, now: Instant) -> bool {
        let wait = self.patience.wait();
        // The other end keeps later messages, so only the oldest is missing.
        let Some(oldest) = self.on_their_way.front_mut().filter(|_| !self.paused) else { return true };
        if now.duration_since(oldest.last) > wait {
            oldest.last = now;
            oldest.repeated = true;
            self.outbox.push(oldest.bytes.clone());
        }
        now.duration_since(oldest.first) < LOST
    }

    /// Repeats all unacknowledged messages on a new socket. A pause of the old socket no longer applies.
    pub fn repeat_all(&mut self, now: Instant) {
        self.paused = false;
        self.outbox.clear();
        for sent in &mut self.on_their_way {
            sent.last = now;
            sent.repeated = true;
            self.outbox.push(sent.bytes.clone());
        }
    }

    /// Returns the messages to write to the socket now.
    pub fn outbox(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.outbox)
    }

    fn acknowledged(&mut self, sequence: i64, now: Instant) {
        let Some(at) = self.on_their_way.iter().position(|sent| sent.sequence == sequence) else { return };
        if let Some(sent) = self.on_their_way.remove(at)
            && !sent.repeated
        {
            // For a repeated message, it is unknown which copy was acknowledged.
            self.patience.learn(now.duration_since(sent.last));
        }
    }

    fn numbered(&mut self, message: Message, now: Instant) -> Vec<Event> {
        if message.sequence >= self.expected + EARLY {
            return Vec::new();
        }
        // A repeated message is acknowledged again, because the first acknowledgement may be lost.
        let acknowledge = serde_json::to_vec(&Acknowledge::of(&message)).expect("it is plain data");
        self.outbox.push(Message::alone(Kind::Acknowledge, acknowledge).encode());
        if message.sequence >= self.expected {
            self.early.insert(message.sequence, message);
        }
        let mut events = Vec::new();
        while let Some(message) = self.early.remove(&self.expected) {
            self.expected += 1;
            self.process(message, now, &mut events);
        }
        events
    }

    fn process(&mut self, message: Message, now: Instant, events: &mut Vec<Event>) {
        match message.payload_type {
            Payload::HandshakeRequest => {
                let Ok(request) = serde_json::from_slice::<HandshakeRequest>(&message.payload) else { return };
                let (answer, refused) = request.answer();
                let answer = serde_json::to_vec(&answer).expect("it is plain data");
                self.send(Payload::HandshakeResponse, &answer, now);
                let session = request.session_type().unwrap_or_default().to_owned();
                events.push(Event::Greeted { agent: request.agent_version, session });
                events.extend(refused.map(Event::Closed));
            }
            Payload::HandshakeComplete => self.is_now_ready(events),
            Payload::Data => {
                // An agent without a handshake starts with the session's data.
                self.is_now_ready(events);
                events.push(Event::Data(message.payload));
            }
            Payload::Error => events.push(Event::Error(message.payload)),
            Payload::ExitCode => {
                let code = std::str::from_utf8(&message.payload).ok().and_then(|text| text.trim().parse().ok());
                events.extend(code.map(Event::ExitCode));
            }
            Payload::Flag => events.extend(Flag::decode(&message.payload).map(Event::Flag)),
            Payload::EncryptionChallenge => {
                events
                    .push(Event::Closed("the agent requires an encrypted session, which is not supported".to_owned()));
            }
            Payload::None | Payload::Size | Payload::HandshakeResponse | Payload::Unknown => {}
        }
    }

    fn is_now_ready(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.ready, true) {
            events.push(Event::Ready);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn from_agent(sequence: i64, payload_type: Payload, payload: &[u8]) -> Vec<u8> {
        Message { kind: Kind::Output, ..Message::input(sequence, payload_type, payload.to_vec()) }.encode()
    }

    fn acknowledgement(message: &Message) -> Vec<u8> {
        let payload = serde_json::to_vec(&Acknowledge::of(message)).expect("it is data");
        Message::alone(Kind::Acknowledge, payload).encode()
    }

    fn sent(channel: &mut Channel) -> Vec<Message> {
        channel.outbox().iter().map(|bytes| Message::decode(bytes).expect("it is a message")).collect()
    }

    #[test]
    fn a_session_begins_with_the_agents_handshake() {
        let (mut channel, now) = (Channel::default(), Instant::now());
        let request = json!({
            "AgentVersion": "3.3.40.0",
            "RequestedClientActions": [{ "ActionType": "SessionType", "ActionParameters": { "SessionType": "Port" } }],
        });
        let events = channel.receive(&from_agent(0, Payload::HandshakeRequest, request.to_string().as_bytes()), now);
        assert_eq!(events, [Event::Greeted { agent: "3.3.40.0".into(), session: "Port".into() }]);
        let answers = sent(&mut channel);
        assert_eq!(answers[0].kind, Kind::Acknowledge);
        assert_eq!((answers[1].payload_type, answers[1].sequence), (Payload::HandshakeResponse, 0));
        assert!(!channel.is_ready());
        let events = channel.receive(&from_agent(1, Payload::HandshakeComplete, b"{}"), now);
        assert_eq!((events, channel.is_ready()), (vec![Event::Ready], true));
    }

    #[test]
    fn a_repeated_message_is_delivered_once() {
        let (mut channel, now) = (Channel::default(), Instant::now());
        let hello = from_agent(0, Payload::Data, b"hello");
        assert_eq!(channel.receive(&hello, now), [Event::Ready, Event::Data(b"hello".to_vec())]);
        assert_eq!(channel.receive(&hello, now), []);
        assert_eq!(sent(&mut channel).len(), 2);
    }

    #[test]
    fn an_unacknowledged_message_is_repeated() {
        let (mut channel, start) = (Channel::default(), Instant::now());
        channel.send(Payload::Data, b"hello", start);
        let first = sent(&mut channel);
        assert!(channel.repeat(start + Duration::from_millis(50)) && sent(&mut channel).is_empty());
        assert!(channel.repeat(start + Duration::from_secs(2)));
        assert_eq!(sent(&mut channel), first);
        channel.receive(&acknowledgement(&first[0]), start + Duration::from_secs(2));
        assert!(channel.repeat(start + Duration::from_secs(400)) && sent(&mut channel).is_empty());
        assert!(channel.has_arrived());
    }

    #[test]
    fn a_full_window_waits_and_a_silent_agent_is_lost() {
        let (mut channel, start) = (Channel::default(), Instant::now());
        channel.send(Payload::Data, &vec![0; PIECE * WINDOW], start);
        assert!(!channel.has_room());
        assert!(!channel.repeat(start + Duration::from_secs(301)));
    }

    #[test]
    fn a_pause_ends_with_the_next_message() {
        let (mut channel, now) = (Channel::default(), Instant::now());
        let pause = Message::alone(Kind::Pause, Vec::new()).encode();
        channel.send(Payload::Data, b"hello", now);
        let hello = sent(&mut channel).remove(0);
        let next = [
            Message::alone(Kind::Start, Vec::new()).encode(),
            from_agent(0, Payload::Data, b"there"),
            acknowledgement(&hello),
        ];
        for message in next {
            channel.receive(&pause, now);
            assert!(!channel.has_room());
            channel.receive(&message, now);
            assert!(channel.has_room());
        }
        channel.receive(&pause, now);
        channel.repeat_all(now);
        assert!(channel.has_room(), "a new socket is not paused");
    }

    #[test]
    fn the_end_of_a_session_has_a_reason() {
        let mut channel = Channel::default();
        let closed = json!({ "MessageId": "m", "SessionId": "s", "Output": "no such file" }).to_string();
        let closed = Message::alone(Kind::Closed, closed.into_bytes()).encode();
        assert_eq!(channel.receive(&closed, Instant::now()), [Event::Closed("no such file".into())]);
    }

    proptest! {
        #[test]
        fn messages_are_delivered_in_the_order_of_sending(order in Just((0..40_i64).collect::<Vec<_>>()).prop_shuffle(), again in 0..40_usize) {
            let (mut channel, now) = (Channel::default(), Instant::now());
            let mut arrived = Vec::new();
            for sequence in order.iter().chain(order.get(again)) {
                let byte = u8::try_from(*sequence).expect("it is small");
                for event in channel.receive(&from_agent(*sequence, Payload::Data, &[byte]), now) {
                    if let Event::Data(bytes) = event {
                        arrived.extend(bytes);
                    }
                }
            }
            prop_assert_eq!(arrived, (0..40).collect::<Vec<u8>>());
            prop_assert_eq!(sent(&mut channel).len(), 41);
        }
    }
}
