//! What a file is, by how it begins: a dump in SQL, or what people take for one.

use super::refusal::Refusal;

/// How much of a file is looked at, in bytes: as far as the mark of a tar archive.
pub(super) const HEAD: usize = 262;

/// How files begin that are no SQL, what they are, and what to do about it.
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

/// The words with which a statement of a script for psql begins. <https://www.postgresql.org/docs/current/sql-commands.html>
const WORDS: &str = "ABORT ALTER ANALYZE BEGIN CALL CHECKPOINT CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE DELETE \
    DISCARD DO DROP END EXECUTE EXPLAIN GRANT IMPORT INSERT LISTEN LOAD LOCK MERGE NOTIFY PREPARE REASSIGN REFRESH REINDEX \
    RELEASE RESET REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW START TABLE TRUNCATE UPDATE VACUUM VALUES WITH";

/// Whether the file is packed by gzip. <https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1>
pub(super) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(b"\x1f\x8b")
}

/// Refuses what is no SQL, by the `head` of the unpacked file.
pub(super) fn check(head: &[u8]) -> Result<(), Refusal> {
    let begins = |at: usize, mark: &[u8]| head.get(at..).is_some_and(|rest| rest.starts_with(mark));
    match OTHERS.iter().find(|(at, mark, ..)| begins(*at, mark)) {
        Some((_, _, what, hint)) => Err(Refusal::new(None, format!("is {what}, not SQL"), *hint)),
        None => Ok(()),
    }
}

/// Whether a statement may begin with this: with such a word, or with a parenthesis.
pub(super) fn can_begin(token: &[u8]) -> bool {
    token == b"(" || WORDS.split(' ').any(|known| known.as_bytes().eq_ignore_ascii_case(token))
}

/// What of a line is shown in a message.
pub(super) fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).take(60).collect::<String>().trim_end().to_owned()
}

/// Whether psql has to know where a character of this encoding ends: the second byte of one may be a backslash. Only clients
/// may have such an encoding. Its name is compared as Postgres does: small letters and digits count.
/// <https://www.postgresql.org/docs/current/multibyte.html#MULTIBYTE-CHARSET-SUPPORTED>
pub(super) fn is_only_for_clients(encoding: &str) -> bool {
    const NAMES: &str = "big5 gb18030 gbk johab mskanji shiftjis shiftjis2004 sjis uhc win932 win936 win949 win950 windows932 \
        windows936 windows949 windows950";
    let plain: String = encoding.chars().filter(char::is_ascii_alphanumeric).collect();
    NAMES.split(' ').any(|name| name.eq_ignore_ascii_case(&plain))
}
