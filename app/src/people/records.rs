//! Reads a CSV file record by record, each with its first line number. The import interprets the columns.

use std::io::{self, BufRead};

use csv_core::{ReadRecordResult, Reader};

/// A reader of CSV records.
pub(super) struct Records<R> {
    source: R,
    /// The number of the next line, from 1.
    line: u64,
    reader: Reader,
    /// The unparsed text of one record.
    text: Vec<u8>,
    /// The columns of the record without quotes, concatenated; `ends` has the end of each.
    columns: Vec<u8>,
    ends: Vec<usize>,
}

/// A record.
pub(super) struct Row<'a> {
    /// The number of its first line.
    pub(super) line: u64,
    pub(super) columns: Vec<&'a [u8]>,
    /// Whether the file ends inside a quoted field of this record.
    pub(super) is_open: bool,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, line: 1, reader: Reader::new(), text: Vec::new(), columns: Vec::new(), ends: Vec::new() }
    }

    /// Returns the next record. Empty lines are skipped.
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
                // A line break inside quotes is part of the field.
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

    /// Splits the text into columns and returns their number, or `None` for an empty line.
    fn split(&mut self) -> Option<usize> {
        self.reader.reset();
        // The columns have at most as many bytes as the text, and there is at most one more column than commas.
        self.columns.resize(self.text.len(), 0);
        self.ends.resize(self.text.len() + 1, 0);
        let (mut result, _, written, mut count) =
            self.reader.read_record(&self.text, &mut self.columns, &mut self.ends);
        if matches!(result, ReadRecordResult::InputEmpty) {
            // Empty input ends the record, even without a line break.
            let (columns, ends) = (&mut self.columns[written..], &mut self.ends[count..]);
            let (end, _, _, more) = self.reader.read_record(&[], columns, ends);
            (result, count) = (end, count + more);
        }
        matches!(result, ReadRecordResult::Record).then_some(count)
    }
}

/// Tracks whether a text ends inside quotes. Quotes open only at the beginning of a field; a doubled quote inside them
/// closes and opens them again.
struct Quotes {
    are_open: bool,
    may_open: bool,
}

impl Quotes {
    fn new() -> Self {
        Self { are_open: false, may_open: true }
    }

    /// Continues with more text.
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
    fn records_have_the_line_numbers_of_an_editor() {
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
