//! Reads the output of a child process line by line, in any encoding.

use std::collections::VecDeque;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The number of a command's last lines that are shown when it fails.
pub(super) const LAST_LINES: usize = 40;

/// Reads `stream` to its end and returns its last lines; `hear` gets every line. Trailing white space is removed.
///
/// Invalid UTF-8 is replaced and reading continues: a command is killed when it writes to a pipe that nobody reads.
pub(super) async fn last_lines(stream: Option<impl AsyncRead + Unpin>, hear: &(dyn Fn(&str) + Sync)) -> Vec<String> {
    let mut last = VecDeque::new();
    let Some(stream) = stream else { return Vec::new() };
    let (mut reader, mut bytes) = (BufReader::new(stream), Vec::new());
    while let Ok(1..) = reader.read_until(b'\n', &mut bytes).await {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        hear(&line);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    last.into()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn invalid_utf8_is_replaced_and_reading_continues() {
        let heard = Mutex::new(Vec::new());
        let hear = |line: &str| heard.lock().expect("nobody panics").push(line.to_owned());
        let latin_1 = b"Compiling caf\xe9\r\n\xe9t\xe9\n\nFinished";
        let last = last_lines(Some(&latin_1[..]), &hear).await;
        assert_eq!(last, ["Compiling caf\u{fffd}", "\u{fffd}t\u{fffd}", "", "Finished"]);
        assert_eq!(heard.into_inner().expect("nobody panics"), last);
    }

    #[tokio::test]
    async fn only_the_last_lines_are_returned() {
        let many: String = (1..=100).map(|number| format!("{number}\n")).collect();
        let last = last_lines(Some(many.as_bytes()), &|_| {}).await;
        assert_eq!(last.len(), LAST_LINES);
        assert_eq!((last[0].as_str(), last[LAST_LINES - 1].as_str()), ("61", "100"));
    }
}
