//! The file in pieces: a line each, or parts of a line that is long. So a row of a gigabyte takes no gigabyte of memory.

use std::io::{self, Read};

/// How much is read at once, and the part of a long line that a piece is at least, in bytes.
const PIECE: usize = 64 * 1024;

/// What is still to be read.
pub(super) struct Input<R> {
    from: R,
    buffer: Vec<u8>,
    /// Where in the buffer the next piece begins, and where what was read ends.
    at: usize,
    end: usize,
    /// Whether the end of the file is in the buffer.
    ended: bool,
    /// The least size of a piece that is no whole line.
    least: usize,
    /// The least size after a piece of which something was taken.
    usual: usize,
}

/// A piece of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// Its bytes. A newline is the last of them, or there is none.
    pub(super) bytes: &'a [u8],
    /// Whether the line, or the file, ends with it.
    pub(super) complete: bool,
}

impl<R: Read> Input<R> {
    pub(super) fn new(from: R) -> Self {
        Self::in_pieces(from, PIECE)
    }

    /// In pieces of `least` bytes, if the line is longer.
    pub(super) fn in_pieces(from: R, least: usize) -> Self {
        Self { from, buffer: Vec::new(), at: 0, end: 0, ended: false, least, usual: least }
    }

    /// What the file begins with: `length` bytes of it, or all if it has fewer. For use before anything is taken.
    pub(super) fn head(&mut self, length: usize) -> io::Result<&[u8]> {
        while self.end < length && !self.ended {
            self.fill()?;
        }
        Ok(&self.buffer[..self.end.min(length)])
    }

    /// The next piece; none at the end of the file.
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

    /// Moves on by `length` bytes of the piece. If nothing could be taken of it, the next one is larger.
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
