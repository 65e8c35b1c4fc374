//! Reads a file in pieces: whole lines, or parts of a long line, so that a row of 1 GB does not take 1 GB of memory.

use std::io::{self, Read};

/// The number of bytes to read at once, which is also the smallest part of a long line.
const PIECE: usize = 64 * 1024;

/// A reader that returns a file in pieces.
pub(super) struct Input<R> {
    from: R,
    buffer: Vec<u8>,
    /// The position of the next piece in the buffer; `end` is the end of the data.
    at: usize,
    end: usize,
    /// Whether the buffer contains the end of the file.
    ended: bool,
    /// The smallest size of a piece that is not a whole line.
    least: usize,
    /// The value that `least` returns to once bytes are taken.
    usual: usize,
}

/// A piece of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// The bytes. Only the last one can be a newline.
    pub(super) bytes: &'a [u8],
    /// Whether the line or the file ends with this piece.
    pub(super) complete: bool,
}

impl<R: Read> Input<R> {
    pub(super) fn new(from: R) -> Self {
        Self::in_pieces(from, PIECE)
    }

    /// Returns a reader that splits longer lines into pieces of at least `least` bytes.
    pub(super) fn in_pieces(from: R, least: usize) -> Self {
        Self { from, buffer: Vec::new(), at: 0, end: 0, ended: false, least, usual: least }
    }

    /// Returns the first `length` bytes of the file, or all bytes of a shorter file. Call it before [`Self::take`].
    pub(super) fn head(&mut self, length: usize) -> io::Result<&[u8]> {
        while self.end < length && !self.ended {
            self.fill()?;
        }
        Ok(&self.buffer[..self.end.min(length)])
    }

    /// Returns the next piece, or `None` at the end of the file.
    pub(super) fn piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        let mut searched = 0;
        let (length, complete) = loop {
            let rest = &self.buffer[self.at..self.end];
            if let Some(newline) = rest[searched..].iter().position(|byte| *byte == b'\n') {
                break (searched + newline + 1, true);
            }
            searched = rest.len();
            if self.ended || searched >= self.least {
                break (searched, self.ended);
            }
            self.fill()?;
        };
        let bytes = &self.buffer[self.at..self.at + length];
        Ok((length > 0).then_some(Piece { bytes, complete }))
    }

    /// Advances by `length` bytes of the piece. If `length` is 0, the next piece is larger.
    pub(super) fn take(&mut self, length: usize) {
        self.at += length;
        self.least = if length == 0 { self.least * 2 } else { self.usual };
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.at..self.end, 0);
        self.end -= self.at;
        self.at = 0;
        self.buffer.resize(self.buffer.len().max(self.end + PIECE), 0);
        let read = loop {
            match self.from.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.end += read;
        self.ended = read == 0;
        Ok(())
    }
}
