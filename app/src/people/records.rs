//! A CSV file record by record, each with the line on which it begins. What is in the columns is the import's matter.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader};

/// A file that is read a record at a time.
pub(super) struct Records<R> {
    source: R,
    /// The line that is read next; the first one is 1.
    line: u64,
    reader: Reader,
    /// One record as it stands in the file.
    text: Vec<u8>,
    /// Its columns without their quotes, one after the other, and where each ends.
    columns: Vec<u8>,
    ends: Vec<usize>,
}

/// One record.
pub(super) struct Row<'a> {
    /// The line on which it begins.
    pub(super) line: u64,
    pub(super) columns: Vec<&'a [u8]>,
    /// Whether the file ends within a quote of it.
    pub(super) is_open: bool,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, line: 1, reader: Reader::new(), text: Vec::new(), columns: Vec::new(), ends: Vec::new() }
    }

    /// The next record; empty lines are none.
    pub(super) fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        loop {
            let line = self.line;
            self.text.clear();
            let mut quotes = Quotes::new();
            loop {
                let known = self.text.len();
                if self.source.read_until(b'\n', &mut self.text)? == 0 {
                    break;
                }
                self.line += 1;
                quotes.read(&self.text[known..]);
                // A line end within quotes is part of its field.
                if !quotes.are_open {
                    break;
                }
            }
            if self.text.is_empty() {
                return Ok(None);
            }
            if let Some(count) = self.split() {
                let starts = [0].into_iter().chain(self.ends[..count].iter().copied());
                let columns = starts.zip(&self.ends[..count]).map(|(start, end)| &self.columns[start..*end]).collect();
                return Ok(Some(Row { line, columns, is_open: quotes.are_open }));
            }
        }
    }

    /// Splits the text into its columns: how many there are, or none in an empty line.
    fn split(&mut self) -> Option<usize> {
        self.reader.reset();
        // There are no more bytes than in the text, and one column more than commas.
        self.columns.resize(self.text.len(), 0);
        self.ends.resize(self.text.len() + 1, 0);
        let (mut result, _, written, mut count) =
            self.reader.read_record(&self.text, &mut self.columns, &mut self.ends);
        if matches!(result, ReadRecordResult::InputEmpty) {
            // Nothing more is the end, also without a line end.
            let (columns, ends) = (&mut self.columns[written..], &mut self.ends[count..]);
            let (end, _, _, more) = self.reader.read_record(&[], columns, ends);
            (result, count) = (end, count + more);
        }
        matches!(result, ReadRecordResult::Record).then_some(count)
    }
}

/// Whether a text ends inside quotes. They open only where a field begins; two of them inside are one that closes and
/// opens again.
struct Quotes {
    are_open: bool,
    may_open: bool,
}

impl Quotes {
    fn new() -> Self {
        Self { are_open: false, may_open: true }
    }

    /// Reads on.
    fn read(&mut self, text: &[u8]) {
        for byte in text {
            (self.are_open, self.may_open) = match (self.are_open, byte) {
                (false, b'"') if self.may_open => (true, false),
                (true, b'"') => (false, true),
                (true, _) => (true, false),
                (false, byte) => (false, *byte == b','),
            };
        }
    }
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
