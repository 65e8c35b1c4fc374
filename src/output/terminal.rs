//! The terminal as it is handed over to a program elsewhere: every key by itself, every byte as it comes.

use std::io::{IsTerminal, Write};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::Output;

/// The size that a program is told where there is no terminal: wide, so that its lines are not broken.
const NO_TERMINAL: (u32, u32) = (300, 100);

/// A terminal that hands over every key as it is typed, until this is gone.
pub struct Raw {
    before: Termios,
}

impl Raw {
    /// The terminal of this process; none if its input or its output is none.
    pub fn begin() -> Option<Self> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() || !std::io::stdout().is_terminal() {
            return None;
        }
        let before = tcgetattr(&stdin).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw).ok()?;
        Some(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// How many columns and rows the terminal has.
pub fn size() -> (u32, u32) {
    let size = tcgetwinsize(std::io::stdout()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or(NO_TERMINAL, |size| (size.ws_col.into(), size.ws_row.into()))
}

/// Undoes what the far terminal does to line ends, for output that goes into a file.
#[derive(Default)]
pub struct LineEnds {
    held: bool,
}

impl LineEnds {
    /// `bytes` with `\n` for each `\r\n`; a `\r` at the end waits for what follows.
    pub fn plain(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::with_capacity(bytes.len() + 1);
        for byte in bytes {
            if std::mem::take(&mut self.held) && *byte != b'\n' {
                plain.push(b'\r');
            }
            if *byte == b'\r' {
                self.held = true;
            } else {
                plain.push(*byte);
            }
        }
        plain
    }

    /// What still waits.
    pub fn rest(&mut self) -> Vec<u8> {
        if std::mem::take(&mut self.held) { vec![b'\r'] } else { Vec::new() }
    }
}

impl Output {
    /// Bytes of data, as they are.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut stdout = std::io::stdout().lock();
        // A reader that went away is no error of ours.
        drop(stdout.write_all(bytes).and_then(|()| stdout.flush()));
    }

    /// Bytes of another program's standard error, as they are.
    pub fn error_bytes(&self, bytes: &[u8]) {
        let mut stderr = std::io::stderr().lock();
        drop(stderr.write_all(bytes).and_then(|()| stderr.flush()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn line_ends_are_as_the_program_wrote_them(text in "[ab\r\n]{0,40}", size in 1..8_usize) {
            // What a terminal makes of it.
            let shown = text.replace('\n', "\r\n");
            let mut ends = LineEnds::default();
            let mut plain: Vec<u8> = shown.as_bytes().chunks(size).flat_map(|piece| ends.plain(piece)).collect();
            plain.extend(ends.rest());
            prop_assert_eq!(String::from_utf8(plain).expect("it is text"), text);
        }
    }
}
