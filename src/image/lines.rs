//! What a command that is run here writes, line by line, in whatever encoding.

use std::collections::VecDeque;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// How many of a command's last lines are shown when it fails.
pub(super) const LAST_LINES: usize = 40;

/// Reads `stream` to its end and gives its last lines; `hear` gets every line. Both without the white space at its end.
///
/// What is not UTF-8 is replaced, and what follows is read: a command whose output nobody takes any more would be ended.
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
    async fn a_line_in_another_encoding_is_heard_and_so_is_what_follows() {
        let heard = Mutex::new(Vec::new());
        let hear = |line: &str| heard.lock().expect("nobody panics").push(line.to_owned());
        let latin_1 = b"Compiling caf\xe9\r\n\xe9t\xe9\n\nFinished";
        let last = last_lines(Some(&latin_1[..]), &hear).await;
        assert_eq!(last, ["Compiling caf\u{fffd}", "\u{fffd}t\u{fffd}", "", "Finished"]);
        assert_eq!(heard.into_inner().expect("nobody panics"), last);
    }

    #[tokio::test]
    async fn of_many_lines_the_last_are_given() {
        let many: String = (1..=100).map(|number| format!("{number}\n")).collect();
        let last = last_lines(Some(many.as_bytes()), &|_| {}).await;
        assert_eq!(last.len(), LAST_LINES);
        assert_eq!((last[0].as_str(), last[LAST_LINES - 1].as_str()), ("61", "100"));
    }
}
