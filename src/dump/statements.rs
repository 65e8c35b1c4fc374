//! Reads the statements of a dump as psql does, and decides for each whether it is loaded, omitted or refused. Quoted
//! text, comments and the rows of a COPY are not statements and are loaded unchanged.
//!
//! An omitted statement leaves empty lines, so that the line numbers of psql match those of the file.

use super::{
    format,
    input::Piece,
    meaning::{self, Meaning},
    refusal::Refusal,
    scanner::{LONGEST, Part, Scanner},
    statement::{Misread, Statement},
};

/// The comments at the beginning and the end of a dump of `pg_dump`.
const BEGIN: &[u8] = b"-- PostgreSQL database dump";
const COMPLETE: &[u8] = b"-- PostgreSQL database dump complete";

/// The number of bytes of a line that must be available before it is read: enough to recognize the comments of
/// `pg_dump` and the end of rows.
const LOOKED_AT: usize = 64;

/// The number of bytes of a file's first statement that must be available: as many as a message may need.
const SHOWN: usize = 256;

/// The first words of statements that may be omitted.
const MAY_BE_LEFT_OUT: &[&[u8]] = &[b"ALTER", b"BEGIN", b"COMMIT", b"RESET", b"SET"];

/// The longest statement to omit, in bytes. A statement that changes the owner of a function may list a hundred
/// arguments.
const LONGEST_LEFT_OUT: usize = 1 << 20;

/// The bytes that psql ignores at the beginning of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The transactions that load the dump.
#[derive(Debug, PartialEq, Eq)]
enum Transactions {
    /// One transaction around the whole dump, so that it is applied completely or not at all.
    One {
        /// Whether a BEGIN has been read, followed only by large objects.
        is_of_large_objects: bool,
    },
    /// The transactions of the dump, in a new database.
    Several,
}

/// The rows of COPY statements.
#[derive(Debug, Default)]
struct Rows {
    /// The number of COPY statements whose rows have not ended.
    copies: u32,
    /// The line of the first of these statements.
    since: u64,
    /// Whether the current line contains rows. The rows of all COPY statements in a line begin on the next line.
    have_begun: bool,
}

/// Reads and judges statements.
#[derive(Debug)]
pub(super) struct Statements {
    transactions: Transactions,
    scanner: Scanner,
    statement: Statement,
    /// The text of the current statement, as long as it may be omitted.
    held: Option<Vec<u8>>,
    /// The number of the current line.
    line: u64,
    is_line_begun: bool,
    /// The first line of the current or last statement.
    since: u64,
    rows: Rows,
    has_statement: bool,
    /// Whether a dump has begun and not ended, according to the comments of `pg_dump`.
    is_dump_open: bool,
    /// The number of omitted statements that change an owner.
    pub(super) owners: usize,
}

impl Statements {
    pub(super) fn new(replaces: bool) -> Self {
        let one = Transactions::One { is_of_large_objects: false };
        Self {
            transactions: if replaces { Transactions::Several } else { one },
            scanner: Scanner::new(),
            statement: Statement::default(),
            held: None,
            line: 1,
            is_line_begun: false,
            since: 1,
            rows: Rows::default(),
            has_statement: false,
            is_dump_open: false,
            owners: 0,
        }
    }

    /// Reads as much of `piece` as possible and appends the SQL to load to `out`. Returns the number of bytes read; if
    /// it is 0, a longer piece is needed.
    pub(super) fn read(&mut self, piece: Piece, out: &mut Vec<u8>) -> Result<usize, Refusal> {
        if piece.bytes.contains(&0) {
            return Err(self
                .refuse("contains a NUL byte, which is invalid in SQL", "the file is damaged, or is not an SQL dump"));
        }
        if !self.is_line_begun && !piece.complete && piece.bytes.len() < LOOKED_AT {
            return Ok(0);
        }
        let length = if self.rows.have_begun { self.row(piece, out) } else { self.sql(piece, out)? };
        if length == piece.bytes.len() && piece.bytes.ends_with(b"\n") {
            self.end_line();
        }
        Ok(length)
    }

    /// Checks that the dump is complete, after the last piece.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let is_begun = |line: u64| format!(" that begins in line {line}");
        let (place, since) = if self.rows.copies > 0 {
            ("in the rows of a table", is_begun(self.rows.since))
        } else if !self.statement.is_empty() {
            ("in the middle of a statement", is_begun(self.since))
        } else if self.scanner.is_in_comment() {
            ("in the middle of a comment", String::new())
        } else if self.is_dump_open {
            ("before its last line, `-- PostgreSQL database dump complete`", String::new())
        } else if !self.has_statement {
            return Err(Refusal::new(None, "contains no statements", "check that it is the right file"));
        } else {
            self.release(out);
            return Ok(());
        };
        if !self.is_line_begun {
            self.line = (self.line - 1).max(1);
        }
        Err(self.refuse(&format!("it ends {place}{since}"), "the file is truncated: dump or copy it again"))
    }

    fn refuse(&self, message: &str, hint: &str) -> Refusal {
        Refusal::new(Some(self.line), message, hint)
    }

    fn end_line(&mut self) {
        self.line += 1;
        self.is_line_begun = false;
        self.rows.have_begun = self.rows.copies > 0;
        self.scanner.end_line();
    }

    /// Reads a line of rows. A line with only `\.` ends them.
    fn row(&mut self, Piece { bytes, complete }: Piece, out: &mut Vec<u8>) -> usize {
        let is_end = !self.is_line_begun && complete && matches!(bytes, b"\\.\n" | b"\\.\r\n" | b"\\.");
        self.rows.copies -= u32::from(is_end);
        self.is_line_begun = true;
        out.extend(bytes);
        bytes.len()
    }

    fn sql(&mut self, piece: Piece, out: &mut Vec<u8>) -> Result<usize, Refusal> {
        let mut at = 0;
        if !self.is_line_begun {
            self.is_line_begun = true;
            self.look_at_comment(piece.bytes);
            if self.line == 1 && piece.bytes.starts_with(BYTE_ORDER_MARK) {
                at = BYTE_ORDER_MARK.len();
                out.extend(BYTE_ORDER_MARK);
            }
        }
        while at < piece.bytes.len() {
            let rest = Piece { bytes: &piece.bytes[at..], ..piece };
            if !self.has_statement && !piece.complete && rest.bytes.len() < SHOWN {
                break;
            }
            let Some((part, length)) = self.scanner.next(rest) else { break };
            self.part(part, rest.bytes, length, out)?;
            at += length;
        }
        Ok(at)
    }

    /// Checks whether this line is the comment at the beginning or the end of a dump.
    fn look_at_comment(&mut self, line: &[u8]) {
        let line = line.trim_ascii_end();
        if (line == BEGIN || line == COMPLETE) && self.statement.is_empty() && self.scanner.is_outside() {
            self.is_dump_open = line == BEGIN;
        }
    }

    /// Handles the first `length` bytes of `rest`, which are a part of type `part`.
    fn part(&mut self, part: Part, rest: &[u8], length: usize, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let text = &rest[..length];
        match part {
            Part::Blank => {}
            Part::Inside | Part::Close => {
                if part == Part::Inside {
                    self.statement.inside(text);
                }
            }
            Part::Command => self.command(text)?,
            Part::Endless => {
                let message = format!("contains a word of more than {LONGEST} bytes");
                return Err(self.refuse(&message, "the file is damaged, or is not an SQL dump"));
            }
            Part::Symbol(b';') if self.statement.is_empty() => {}
            _ => return self.token(part, rest, length, out),
        }
        self.put(text, out);
        Ok(())
    }

    fn token(&mut self, part: Part, rest: &[u8], length: usize, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let text = &rest[..length];
        if self.statement.is_empty() {
            if !self.has_statement && !format::can_begin(text) {
                let message = format!("invalid SQL statement: it begins with `{}`", format::shown(rest));
                let hint = "use pg_dump to write an SQL dump; load the rows of a CSV file with the application or with \
                     \\copy in psql";
                return Err(self.refuse(&message, hint));
            }
            self.has_statement = true;
            self.since = self.line;
            let may_be_left_out = MAY_BE_LEFT_OUT.iter().any(|word| word.eq_ignore_ascii_case(text));
            self.held = may_be_left_out.then(Vec::new);
        }
        let is_ended = self.statement.push(part, text).map_err(|misread| self.misread(misread))?;
        self.put(text, out);
        if is_ended {
            self.end_statement(out)?;
        }
        Ok(())
    }

    fn misread(&self, misread: Misread) -> Refusal {
        match misread {
            Misread::Begins => self.refuse(
                "psql takes the name `begin` for the start of the function's body, and does not find its end",
                "quote the name: \"begin\"",
            ),
            Misread::NeverEnds => self.refuse(
                &format!("psql takes this for a part of the function created in line {}", self.since),
                "quote names such as \"begin\", \"case\" and \"end\" there",
            ),
        }
    }

    /// Writes `text` to `out`, or holds it until it is known whether the statement is loaded.
    fn put(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let Some(held) = &mut self.held else { return out.extend(text) };
        held.extend(text);
        if held.len() > LONGEST_LEFT_OUT {
            self.release(out);
        }
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        out.extend(self.held.take().unwrap_or_default());
    }

    /// Omits the held statement except for its newlines.
    fn leave_out(&mut self, out: &mut Vec<u8>) {
        out.extend(self.held.take().unwrap_or_default().into_iter().filter(|byte| *byte == b'\n'));
    }

    fn end_statement(&mut self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let statement = std::mem::take(&mut self.statement);
        if self.judge(&meaning::of(statement.tokens()))? {
            self.leave_out(out);
        }
        self.release(out);
        Ok(())
    }

    /// Returns whether to omit the statement, or an error if it must not be loaded.
    fn judge(&mut self, meaning: &Meaning) -> Result<bool, Refusal> {
        let is_held = self.held.is_some();
        let is_after_large_objects = self.follow(meaning);
        let is_in_one = self.transactions != Transactions::Several;
        match meaning {
            Meaning::Owner => {
                self.owners += usize::from(is_held);
                return Ok(is_held);
            }
            // The load has already begun the transaction.
            Meaning::Begins => return Ok(is_in_one),
            Meaning::Commits if is_after_large_objects && is_held => return Ok(true),
            Meaning::Commits | Meaning::EndsTransaction if is_in_one => {
                return Err(self.refuse_statement(
                    "ends a transaction, but the whole dump is loaded in one transaction",
                    "remove its BEGIN and COMMIT, or add --replace to load into a new database",
                ));
            }
            Meaning::WholeDatabase => {
                return Err(self.refuse_statement(
                    "applies to a whole database",
                    "dump without --create; `stackctl db load --replace` starts from an empty database",
                ));
            }
            Meaning::Encoding(encoding) if format::is_only_for_clients(encoding) => {
                return Err(self.refuse_statement(
                    &format!("uses the encoding {encoding}, in which characters can contain a backslash"),
                    "dump in the database's own encoding, or with pg_dump --encoding=UTF8",
                ));
            }
            Meaning::Rows => {
                self.rows.since = if self.rows.copies == 0 { self.since } else { self.rows.since };
                self.rows.copies += 1;
            }
            Meaning::StandardStrings(standard) => self.scanner.set_standard(*standard),
            _ => {}
        }
        Ok(false)
    }

    /// Returns whether a BEGIN came before this statement, followed only by large objects. `pg_dump` puts large objects
    /// into a separate transaction, which `pg_restore --single-transaction` also omits.
    fn follow(&mut self, meaning: &Meaning) -> bool {
        let Transactions::One { is_of_large_objects } = &mut self.transactions else { return false };
        let was = *is_of_large_objects;
        *is_of_large_objects = *meaning == Meaning::Begins || was && *meaning == Meaning::LargeObject;
        was
    }

    fn refuse_statement(&self, message: &str, hint: &str) -> Refusal {
        Refusal::new(Some(self.since), message, hint)
    }

    /// Checks a psql command. `pg_dump` writes only two, which prevent other psql commands from running.
    /// <https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-META-COMMAND-RESTRICT>
    fn command(&mut self, text: &[u8]) -> Result<(), Refusal> {
        self.has_statement = true;
        let mut words = text[1..].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let (name, key, more) = (words.next().unwrap_or_default(), words.next(), words.next());
        let is_key = |key: &[u8]| key.iter().all(u8::is_ascii_alphanumeric);
        match name {
            b"restrict" | b"unrestrict" if self.statement.is_empty() && key.is_some_and(is_key) && more.is_none() => {
                Ok(())
            }
            b"c" | b"connect" => Err(self.refuse(
                "connects to another database",
                "dump with pg_dump without --create; use pg_dump for one database instead of pg_dumpall",
            )),
            _ => Err(self.refuse(
                &format!("`{}` is a psql command, not SQL", format::shown(text)),
                "insert what it would read into the file, or remove the line",
            )),
        }
    }
}
