//! A line of output, as it is written.

use std::io::Write;

/// Writes `text` and the end of the line, and hands both over at once.
pub(super) fn write_line(to: &mut impl Write, text: &str) {
    // A reader that went away (`stackctl plan | head`) is no error of ours.
    drop(to.write_all(text.as_bytes()).and_then(|()| to.write_all(b"\n")).and_then(|()| to.flush()));
}
