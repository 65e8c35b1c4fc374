//! The binary form of a message on Session Manager's data channel. All numbers are big-endian:
//!
//! ```text
//! header length 4 │ type 32 │ schema 4 │ created 8 │ sequence 8 │ flags 8 │ id 16 │ SHA-256 32 │ payload type 4 │
//! payload length 4 │ payload
//! ```
//!
//! AWS does not document the format. The source code of its plugin and its agent is public:
//! <https://github.com/aws/session-manager-plugin>, <https://github.com/aws/amazon-ssm-agent>.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The header length, in bytes: everything before the payload length.
const HEADER: usize = 116;

/// The offset of the payload in a sent message.
const PAYLOAD: usize = HEADER + 4;

/// The length of the message type in bytes, padded with spaces.
const TYPE: usize = 32;

/// The version of the format.
const SCHEMA: u32 = 1;

/// The type of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Data to the agent; numbered.
    Input,
    /// Data from the agent; numbered.
    Output,
    /// The acknowledgement of a numbered message.
    Acknowledge,
    /// The end of the session.
    Closed,
    /// The agent is connected.
    Start,
    /// The agent is disconnected: messages sent now may be lost.
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

    /// Returns the name in the binary form.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// The type of a numbered message's payload, by its number in the binary form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// No type: for acknowledgements and the end of the session.
    None = 0,
    /// Data of the session, in either direction.
    Data = 1,
    /// The size of the terminal.
    Size = 3,
    /// The agent's request for a handshake, with the type of the session.
    HandshakeRequest = 5,
    /// The response to it.
    HandshakeResponse = 6,
    /// The end of the handshake.
    HandshakeComplete = 7,
    /// The agent's request to prove that both ends have the same key.
    EncryptionChallenge = 8,
    /// A [`super::Flag`].
    Flag = 10,
    /// Data of the command's standard error, if it is separate.
    Error = 11,
    /// The command's exit code, as a decimal number.
    ExitCode = 12,
    /// An unknown type.
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
    /// The type.
    pub kind: Kind,
    /// The sequence number in its direction, or 0 if it is not numbered.
    pub sequence: i64,
    /// 1 for the first message of a stream, 2 for the last one, and 3 for a message that is not part of a stream.
    pub flags: u64,
    /// When it was created, in milliseconds since 1970.
    pub created: u64,
    /// The id for its acknowledgement.
    pub id: Uuid,
    /// The type of the payload.
    pub payload_type: Payload,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Message {
    /// Creates a numbered message to the agent.
    pub fn input(sequence: i64, payload_type: Payload, payload: Vec<u8>) -> Self {
        Self { payload_type, ..Self::new(Kind::Input, sequence, 0, payload) }
    }

    /// Creates a message that is not part of a stream.
    pub fn alone(kind: Kind, payload: Vec<u8>) -> Self {
        Self::new(kind, 0, 3, payload)
    }

    fn new(kind: Kind, sequence: i64, flags: u64, payload: Vec<u8>) -> Self {
        let created = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
        Self { kind, sequence, flags, created, id: Uuid::new_v4(), payload_type: Payload::None, payload }
    }

    /// Returns the binary form.
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
        // The second half of the id comes first.
        let (upper, lower) = self.id.as_bytes().split_at(8);
        bytes.extend(lower);
        bytes.extend(upper);
        bytes.extend(Sha256::digest(&self.payload));
        bytes.extend((self.payload_type as u32).to_be_bytes());
        bytes.extend(to_u32(self.payload.len()).to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    /// Parses a message. Returns `None` if the bytes are invalid or corrupted, or the type is unknown.
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
        // The service itself sends these two types, without a valid digest.
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

    /// Written by hand from the format. The digest of `hello` is from `sha256sum`.
    #[test]
    fn a_message_is_encoded_as_the_format_says() {
        let expected = [
            "00000074",
            // `input_stream_data`, padded with spaces.
            "696e7075745f73747265616d5f64617461202020202020202020202020202020",
            "00000001",
            "0102030405060708",
            "0000000000000102",
            "0000000000000001",
            // The second half of the id, then the first.
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
    fn a_corrupted_message_is_rejected() {
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
    fn a_message_type_may_be_padded_with_zeros() {
        let mut bytes = Message { kind: Kind::Acknowledge, ..hello() }.encode();
        bytes[4 + "acknowledge".len()..4 + TYPE].fill(0);
        assert_eq!(Message::decode(&bytes).map(|message| message.kind), Some(Kind::Acknowledge));
    }

    proptest! {
        #[test]
        fn every_message_survives_encoding_and_decoding(
            sequence: i64, flags: u64, created: u64, id: u128, payload: Vec<u8>, kind in 0..6_usize, carries in 0..10_usize,
        ) {
            let kind = Kind::ALL[kind].0;
            let payload_type = Payload::ALL[carries];
            let message =
                Message { kind, sequence, flags, created, id: Uuid::from_u128(id), payload_type, payload };
            prop_assert_eq!(Message::decode(&message.encode()), Some(message));
        }

        #[test]
        fn arbitrary_bytes_never_cause_a_panic(bytes: Vec<u8>) {
            Message::decode(&bytes);
        }
    }
}
