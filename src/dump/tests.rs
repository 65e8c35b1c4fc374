//! Tests of what is loaded from a file, and why a file is refused.

mod left_out;
mod pieces;
mod postgres;
mod refused;
mod versions;

use std::{fs, io::Read};

use super::*;

const DUMP: &str = "--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n\nCREATE TABLE public.ports (\n    code text NOT NULL,\n    name text DEFAULT ';'\n);\n\n\nALTER TABLE public.ports OWNER TO somebody;\n\nCOPY public.ports (code, name) FROM stdin;\nNOOSL\tOslo; 'really\nCOMMIT;\n\\\\connect\n\\.\n\n--\n-- PostgreSQL database dump complete\n--\n\n";

fn prepared(text: &[u8], replaces: bool) -> Result<(Dump, Vec<u8>), Refusal> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dump.sql");
    fs::write(&path, text).expect("it can be written");
    let dump = Dump::prepare(&path, replaces)?;
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(File::open(dump.path()).expect("it is there")).read_to_end(&mut unpacked).expect("it is whole");
    Ok((dump, unpacked))
}

/// Returns the SQL that is loaded.
fn loaded(text: &str) -> String {
    match prepared(text.as_bytes(), false) {
        Ok((_, loaded)) => String::from_utf8(loaded).expect("it is text"),
        Err(refusal) => panic!("{text}\nis refused: {refusal:?}"),
    }
}

/// Returns the line and the message of the refusal.
fn refused(text: &str) -> (Option<u64>, String) {
    match prepared(text.as_bytes(), false) {
        Ok(_) => panic!("{text}\nis not refused"),
        Err(refusal) => {
            assert!(!refusal.hint.is_empty());
            (refusal.line, refusal.message)
        }
    }
}

#[test]
fn dump_is_loaded_unchanged_without_owners() {
    let (dump, loaded) = prepared(DUMP.as_bytes(), false).expect("it is a dump");
    assert_eq!(dump.owners, 1);
    let expected = DUMP.replace("ALTER TABLE public.ports OWNER TO somebody;", "");
    assert_eq!(String::from_utf8_lossy(&loaded), expected);
    assert_eq!(dump.unpacked, DUMP.len() as u64);
    let packed = fs::read(dump.path()).expect("it is there");
    let sum: String = Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((dump.sha256.as_str(), dump.packed), (sum.as_str(), packed.len() as u64));
}

#[test]
fn compressed_dump_gives_the_same_result() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(DUMP.as_bytes()).expect("memory takes it");
    let packed = packed.finish().expect("memory takes it");
    let (_, loaded) = prepared(&packed, false).expect("it is a dump");
    assert!(String::from_utf8_lossy(&loaded).contains("NOOSL\tOslo"));
    let refusal = prepared(&packed[..packed.len() / 2], false).expect_err("it is cut off");
    assert!(refusal.message.contains("cannot be decompressed"), "{}", refusal.message);
}

#[test]
fn dump_in_another_encoding_keeps_its_bytes() {
    let text =
        b"SET client_encoding = 'LATIN1';\nCOPY a FROM stdin;\n\xe9;\n\\.\nSELECT '\xe9\\', \xe9t\xe9 FROM \"\xff\";\n";
    assert_eq!(prepared(text, false).expect("it is a dump").1, text);
}
