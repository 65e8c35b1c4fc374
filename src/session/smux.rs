//! The multiplexing of connections in a session that forwards ports: version 1 of smux. A frame consists of
//! `version 1 │ command 1 │ length 2 │ stream 4`, little-endian, and its data.
//!
//! <https://github.com/xtaci/smux>

/// The version of the protocol.
const VERSION: u8 = 1;

/// The length of a frame's header, in bytes.
const HEAD: usize = 8;

/// The maximum data of a frame, in bytes, which is the limit of smux.
pub const LONGEST: usize = 32_768;

/// The command of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens a stream.
    Begin = 0,
    /// Closes a stream in both directions.
    End = 1,
    /// Data of a stream.
    Data = 2,
    /// A keep-alive.
    Nothing = 3,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The command.
    pub command: Command,
    /// The id of the stream.
    pub stream: u32,
    /// The data.
    pub data: Vec<u8>,
}

impl Frame {
    /// Creates a frame without data.
    pub fn bare(command: Command, stream: u32) -> Self {
        Self { command, stream, data: Vec::new() }
    }

    /// Returns the binary form.
    pub fn encode(&self) -> Vec<u8> {
        let length = u16::try_from(self.data.len()).expect("a frame is cut to what one holds");
        let mut bytes = vec![VERSION, self.command as u8];
        bytes.extend(length.to_le_bytes());
        bytes.extend(self.stream.to_le_bytes());
        bytes.extend(&self.data);
        bytes
    }
}

/// Assembles frames from pieces of any size.
#[derive(Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

/// The error for bytes that are not valid frames.
#[derive(Debug, PartialEq, Eq)]
pub struct Garbled;

impl Decoder {
    /// Returns the frames that are complete with `bytes`.
    ///
    /// # Errors
    /// If the bytes are not valid frames.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, Garbled> {
        self.bytes.extend(bytes);
        let (mut frames, mut at) = (Vec::new(), 0);
        while let Some([version, command, low, high, a, b, c, d]) = self.bytes.get(at..at + HEAD) {
            let length = usize::from(u16::from_le_bytes([*low, *high]));
            let command = match (*version, *command) {
                (VERSION, 0) => Command::Begin,
                (VERSION, 1) => Command::End,
                (VERSION, 2) => Command::Data,
                (VERSION, 3) => Command::Nothing,
                _ => return Err(Garbled),
            };
            let stream = u32::from_le_bytes([*a, *b, *c, *d]);
            let Some(data) = self.bytes.get(at + HEAD..at + HEAD + length) else { break };
            frames.push(Frame { command, stream, data: data.to_vec() });
            at += HEAD + length;
        }
        self.bytes.drain(..at);
        Ok(frames)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_is_encoded_as_smux_says() {
        let frame = Frame { command: Command::Data, stream: 3, data: b"abc".to_vec() };
        assert_eq!(frame.encode(), [1, 2, 3, 0, 3, 0, 0, 0, b'a', b'b', b'c']);
        assert_eq!(Frame::bare(Command::Begin, 0x0102).encode(), [1, 0, 0, 0, 2, 1, 0, 0]);
    }

    #[test]
    fn another_version_is_rejected() {
        assert_eq!(Decoder::default().decode(&[2, 0, 0, 0, 3, 0, 0, 0]), Err(Garbled));
        assert_eq!(Decoder::default().decode(&[1, 9, 0, 0, 3, 0, 0, 0]), Err(Garbled));
    }

    proptest! {
        #[test]
        fn frames_are_decoded_from_pieces_of_any_size(frames in prop::collection::vec((any::<u32>(), any::<Vec<u8>>()), 0..8), size in 1..40_usize) {
            let frames: Vec<Frame> =
                frames.into_iter().map(|(stream, data)| Frame { command: Command::Data, stream, data }).collect();
            let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
            let (mut decoder, mut arrived) = (Decoder::default(), Vec::new());
            for piece in bytes.chunks(size) {
                arrived.extend(decoder.decode(piece).expect("they are frames"));
            }
            prop_assert_eq!(arrived, frames);
        }
    }
}
