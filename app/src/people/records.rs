//! A CSV file record by record, each with the line on which it begins. What is in the columns is the import's matter.

use std::io::{self, BufRead};

use csv::{ByteRecord, ReaderBuilder};

/// A file that is read a record at a time.
pub(super) struct Records<R> {
    source: R,
    /// The line that is read next; the first one is 1.
    line: u64,
    /// One record as it stands in the file.
    text: Vec<u8>,
}

/// One record.
pub(super) struct Row {
    /// The line on which it begins.
    pub(super) line: u64,
    pub(super) columns: ByteRecord,
    /// Whether the file ends within a quote of it.
    pub(super) is_open: bool,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, line: 1, text: Vec::new() }
    }

    /// The next record; empty lines are none.
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        loop {
            let line = self.line;
            self.text.clear();
            let mut is_open = false;
            // A line end within quotes is part of its field.
            while self.source.read_until(b'\n', &mut self.text)? > 0 {
                self.line += 1;
                is_open = is_within_quotes(&self.text);
                if !is_open {
                    break;
                }
            }
            if self.text.is_empty() {
                return Ok(None);
            }
            let size = self.text.len();
            let mut reader = ReaderBuilder::new().has_headers(false).buffer_capacity(size).from_reader(&*self.text);
            let mut columns = ByteRecord::new();
            if reader.read_byte_record(&mut columns)? {
                return Ok(Some(Row { line, columns, is_open }));
            }
        }
    }
}

/// Whether the text ends inside quotes. They open only where a field begins; two of them inside are one that closes
/// and opens again.
fn is_within_quotes(text: &[u8]) -> bool {
    let (mut quoted, mut may_open) = (false, true);
    for byte in text {
        (quoted, may_open) = match (quoted, byte) {
            (false, b'"') if may_open => (true, false),
            (true, b'"') => (false, true),
            (true, _) => (true, false),
            (false, byte) => (false, *byte == b','),
        };
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_begins_on_the_line_that_an_editor_shows() {
        let text = "a,b\r\n\r\n\n\"c\n\"\"d\n\",e\nf,5\" g\n\n\"h,\n";
        let mut records = Records::new(text.as_bytes());
        let mut seen = Vec::new();
        while let Some(row) = records.next().expect("memory can be read") {
            let columns = row.columns.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            seen.push((row.line, columns.collect::<Vec<_>>().join("|"), row.is_open));
        }
        let expected = [(1, "a|b", false), (4, "c\n\"d\n|e", false), (7, "f|5\" g", false), (9, "h,\n", true)];
        assert_eq!(seen, expected.map(|(line, text, is_open)| (line, text.to_owned(), is_open)));
    }
}
