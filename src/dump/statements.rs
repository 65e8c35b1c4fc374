//! The statements of a dump, line by line: where one begins, and what must not be among them. Told apart as psql does it:
//! quotes, comments and the rows of a COPY are no statements.
//!
//! <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>

use super::refusal::Refusal;

/// With which comment `pg_dump` begins a dump, and with which it ends one.
const BEGIN: &[u8] = b"-- PostgreSQL database dump";
const COMPLETE: &[u8] = b"-- PostgreSQL database dump complete";

/// The line that ends the rows of a COPY.
const ROWS_END: &[u8] = b"\\.";

/// What is to be done with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is loaded.
    Kept,
    /// It gives something to an owner whom this database need not have. Left out, as `pg_dump --no-owner` does.
    Owner,
}

/// Where the reader is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// Where a statement may begin.
    Between,
    /// In a statement.
    Statement,
    /// Between such quotes; `escapes` in an `E'…'`.
    Quoted { by: u8, escapes: bool },
    /// Between two of these, such as `$$`.
    Dollars(Vec<u8>),
    /// In so many comments.
    Comment(u32),
    /// In the rows of a COPY.
    Rows,
}

/// A reader of lines.
#[derive(Debug)]
pub(super) struct Statements {
    place: Place,
    /// Whether what is quoted or commented out is in a statement.
    in_statement: bool,
    replaces: bool,
    number: u64,
    /// The line at which the present COPY, quote or statement began.
    since: u64,
    /// By `pg_dump`'s comments: whether a dump has begun that has not ended.
    open: bool,
}

impl Statements {
    pub(super) fn new(replaces: bool) -> Self {
        Self { place: Place::Between, in_statement: false, replaces, number: 0, since: 1, open: false }
    }

    /// The next line, with its end.
    pub(super) fn next(&mut self, line: &[u8]) -> Result<Line, Refusal> {
        self.number += 1;
        let text = line.trim_ascii_end();
        if line.contains(&0) {
            return Err(self.refuse("has a byte 0, which no SQL has", "it is damaged, or no dump in SQL"));
        }
        if self.place == Place::Rows {
            if text == ROWS_END {
                self.place = Place::Between;
            }
            return Ok(Line::Kept);
        }
        let begins = self.place == Place::Between;
        if begins {
            self.since = self.number;
            if text == BEGIN || text == COMPLETE {
                self.open = text == BEGIN;
            }
            if text.starts_with(b"\\") {
                return self.command(text);
            }
        }
        self.read(line);
        if !begins {
            return Ok(Line::Kept);
        }
        let words = Words::of(text);
        if self.place == Place::Between && words.give_away() {
            return Ok(Line::Owner);
        }
        self.check(&words)?;
        if self.place == Place::Between && words.copy() {
            self.place = Place::Rows;
        }
        Ok(Line::Kept)
    }

    /// After the last line.
    pub(super) fn end(&self) -> Result<(), Refusal> {
        let what = match self.place {
            Place::Rows => "in the rows of a table",
            Place::Between if self.open => "before its last line, `-- PostgreSQL database dump complete`",
            Place::Between => return Ok(()),
            _ => "in the middle of a statement",
        };
        let begun =
            if self.place == Place::Between { String::new() } else { format!(", begun in line {}", self.since) };
        Err(self.refuse(&format!("it ends {what}{begun}"), "it is cut off: make it anew, or copy it again"))
    }

    fn refuse(&self, message: &str, hint: &str) -> Refusal {
        Refusal::new(Some(self.number), message, hint)
    }

    /// A command of psql's own. Of those, `pg_dump` writes two that keep others from being run.
    fn command(&self, text: &[u8]) -> Result<Line, Refusal> {
        let word: Vec<u8> = text[1..].iter().copied().take_while(u8::is_ascii_alphabetic).collect();
        match word.as_slice() {
            b"restrict" | b"unrestrict" => Ok(Line::Kept),
            b"c" | b"connect" => Err(self.refuse(
                "changes to another database",
                "a dump by pg_dump without --create, or of one database instead of pg_dumpall's, does not",
            )),
            _ => Err(self.refuse(
                &format!("`{}` is a command for psql, and not SQL", String::from_utf8_lossy(text)),
                "put what it would read into the file, or take the line out",
            )),
        }
    }

    fn check(&self, words: &Words) -> Result<(), Refusal> {
        if words.starts(&["CREATE", "DATABASE"]) || words.starts(&["DROP", "DATABASE"]) {
            return Err(self.refuse(
                "is about a whole database",
                "make the dump without --create; `stackctl db load --replace` starts from an empty database",
            ));
        }
        let ends_transaction = words.starts(&["COMMIT"]) || words.starts(&["ROLLBACK"]) || words.starts(&["END"]);
        if ends_transaction && !self.replaces {
            return Err(self.refuse(
                "ends a transaction, and the dump is loaded in one: whole or not at all",
                "take its BEGIN and COMMIT out, or add --replace, which loads into a new database",
            ));
        }
        Ok(())
    }

    /// Moves on over one line.
    fn read(&mut self, line: &[u8]) {
        let mut at = 0;
        while at < line.len() {
            at += self.step(&line[at..], at.checked_sub(1).map(|before| line[before]));
        }
    }

    /// Moves on over what `rest` begins with; gives how many bytes that is. `before` is the byte before it.
    fn step(&mut self, rest: &[u8], before: Option<u8>) -> usize {
        match &mut self.place {
            Place::Rows => rest.len(),
            Place::Quoted { escapes: true, .. } if rest[0] == b'\\' => 2,
            Place::Quoted { by, .. } => {
                // A quote that is doubled ends one and begins another, which comes to the same.
                if rest[0] == *by {
                    self.place = Place::Statement;
                }
                1
            }
            Place::Dollars(tag) => {
                let length = if rest.starts_with(tag) { tag.len() } else { 0 };
                if length > 0 {
                    self.place = Place::Statement;
                }
                length.max(1)
            }
            Place::Comment(depth) => {
                if rest.starts_with(b"*/") {
                    *depth -= 1;
                    if *depth == 0 {
                        self.place = if self.in_statement { Place::Statement } else { Place::Between };
                    }
                    return 2;
                }
                let deeper = rest.starts_with(b"/*");
                *depth += u32::from(deeper);
                1 + usize::from(deeper)
            }
            Place::Between | Place::Statement => self.open_text(rest, before),
        }
    }

    fn open_text(&mut self, rest: &[u8], before: Option<u8>) -> usize {
        if rest.starts_with(b"--") {
            return rest.len();
        }
        if rest.starts_with(b"/*") {
            self.in_statement = self.place == Place::Statement;
            self.place = Place::Comment(1);
            return 2;
        }
        match rest[0] {
            b';' => self.place = Place::Between,
            by @ (b'\'' | b'"') => {
                self.place = Place::Quoted { by, escapes: by == b'\'' && matches!(before, Some(b'E' | b'e')) };
            }
            // In the middle of a word it is a part of that.
            b'$' if !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
                self.place = Place::Statement;
                if let Some(tag) = dollars(rest) {
                    let length = tag.len();
                    self.place = Place::Dollars(tag.to_vec());
                    return length;
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => self.place = Place::Statement,
        }
        1
    }
}

/// `$$` or `$name$` at the beginning of `rest`.
fn dollars(rest: &[u8]) -> Option<&[u8]> {
    let name = rest[1..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let is_name = name == 0 || !rest[1].is_ascii_digit();
    (is_name && rest.get(name + 1) == Some(&b'$')).then(|| &rest[..name + 2])
}

/// The words of a line that begins a statement, in capitals; those of a long one only as far as it is looked at.
struct Words(Vec<String>);

impl Words {
    /// So much of a line is looked at, in bytes: more than the longest name of a table and its columns.
    const LOOKED_AT: usize = 4096;

    fn of(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&text[..text.len().min(Self::LOOKED_AT)]).to_uppercase();
        Self(text.split_whitespace().map(|word| word.trim_end_matches(';').to_owned()).collect())
    }

    fn starts(&self, with: &[&str]) -> bool {
        self.0.len() >= with.len() && self.0.iter().zip(with).all(|(one, other)| one == other)
    }

    /// `ALTER … OWNER TO …`
    fn give_away(&self) -> bool {
        self.starts(&["ALTER"]) && self.0.windows(2).any(|pair| pair == ["OWNER", "TO"])
    }

    /// `COPY … FROM STDIN …`
    fn copy(&self) -> bool {
        self.starts(&["COPY"]) && self.0.windows(2).any(|pair| pair == ["FROM", "STDIN"])
    }
}
