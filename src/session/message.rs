//! One message of Session Manager's data channel, as bytes. All numbers are big-endian:
//!
//! ```text
//! header length 4 │ type 32 │ schema 4 │ created 8 │ sequence 8 │ flags 8 │ id 16 │ SHA-256 32 │ payload type 4 │
//! payload length 4 │ payload
//! ```
//!
//! AWS describes it in no manual; its plugin and its agent are open:
//! <https://github.com/aws/session-manager-plugin>, <https://github.com/aws/amazon-ssm-agent>.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What the header counts itself as, in bytes: all that stands before the payload's length.
const HEADER: usize = 116;

/// Where the payload begins in what is sent.
const PAYLOAD: usize = HEADER + 4;

/// How many bytes the name of a message's type takes, filled up with spaces.
const TYPE: usize = 32;

/// The version of this layout.
const SCHEMA: u32 = 1;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From here to the agent; numbered.
    Input,
    /// From the agent; numbered.
    Output,
    /// A numbered message has arrived.
    Acknowledge,
    /// The session is over.
    Closed,
    /// The agent's end is there.
    Start,
    /// The agent's end is away: what is sent now may be lost.
    Pause,
}

impl Kind {
    const ALL: [(Self, &str); 6] = [
        (Self::Input, "input_stream_data"),
        (Self::Output, "output_stream_data"),
        (Self::Acknowledge, "acknowledge"),
        (Self::Closed, "channel_closed"),
        (Self::Start, "start_publication"),
        (Self::Pause, "pause_publication"),
    ];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// What a numbered message carries, by its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// An acknowledgement, or the end: what they carry has no number.
    None = 0,
    /// Bytes of the session itself, in either direction.
    Data = 1,
    /// The size of the terminal.
    Size = 3,
    /// The agent asks who is there, and says what kind of session this is.
    HandshakeRequest = 5,
    /// The answer to it.
    HandshakeResponse = 6,
    /// The session begins.
    HandshakeComplete = 7,
    /// The agent wants a proof that both have the same key.
    EncryptionChallenge = 8,
    /// A [`super::Flag`].
    Flag = 10,
    /// Bytes of the command's standard error, where it is kept apart.
    Error = 11,
    /// The command's exit code, as a decimal number.
    ExitCode = 12,
    /// What is not known here.
    Unknown = 0xffff,
}

impl Payload {
    const ALL: [Self; 10] = [
        Self::None,
        Self::Data,
        Self::Size,
        Self::HandshakeRequest,
        Self::HandshakeResponse,
        Self::HandshakeComplete,
        Self::EncryptionChallenge,
        Self::Flag,
        Self::Error,
        Self::ExitCode,
    ];

    fn numbered(number: u32) -> Self {
        Self::ALL.into_iter().find(|payload| *payload as u32 == number).unwrap_or(Self::Unknown)
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// Its number in its direction's stream; 0 for one that is not numbered.
    pub sequence: i64,
    /// 1 for the first of a stream, 2 for its last one, both for one that stands alone.
    pub flags: u64,
    /// When it was made, in milliseconds since 1970.
    pub created: u64,
    /// Names it, for its acknowledgement.
    pub id: Uuid,
    /// What it carries.
    pub payload_type: Payload,
    /// The bytes of that.
    pub payload: Vec<u8>,
}

impl Message {
    /// A numbered message to the agent, made now.
    pub fn input(sequence: i64, payload_type: Payload, payload: Vec<u8>) -> Self {
        Self { payload_type, ..Self::new(Kind::Input, sequence, 0, payload) }
    }

    /// A message that stands alone, made now.
    pub fn alone(kind: Kind, payload: Vec<u8>) -> Self {
        Self::new(kind, 0, 3, payload)
    }

    fn new(kind: Kind, sequence: i64, flags: u64, payload: Vec<u8>) -> Self {
        let created = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
        Self { kind, sequence, flags, created, id: Uuid::new_v4(), payload_type: Payload::None, payload }
    }

    /// As it is sent.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PAYLOAD + self.payload.len());
        bytes.extend(to_u32(HEADER).to_be_bytes());
        let name = self.kind.name().as_bytes();
        bytes.extend(name);
        bytes.resize(4 + TYPE, b' ');
        bytes.extend(SCHEMA.to_be_bytes());
        bytes.extend(self.created.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.flags.to_be_bytes());
        // The lower half of the id comes first.
        let (upper, lower) = self.id.as_bytes().split_at(8);
        bytes.extend(lower);
        bytes.extend(upper);
        bytes.extend(Sha256::digest(&self.payload));
        bytes.extend((self.payload_type as u32).to_be_bytes());
        bytes.extend(to_u32(self.payload.len()).to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    /// The message that was sent so; none if these bytes are none, are of a type that is not known, or have changed on
    /// their way.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let header = usize::try_from(u32::from_be_bytes(part(bytes, 0)?)).ok()?;
        let name = std::str::from_utf8(bytes.get(4..4 + TYPE)?).ok()?;
        let kind = Kind::named(name.trim_matches(|c| c == '\0' || c == ' '))?;
        let (lower, upper): ([u8; 8], [u8; 8]) = (part(bytes, 64)?, part(bytes, 72)?);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&upper);
        id[8..].copy_from_slice(&lower);
        let payload = bytes.get(header.checked_add(4)?..)?;
        let length = usize::try_from(u32::from_be_bytes(part(bytes, PAYLOAD - 4)?)).ok()?;
        // Whether there is anybody at the other end says the service itself, without the rest.
        let is_checked = !matches!(kind, Kind::Start | Kind::Pause) && length != 0;
        if is_checked && (payload.len() != length || Sha256::digest(payload)[..] != *bytes.get(80..112)?) {
            return None;
        }
        Some(Self {
            kind,
            sequence: i64::from_be_bytes(part(bytes, 48)?),
            flags: u64::from_be_bytes(part(bytes, 56)?),
            created: u64::from_be_bytes(part(bytes, 40)?),
            id: Uuid::from_bytes(id),
            payload_type: Payload::numbered(u32::from_be_bytes(part(bytes, 112)?)),
            payload: payload.to_vec(),
        })
    }
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn to_u32(length: usize) -> u32 {
    u32::try_from(length).expect("a message is cut to a kilobyte")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hello() -> Message {
        Message {
            kind: Kind::Input,
            sequence: 258,
            flags: 1,
            created: 0x0102_0304_0506_0708,
            id: Uuid::parse_str("00112233-4455-6677-8899-aabbccddeeff").expect("it is one"),
            payload_type: Payload::Data,
            payload: b"hello".to_vec(),
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Written out by hand from the layout, with the digest of `hello` as `sha256sum` gives it.
    #[test]
    fn a_message_is_these_bytes() {
        let expected = [
            "00000074",
            // `input_stream_data` and spaces.
            "696e7075745f73747265616d5f64617461202020202020202020202020202020",
            "00000001",
            "0102030405060708",
            "0000000000000102",
            "0000000000000001",
            // The id's second half, and its first.
            "8899aabbccddeeff",
            "0011223344556677",
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "00000001",
            "00000005",
            "68656c6c6f",
        ];
        assert_eq!(hex(&hello().encode()), expected.concat());
    }

    #[test]
    fn what_has_changed_on_its_way_is_no_message() {
        let sent = hello().encode();
        assert_eq!(Message::decode(&sent), Some(hello()));
        for at in [4, 85, PAYLOAD] {
            let mut bytes = sent.clone();
            bytes[at] ^= 1;
            assert_eq!(Message::decode(&bytes), None, "byte {at}");
        }
        for length in 0..sent.len() {
            assert_eq!(Message::decode(&sent[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn the_agents_names_may_end_in_zeros() {
        let mut bytes = Message { kind: Kind::Acknowledge, ..hello() }.encode();
        bytes[4 + "acknowledge".len()..4 + TYPE].fill(0);
        assert_eq!(Message::decode(&bytes).map(|message| message.kind), Some(Kind::Acknowledge));
    }

    proptest! {
        #[test]
        fn every_message_arrives_as_it_was_sent(
            sequence: i64, flags: u64, created: u64, id: u128, payload: Vec<u8>, kind in 0..6_usize, carries in 0..10_usize,
        ) {
            let kind = Kind::ALL[kind].0;
            let payload_type = Payload::ALL[carries];
            let message =
                Message { kind, sequence, flags, created, id: Uuid::from_u128(id), payload_type, payload };
            prop_assert_eq!(Message::decode(&message.encode()), Some(message));
        }

        #[test]
        fn no_bytes_bring_it_down(bytes: Vec<u8>) {
            Message::decode(&bytes);
        }
    }
}
