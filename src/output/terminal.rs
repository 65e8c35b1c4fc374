//! The terminal in raw mode, for a remote program: every key and every byte is passed on unchanged.

use std::io::{IsTerminal, Write};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::Output;

/// The size reported without a terminal, in columns and rows. It is wide, so that the program does not break its lines.
const NO_TERMINAL: (u32, u32) = (300, 100);

/// A terminal in raw mode, until this value is dropped.
pub struct Raw {
    before: Termios,
}

impl Raw {
    /// Switches the terminal of this process to raw mode. Returns `None` if standard input or output is not a terminal.
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
        // If the terminal is gone, nothing can be restored.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Returns the columns and rows of the terminal.
pub fn size() -> (u32, u32) {
    let size = tcgetwinsize(std::io::stdout()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or(NO_TERMINAL, |size| (size.ws_col.into(), size.ws_row.into()))
}

/// Undoes the remote terminal's conversion of line ends, for output to a file.
#[derive(Default)]
pub struct LineEnds {
    held: bool,
}

impl LineEnds {
    /// Returns `bytes` with `\n` for each `\r\n`. A final `\r` is held back until the next call.
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

    /// Returns the byte that is still held back.
    pub fn rest(&mut self) -> Vec<u8> {
        if std::mem::take(&mut self.held) { vec![b'\r'] } else { Vec::new() }
    }
}

impl Output {
    /// Writes bytes of data unchanged.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut stdout = std::io::stdout().lock();
        // A closed pipe is not an error.
        drop(stdout.write_all(bytes).and_then(|()| stdout.flush()));
    }

    /// Writes bytes of another program's standard error unchanged.
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
        fn line_ends_are_restored(text in "[ab\r\n]{0,40}", size in 1..8_usize) {
            // The conversion of a terminal.
            let shown = text.replace('\n', "\r\n");
            let mut ends = LineEnds::default();
            let mut plain: Vec<u8> = shown.as_bytes().chunks(size).flat_map(|piece| ends.plain(piece)).collect();
            plain.extend(ends.rest());
            prop_assert_eq!(String::from_utf8(plain).expect("it is text"), text);
        }
    }
}
