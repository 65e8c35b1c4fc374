//! Detects from the first bytes of a file whether it is an SQL dump or a format that is often mistaken for one.

use super::refusal::Refusal;

/// The number of bytes to inspect at the beginning of a file: up to the signature of a tar archive.
pub(super) const HEAD: usize = 262;

/// Files that are not SQL: the offset and bytes of the signature, the name of the format, and a hint.
const OTHERS: &[(usize, &[u8], &str, &str)] = &[
    (0, b"PGDMP", "an archive in pg_dump's custom format", "convert it to SQL: pg_restore --no-owner -f dump.sql FILE"),
    (257, b"ustar", "a tar archive", "convert a dump of pg_dump -Ft to SQL: pg_restore --no-owner -f dump.sql FILE"),
    (0, b"PK\x03\x04", "a zip archive", "extract the dump, or compress it with gzip"),
    (0, b"BZh", "compressed with bzip2", "decompress it, or compress it with gzip"),
    (0, b"\xfd7zXZ", "compressed with xz", "decompress it, or compress it with gzip"),
    (0, b"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it, or compress it with gzip"),
    (0, b"\xff\xfe", "text in UTF-16", "use pg_dump --file=dump.sql instead of PowerShell's `>`"),
    (0, b"\x1f\x8b", "compressed with gzip twice", "decompress it once"),
    (0, b"SQLite format 3", "an SQLite database", "load a dump of PostgreSQL"),
];

/// The first words of SQL statements. <https://www.postgresql.org/docs/current/sql-commands.html>
const WORDS: &str = "ABORT ALTER ANALYZE BEGIN CALL CHECKPOINT CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE DELETE \
    DISCARD DO DROP END EXECUTE EXPLAIN GRANT IMPORT INSERT LISTEN LOAD LOCK MERGE NOTIFY PREPARE REASSIGN REFRESH REINDEX \
    RELEASE RESET REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW START TABLE TRUNCATE UPDATE VACUUM VALUES WITH";

/// Whether the file is compressed with gzip. <https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1>
pub(super) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(b"\x1f\x8b")
}

/// Refuses a file that is not SQL, judged by the `head` of the decompressed file.
pub(super) fn check(head: &[u8]) -> Result<(), Refusal> {
    let begins = |at: usize, mark: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(mark));
    match OTHERS.iter().find(|(at, mark, ..)| begins(*at, mark)) {
        Some((_, _, what, hint)) => Err(Refusal::new(None, format!("is {what}, not SQL"), *hint)),
        None => Ok(()),
    }
}

/// Whether a statement can begin with this token: a known first word or a parenthesis.
pub(super) fn can_begin(token: &[u8]) -> bool {
    token == b"(" || WORDS.split(' ').any(|known| known.as_bytes().eq_ignore_ascii_case(token))
}

/// Returns the part of a line that a message shows.
pub(super) fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).take(60).collect::<String>().trim_end().to_owned()
}

/// Whether the encoding has characters whose second byte can be a backslash, so that psql must know where a character
/// ends. Postgres allows such encodings only for clients. Names are compared as in Postgres, which ignores case and all
/// characters except letters and digits.
/// <https://www.postgresql.org/docs/current/multibyte.html#MULTIBYTE-CHARSET-SUPPORTED>
pub(super) fn is_only_for_clients(encoding: &str) -> bool {
    const NAMES: &str = "big5 gb18030 gbk johab mskanji shiftjis shiftjis2004 sjis uhc win932 win936 win949 win950 windows932 \
        windows936 windows949 windows950";
    let plain: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    NAMES.split(' ').any(|name| name.eq_ignore_ascii_case(&plain))
}
