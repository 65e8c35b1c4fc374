//! The messages of the data channel as the agent encodes and decodes them. It rejects what the real agent rejects.

use sha2::{Digest, Sha256};

/// The header length in the header, in bytes.
const HEADER: usize = 116;

/// The type of messages to the client.
pub(super) const OUTPUT: &str = "output_stream_data";
/// The type of messages from the client.
pub(super) const INPUT: &str = "input_stream_data";
pub(super) const ACKNOWLEDGE: &str = "acknowledge";
pub(super) const CLOSED: &str = "channel_closed";

/// The payload types: data, a terminal's size, and a port's signal.
pub(super) const DATA: u32 = 1;
pub(super) const SIZE: u32 = 3;
pub(super) const FLAG: u32 = 10;

/// A message from the session's command or port.
pub(super) enum Said {
    /// A payload for the client.
    Payload(u32, Vec<u8>),
    /// The end of the session, with its reason if there is one.
    Over(String),
}

/// A message of the data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: String,
    pub(super) sequence: i64,
    pub(super) flags: u64,
    pub(super) id: uuid::Uuid,
    pub(super) payload_type: u32,
    pub(super) payload: Vec<u8>,
}

impl Message {
    pub(super) fn new(kind: &str, sequence: i64, flags: u64, payload_type: u32, payload: Vec<u8>) -> Self {
        Self { kind: kind.to_owned(), sequence, flags, id: uuid::Uuid::new_v4(), payload_type, payload }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let word = |number: usize| u32::try_from(number).expect("it is small").to_be_bytes();
        let mut bytes = word(HEADER).to_vec();
        bytes.extend(format!("{:<32}", self.kind).into_bytes());
        bytes.extend(1_u32.to_be_bytes());
        bytes.extend(jiff::Timestamp::now().as_millisecond().to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.flags.to_be_bytes());
        let id = self.id.as_u128();
        bytes.extend(u64::try_from(id & u128::from(u64::MAX)).expect("it is the lower half").to_be_bytes());
        bytes.extend(u64::try_from(id >> 64).expect("it is the upper half").to_be_bytes());
        bytes.extend(Sha256::digest(&self.payload));
        bytes.extend(self.payload_type.to_be_bytes());
        bytes.extend(word(self.payload.len()));
        bytes.extend(&self.payload);
        bytes
    }

    /// # Errors
    /// If the real agent would reject the message.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let long = |at: usize| bytes.get(at..at + 8).map(|part| u64::from_be_bytes(part.try_into().expect("it is 8")));
        let word = |at: usize| bytes.get(at..at + 4).map(|part| u32::from_be_bytes(part.try_into().expect("it is 4")));
        let cut = "it is cut short";
        if word(0).ok_or(cut)? as usize != HEADER {
            return Err("the header has another length");
        }
        let kind = std::str::from_utf8(bytes.get(4..36).ok_or(cut)?).map_err(|_| "its type is no text")?;
        if word(36).ok_or(cut)? != 1 {
            return Err("it has another schema");
        }
        if long(40).ok_or(cut)? == 0 {
            return Err("it has no date");
        }
        let id = u128::from(long(72).ok_or(cut)?) << 64 | u128::from(long(64).ok_or(cut)?);
        let payload = bytes.get(HEADER + 4..).ok_or(cut)?;
        if word(116).ok_or(cut)? as usize != payload.len() {
            return Err("the payload has another length");
        }
        if Sha256::digest(payload)[..] != bytes[80..112] {
            return Err("the payload has another digest");
        }
        Ok(Self {
            kind: kind.trim_matches(|c| c == ' ' || c == '\0').to_owned(),
            sequence: long(48).ok_or(cut)?.cast_signed(),
            flags: long(56).ok_or(cut)?,
            id: uuid::Uuid::from_u128(id),
            payload_type: word(112).ok_or(cut)?,
            payload: payload.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_round_trip_and_corrupt_ones_are_rejected() {
        let message = Message::new(INPUT, 7, 1, 1, b"hello".to_vec());
        let bytes = message.encode();
        assert_eq!(Message::decode(&bytes), Ok(message));
        let mut broken = bytes.clone();
        *broken.last_mut().expect("it has some") ^= 1;
        assert_eq!(Message::decode(&broken), Err("the payload has another digest"));
        assert!(Message::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
