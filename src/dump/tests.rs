//! From files as people have them to what is loaded, or to why it is not.

use std::{fs, io::Read};

use super::*;

const DUMP: &str = "--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n\nCREATE TABLE public.ports (\n    code text NOT NULL,\n    name text DEFAULT ';'\n);\n\n\nALTER TABLE public.ports OWNER TO somebody;\n\nCOPY public.ports (code, name) FROM stdin;\nNOOSL\tOslo; 'really\nCOMMIT;\n\\\\connect\n\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n";

fn prepared(text: &[u8], replaces: bool) -> Result<(Dump, String), Refusal> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dump.sql");
    fs::write(&path, text).expect("it can be written");
    let dump = Dump::prepare(&path, replaces)?;
    let mut unpacked = String::new();
    MultiGzDecoder::new(File::open(dump.path()).expect("it is there"))
        .read_to_string(&mut unpacked)
        .expect("it is text");
    Ok((dump, unpacked))
}

fn refused(text: &str) -> (Option<u64>, String) {
    let refusal = prepared(text.as_bytes(), false).expect_err("it is refused");
    assert!(!refusal.hint.is_empty());
    (refusal.line, refusal.message)
}

#[test]
fn a_dump_is_kept_as_it_is_but_for_whom_its_tables_belonged_to() {
    let (dump, loaded) = prepared(DUMP.as_bytes(), false).expect("it is a dump");
    assert_eq!(dump.owners, 1);
    assert_eq!(loaded, DUMP.replace("ALTER TABLE public.ports OWNER TO somebody;", ""));
    assert_eq!(dump.unpacked, DUMP.len() as u64);
    let packed = fs::read(dump.path()).expect("it is there");
    let sum: String = Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((dump.sha256.as_str(), dump.packed), (sum.as_str(), packed.len() as u64));
}

#[test]
fn a_packed_dump_is_the_same_dump() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(DUMP.as_bytes()).expect("memory takes it");
    let packed = packed.finish().expect("memory takes it");
    let (_, loaded) = prepared(&packed, false).expect("it is a dump");
    assert!(loaded.contains("NOOSL\tOslo"));
    let refusal = prepared(&packed[..packed.len() / 2], false).expect_err("it is cut off");
    assert!(refusal.message.contains("cannot be unpacked"), "{}", refusal.message);
}

#[test]
fn what_is_cut_off_is_refused_wherever_the_cut_is() {
    let (line, message) = refused(&DUMP[..DUMP.find("COMMIT;").expect("it is there")]);
    assert!(message.contains("in the rows of a table, begun in line 15"), "{line:?} {message}");
    let (_, message) = refused(&DUMP[..DUMP.find(" name text").expect("it is there")]);
    assert!(message.contains("in the middle of a statement, begun in line 7"), "{message}");
    let (_, message) = refused(&DUMP[..DUMP.find("ALTER TABLE").expect("it is there")]);
    assert!(message.contains("before its last line"), "{message}");
}

#[test]
fn the_end_of_a_transaction_is_refused_but_in_a_new_database() {
    let text = "BEGIN;\nINSERT INTO a VALUES (1);\n  COMMIT;\n";
    assert_eq!(refused(text).0, Some(3));
    assert!(prepared(text.as_bytes(), true).is_ok());
    // Not every COMMIT is one.
    for text in [
        "INSERT INTO a VALUES ('\nCOMMIT;\n');\n",
        "CREATE FUNCTION f() RETURNS void AS $body$\nBEGIN\nCOMMIT;\nEND;\n$body$ LANGUAGE plpgsql;\n",
        "/* one /* two */\nCOMMIT;\n*/\nSELECT 1;\n",
        "SELECT E'it\\'s\nCOMMIT;\n';\n",
        "SELECT a$1, \"\nCOMMIT;\n\" FROM b;\n",
        "SELECT 1\n-- '\n;\nCREATE TABLE c (d int);\n",
    ] {
        assert!(prepared(text.as_bytes(), false).is_ok(), "{text}");
    }
}

#[test]
fn what_leaves_the_database_or_reads_other_files_is_refused() {
    let (line, message) = refused("SET x = 1;\nCREATE DATABASE other;\n");
    assert_eq!((line, message.as_str()), (Some(2), "is about a whole database"));
    assert!(refused("SELECT 1;\n\\connect other\n").1.contains("another database"));
    assert!(refused("\\i more.sql\n").1.contains("`\\i more.sql`"));
    assert!(prepared(b"\\restrict abc\nSELECT 1;\n\\unrestrict abc\n", false).is_ok());
    // In a string, it is none.
    assert!(prepared(b"INSERT INTO a VALUES ('\n\\i more.sql\n');\n", false).is_ok());
}

#[test]
fn what_is_no_sql_says_what_it_is() {
    assert!(refused("PGDMP\u{1}\u{e}").1.contains("pg_dump's own format"));
    assert!(refused("PK\u{3}\u{4}").1.contains("zip"));
    assert_eq!(refused("-- rates\nday,price\n2021-01-01,3\n").0, Some(2));
    assert!(refused("<!DOCTYPE html>\n").1.contains("<!DOCTYPE html>"));
    assert!(refused("\n-- nothing\n").1.contains("no statement"));
    assert!(refused("SELECT 1;\n\0\n").1.contains("byte 0"));
    let refusal = Dump::prepare(Path::new("/nowhere/dump.sql"), false).expect_err("it is not there");
    assert!(refusal.message.contains("cannot be read"), "{}", refusal.message);
    let refusal = Dump::prepare(&std::env::temp_dir(), false).expect_err("it is a folder");
    assert_eq!(refusal.message, "is a folder");
}
