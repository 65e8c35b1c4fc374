//! Tests that the result does not depend on how a file is split into pieces.

use std::io::{self, Read};

use proptest::prelude::*;

use super::super::{
    input::{Input, Piece},
    refusal::Refusal,
    scanner::{Part, Scanner},
    statements::Statements,
};

/// A reader that returns chunks of these sizes in turn.
struct Cut<'a> {
    rest: &'a [u8],
    sizes: &'a [usize],
    turn: usize,
}

impl Read for Cut<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].min(buffer.len()).min(self.rest.len());
        self.turn += 1;
        let (now, rest) = self.rest.split_at(size);
        buffer[..size].copy_from_slice(now);
        self.rest = rest;
        Ok(size)
    }
}

/// Returns the parts of a text. Adjacent parts of the same white space or quoted text are merged.
fn parts<R: Read>(mut input: Input<R>) -> Vec<(Part, String)> {
    let mut scanner = Scanner::new();
    let mut parts: Vec<(Part, Vec<u8>)> = Vec::new();
    while let Some(piece) = input.piece().expect("memory can be read") {
        let mut at = 0;
        while at < piece.bytes.len()
            && let Some((part, length)) = scanner.next(Piece { bytes: &piece.bytes[at..], ..piece })
        {
            let text = &piece.bytes[at..at + length];
            match parts.last_mut() {
                Some((last, so_far)) if *last == part && matches!(part, Part::Blank | Part::Inside) => {
                    so_far.extend(text);
                }
                _ => parts.push((part, text.to_vec())),
            }
            at += length;
        }
        if at == piece.bytes.len() && piece.bytes.ends_with(b"\n") {
            scanner.end_line();
        }
        input.take(at);
    }
    parts.into_iter().map(|(part, text)| (part, String::from_utf8_lossy(&text).into_owned())).collect()
}

/// Returns the SQL that is loaded, and the number of omitted statements.
fn read<R: Read>(mut input: Input<R>, replaces: bool) -> Result<(String, usize), Refusal> {
    let mut statements = Statements::new(replaces);
    let mut out = Vec::new();
    while let Some(piece) = input.piece().expect("memory can be read") {
        let length = statements.read(piece, &mut out)?;
        input.take(length);
    }
    statements.end(&mut out)?;
    Ok((String::from_utf8_lossy(&out).into_owned(), statements.owners))
}

/// Fragments of SQL that a cut may split.
const PARTS: &[&str] = &[
    "'", "'", "''", "E'", "E'", "\\'", "\\\\", "U&'", "u&\"", "B'", "\"", "\"\"", "$$", "$$", "$a$", "$a$", "$ab$",
    "$ab$", "$1", "a$", "/*", "*/", "**/", "*", "/", "--", "-", "(", ")", ";", "1e", "12", "_a", "é", "\r", "\n", " ",
    "  ", ":'", "<->", "word", "\\i b\n",
];

/// Statements that can be loaded in any order.
const STATEMENTS: &[&str] = &[
    "SELECT a, E'it\\'s', $b$ ;$b$, U&\"c;\"\"\" FROM d WHERE e = 'it''s' /* ; /* ' */ */ AND 1e1 <> $1;",
    "ALTER TABLE a OWNER TO b;",
    "ALTER FUNCTION public.a(b \"odd; type\", c integer) OWNER TO /* ; */ 'd';\n",
    "ALTER TABLE a RENAME owner TO b; -- ;'\n",
    "BEGIN; SELECT pg_catalog.lo_close(0); COMMIT;",
    "CREATE FUNCTION f() RETURNS text BEGIN ATOMIC SELECT CASE a WHEN 1 THEN 'END;' END; SELECT 2; END;\n",
    "COPY a (b, \"c;\") FROM stdin; SELECT 1;\nCOMMIT;\nCOMMIT; and so long that it is more than one piece of the file that is looked at\\.\n\\.\n",
    "COPY a FROM stdin;\n\\.\r\n",
    "\n\\restrict a\n",
    "\n-- PostgreSQL database dump\n\n-- PostgreSQL database dump complete\n",
    "SET standard_conforming_strings = off;\nSELECT 'it\\'s; COMMIT;';SET standard_conforming_strings = on;\n",
    "(SELECT 2);;  \n\r\n\t",
    "COMMIT;",
];

proptest! {
    #[test]
    fn any_split_gives_the_same_parts(
        fragments in prop::collection::vec(prop::sample::select(PARTS), 0..100),
        sizes in prop::collection::vec(1..5_usize, 1..5),
        least in 1..10_usize,
    ) {
        let text = fragments.concat();
        let cut = Cut { rest: text.as_bytes(), sizes: &sizes, turn: 0 };
        prop_assert_eq!(parts(Input::in_pieces(cut, least)), parts(Input::new(text.as_bytes())));
    }

    #[test]
    fn any_split_loads_the_same_sql(
        statements in prop::collection::vec(prop::sample::select(STATEMENTS), 0..20),
        sizes in prop::collection::vec(1..60_usize, 1..10),
        least in 1..100_usize,
        replaces in any::<bool>(),
    ) {
        let text = statements.concat();
        let cut = Cut { rest: text.as_bytes(), sizes: &sizes, turn: 0 };
        prop_assert_eq!(read(Input::in_pieces(cut, least), replaces), read(Input::new(text.as_bytes()), replaces));
    }

    #[test]
    fn any_bytes_are_loaded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), least in 1..20_usize) {
        let whole = read(Input::new(bytes.as_slice()), false);
        prop_assert_eq!(read(Input::in_pieces(bytes.as_slice(), least), false), whole);
    }
}
