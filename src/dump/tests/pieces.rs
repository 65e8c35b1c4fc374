//! Where the pieces of a file end makes no difference.

use std::io::{self, Read};

use proptest::prelude::*;

use super::super::{input::Input, refusal::Refusal, statements::Statements};

/// What is read at once: the sizes in turn, again and again.
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

const FRAGMENTS: &[&str] = &[
    "'",
    "'",
    "''",
    "E'",
    "\\'",
    "\\\\",
    "U&'",
    "u&\"",
    "B'",
    "\"",
    "\"\"",
    "$$",
    "$$",
    "$a$",
    "$ab$",
    "$1",
    "a$",
    "/*",
    "*/",
    "**/",
    "/",
    "--",
    "-",
    "(",
    ")",
    ";",
    ";",
    ";",
    "1e",
    "_a",
    "é",
    "\r",
    "\n",
    "\n",
    " ",
    "  ",
    ":'",
    "<->",
    "COPY a FROM stdin;\n",
    "\\.\n",
    "\\.\r\n",
    "\n\\.\n",
    "BEGIN ATOMIC ",
    "CREATE FUNCTION f() ",
    "END;",
    "CASE ",
    "COMMIT;",
    "ALTER TABLE a OWNER TO b;",
    "ALTER ",
    "BEGIN;",
    "OWNER TO b;",
    "SET standard_conforming_strings = off;",
    "SET client_encoding = 'SJIS';",
    "\\restrict a\n",
    "\\i b\n",
    "-- PostgreSQL database dump\n",
    "-- PostgreSQL database dump complete\n",
    "SELECT a, 'text', \"name\" FROM b WHERE c = $$d$$ ",
];

proptest! {
    #[test]
    fn any_cut_gives_the_same_result(
        fragments in prop::collection::vec(prop::sample::select(FRAGMENTS), 0..200),
        sizes in prop::collection::vec(1..60_usize, 1..10),
        least in 1..200_usize,
        replaces in any::<bool>(),
    ) {
        let text = format!("SELECT 1;{}", fragments.concat());
        let whole = read(Input::in_pieces(text.as_bytes(), usize::MAX), replaces);
        let cut = Cut { rest: text.as_bytes(), sizes: &sizes, turn: 0 };
        prop_assert_eq!(read(Input::in_pieces(cut, least), replaces), whole);
    }

    #[test]
    fn any_bytes_are_loaded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), least in 1..20_usize) {
        let whole = read(Input::new(bytes.as_slice()), false);
        prop_assert_eq!(read(Input::in_pieces(bytes.as_slice(), least), false), whole);
    }
}
