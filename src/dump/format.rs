//! What a file is, by how it begins: a dump in SQL, or what people take for one.

use super::refusal::Refusal;

/// How much of a file is looked at, in bytes.
pub(super) const HEAD: usize = 64 * 1024;

/// How files begin that are no SQL, what they are, and what to do about it.
const OTHERS: &[(usize, &[u8], &str, &str)] = &[
    (0, b"PGDMP", "an archive in pg_dump's own format", "make it SQL: pg_restore --no-owner -f dump.sql FILE"),
    (257, b"ustar", "a tar archive", "of pg_dump -Ft, make SQL: pg_restore --no-owner -f dump.sql FILE"),
    (0, b"PK\x03\x04", "a zip archive", "unpack it, or pack the dump by gzip"),
    (0, b"BZh", "packed by bzip2", "unpack it, or pack it by gzip"),
    (0, b"\xfd7zXZ", "packed by xz", "unpack it, or pack it by gzip"),
    (0, b"\x28\xb5\x2f\xfd", "packed by zstd", "unpack it, or pack it by gzip"),
    (0, b"\xff\xfe", "text in UTF-16", "PowerShell's `>` writes that: use pg_dump --file=dump.sql"),
    (0, b"\x1f\x8b", "packed by gzip twice", "unpack it once"),
    (0, b"SQLite format 3", "a database of SQLite", "only dumps of Postgres can be loaded"),
];

/// The words with which a statement of a dump begins.
const WORDS: &str = "ALTER ANALYZE BEGIN CALL COMMENT COMMIT COPY CREATE DELETE DO DROP EXPLAIN GRANT IMPORT INSERT LOCK \
    MERGE REASSIGN REFRESH REINDEX RESET REVOKE SECURITY SELECT SET START TABLE TRUNCATE UPDATE VACUUM VALUES WITH";

/// Whether the file is packed by gzip. <https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1>
pub(super) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(b"\x1f\x8b")
}

/// Refuses what is no SQL, by the `head` of the unpacked file.
pub(super) fn check(head: &[u8]) -> Result<(), Refusal> {
    let begins = |at: usize, mark: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(mark));
    if let Some((_, _, what, hint)) = OTHERS.iter().find(|(at, mark, ..)| begins(*at, mark)) {
        return Err(Refusal::new(None, format!("is {what}, and not SQL"), *hint));
    }
    let mut comment = false;
    for (number, line) in (1..).zip(head.split(|byte| *byte == b'\n')) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_start_matches('\u{feff}').trim();
        comment |= line.starts_with("/*");
        if comment || line.is_empty() || line.starts_with("--") {
            comment &= !line.contains("*/");
            continue;
        }
        let word: String = line.chars().take_while(char::is_ascii_alphabetic).collect();
        if line.starts_with('\\') || WORDS.split_whitespace().any(|known| known.eq_ignore_ascii_case(&word)) {
            return Ok(());
        }
        let shown: String = line.chars().filter(|c| !c.is_control()).take(60).collect();
        let hint = "pg_dump writes a dump in SQL; rows of a CSV file go in by the application, or by \\copy of psql";
        return Err(Refusal::new(Some(number), format!("no statement of SQL begins with `{shown}`"), hint));
    }
    if head.len() < HEAD {
        return Err(Refusal::new(None, "has no statement", "is it the right file?"));
    }
    Ok(())
}
