//! Writes a line of output.

use std::io::Write;

/// Writes `text` and a line end, and flushes.
pub(super) fn write_line(to: &mut impl Write, text: &str) {
    // A closed pipe (`stackctl plan | head`) is not an error.
    drop(to.write_all(text.as_bytes()).and_then(|()| to.write_all(b"\n")).and_then(|()| to.flush()));
}
