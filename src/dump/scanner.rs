//! Splits SQL into words, quoted text, comments and symbols as psql does. It leaves statements to other modules.
//!
//! psql reads a script line by line; quotes and comments can continue on the next line.
//! <https://github.com/postgres/postgres/blob/REL_18_STABLE/src/fe_utils/psqlscan.l>,
//! <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>

use super::input::Piece;

/// The longest word, number, dollar tag or psql command in bytes. Postgres truncates names to 63 bytes.
pub(super) const LONGEST: usize = 4096;

/// The type of a part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// White space or a comment, or a piece of either.
    Blank,
    /// A keyword or an unquoted name.
    Word,
    /// The start of a quoted name.
    Name,
    /// The start of a string, in quotes or between dollar tags.
    Text,
    /// A piece of the quoted text.
    Inside,
    /// The end of a quoted name or string.
    Close,
    /// A number, or a parameter such as `$1`.
    Number,
    /// Any other character.
    Symbol(u8),
    /// A psql command, up to the end of the line.
    Command,
    /// A part longer than [`LONGEST`].
    Endless,
}

/// The quotes or comments that are open at the current position.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// No quotes and no comment.
    Code,
    /// Quotes. If `escapes` is set, a backslash escapes the next character.
    Quoted { by: u8, escapes: bool },
    /// A string that ends with this dollar tag, such as `$$`.
    Dollars(Vec<u8>),
    /// This number of nested comments.
    Comment(u32),
    /// A comment to the end of the line.
    LineComment,
}

/// Splits the text into parts.
#[derive(Debug)]
pub(super) struct Scanner {
    place: Place,
    /// Whether a backslash in `'…'` is an ordinary character (`standard_conforming_strings`).
    standard: bool,
    /// The value of `standard` from the next line on: psql reads the setting after each line.
    next_standard: bool,
    /// Set after an `E'…'` on the same line: whether a carriage return has followed. If it has, the next string
    /// continues the `E'…'`.
    continues: Option<bool>,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self { place: Place::Code, standard: true, next_standard: true, continues: None }
    }

    /// Whether neither quotes nor a comment are open.
    pub(super) fn is_outside(&self) -> bool {
        self.place == Place::Code
    }

    /// Whether a `/*` comment is open.
    pub(super) fn is_in_comment(&self) -> bool {
        matches!(self.place, Place::Comment(_))
    }

    /// Updates the state at the end of a line.
    pub(super) fn end_line(&mut self) {
        self.continues = None;
        self.standard = self.next_standard;
    }

    /// Sets `standard_conforming_strings`.
    pub(super) fn set_standard(&mut self, standard: bool) {
        self.next_standard = standard;
    }

    /// Returns the first part of `piece` and its length in bytes, or `None` if the piece is too short to decide.
    pub(super) fn next(&mut self, piece: Piece) -> Option<(Part, usize)> {
        match &mut self.place {
            Place::Code => self.code(piece),
            Place::Quoted { by, escapes } => {
                let (part, length) = quoted(piece, *by, *escapes)?;
                if part == Part::Close {
                    self.continues = (*by == b'\'' && *escapes).then_some(false);
                    self.place = Place::Code;
                }
                Some((part, length))
            }
            Place::Dollars(tag) => {
                let (part, length) = between_dollars(piece, tag)?;
                if part == Part::Close {
                    self.place = Place::Code;
                }
                Some((part, length))
            }
            Place::Comment(depth) => {
                let (deeper, length) = comment(piece)?;
                *depth = depth.saturating_add_signed(deeper);
                if *depth == 0 {
                    self.place = Place::Code;
                }
                Some((Part::Blank, length))
            }
            Place::LineComment => {
                let end = piece.bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                if let Some(end) = end {
                    self.place = Place::Code;
                    self.blank(&piece.bytes[end..=end]);
                }
                Some((Part::Blank, end.map_or(piece.bytes.len(), |end| end + 1)))
            }
        }
    }

    fn code(&mut self, piece: Piece) -> Option<(Part, usize)> {
        let Piece { bytes, complete } = piece;
        // Three bytes are enough to know what begins here.
        if bytes.len() < 3 && !complete {
            return None;
        }
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(b'\n');
        if is_space(byte(0)) {
            let length = bytes.iter().take_while(|byte| is_space(**byte)).count();
            self.blank(&bytes[..length]);
            return Some((Part::Blank, length));
        }
        match [byte(0), byte(1)] {
            [b'-', b'-'] => return Some(self.open(Place::LineComment, Part::Blank, 2)),
            [b'/', b'*'] => return Some(self.open(Place::Comment(1), Part::Blank, 2)),
            _ => {}
        }
        let continues = self.continues.take() == Some(true);
        let string = |escapes| Place::Quoted { by: b'\'', escapes };
        let name = Place::Quoted { by: b'"', escapes: false };
        match [byte(0).to_ascii_lowercase(), byte(1), byte(2)] {
            [b'\'', ..] => Some(self.open(string(!self.standard || continues), Part::Text, 1)),
            [b'e', b'\'', _] => Some(self.open(string(true), Part::Text, 2)),
            [b'b' | b'x', b'\'', _] => Some(self.open(string(false), Part::Text, 2)),
            [b'u', b'&', b'\''] => Some(self.open(string(false), Part::Text, 3)),
            [b'u', b'&', b'"'] => Some(self.open(name, Part::Name, 3)),
            [b'"', ..] => Some(self.open(name, Part::Name, 1)),
            [b'\\', ..] => {
                let length = bytes.len() - usize::from(bytes.ends_with(b"\n"));
                (complete || length > LONGEST).then_some((Part::Command, length))
            }
            [b'$', next, _] if next.is_ascii_digit() => ended(piece, Part::Number, 1 + number(&bytes[1..])),
            [b'$', ..] => self.dollar(piece),
            [first, ..] if first.is_ascii_digit() => ended(piece, Part::Number, number(bytes)),
            [first, ..] if begins_name(first) => ended(piece, Part::Word, rest_of_name(bytes)),
            _ => Some((Part::Symbol(byte(0)), 1)),
        }
    }

    fn dollar(&mut self, piece: Piece) -> Option<(Part, usize)> {
        let name = &piece.bytes[1..];
        let length = name.iter().take_while(|byte| continues_name(**byte) && **byte != b'$').count();
        let (part, tag) = ended(piece, Part::Text, 1 + length)?;
        if part == Part::Endless {
            return Some((part, tag));
        }
        if name.get(length) == Some(&b'$') && (length == 0 || begins_name(name[0])) {
            let tag = piece.bytes[..length + 2].to_vec();
            return Some(self.open(Place::Dollars(tag), Part::Text, length + 2));
        }
        Some((Part::Symbol(b'$'), 1))
    }

    fn open(&mut self, place: Place, part: Part, length: usize) -> (Part, usize) {
        self.place = place;
        (part, length)
    }

    /// Records a carriage return between two strings.
    fn blank(&mut self, bytes: &[u8]) {
        if let Some(returned) = &mut self.continues {
            *returned |= bytes.contains(&b'\r');
        }
    }
}

/// Returns a part of `length` bytes, or `None` if more of it may follow.
fn ended(piece: Piece, part: Part, length: usize) -> Option<(Part, usize)> {
    if length > LONGEST {
        Some((Part::Endless, length))
    } else {
        (length < piece.bytes.len() || piece.complete).then_some((part, length))
    }
}

fn quoted(piece: Piece, by: u8, escapes: bool) -> Option<(Part, usize)> {
    let bytes = piece.bytes;
    let plain = bytes.iter().position(|byte| *byte == by || (escapes && *byte == b'\\')).unwrap_or(bytes.len());
    if plain > 0 {
        return Some((Part::Inside, plain));
    }
    match bytes {
        [_] if !piece.complete => None,
        // A doubled quote, or a character after a backslash.
        [first, second, ..] if *first != by || *second == by => Some((Part::Inside, 2)),
        [first, ..] if *first == by => Some((Part::Close, 1)),
        _ => Some((Part::Inside, 1)),
    }
}

fn between_dollars(piece: Piece, tag: &[u8]) -> Option<(Part, usize)> {
    let bytes = piece.bytes;
    match bytes.iter().position(|byte| *byte == b'$') {
        Some(0) if bytes.starts_with(tag) => Some((Part::Close, tag.len())),
        Some(0) if tag.starts_with(bytes) && !piece.complete => None,
        Some(0) => Some((Part::Inside, 1)),
        plain => Some((Part::Inside, plain.unwrap_or(bytes.len()))),
    }
}

/// Returns the change of the comment depth, and the number of bytes read.
fn comment(piece: Piece) -> Option<(i32, usize)> {
    let bytes = piece.bytes;
    match bytes.windows(2).position(|pair| pair == b"*/" || pair == b"/*") {
        Some(0) => Some((if bytes[0] == b'/' { 1 } else { -1 }, 2)),
        Some(plain) => Some((0, plain)),
        None if piece.complete || !bytes.ends_with(b"*") && !bytes.ends_with(b"/") => Some((0, bytes.len())),
        None => (bytes.len() > 1).then(|| (0, bytes.len() - 1)),
    }
}

/// Returns the length of the number that `bytes` begin with. It includes directly following letters, which Postgres
/// refuses.
fn number(bytes: &[u8]) -> usize {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let letters = bytes.get(digits).copied().is_some_and(begins_name);
    digits + if letters { rest_of_name(&bytes[digits..]) } else { 0 }
}

fn rest_of_name(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| continues_name(**byte)).count()
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn continues_name(byte: u8) -> bool {
    begins_name(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c')
}
