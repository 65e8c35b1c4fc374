//! Tests of dumps that cannot be loaded in one transaction, and of files that are not dumps.

use super::*;

#[test]
fn truncated_dump_is_refused() {
    let cut = |before: &str| refused(&DUMP[..DUMP.find(before).expect("it is there")]);
    let (line, message) = cut("COMMIT;");
    assert!(message.contains("in the rows of a table that begins in line 15"), "{line:?} {message}");
    assert_eq!(line, Some(16));
    let (_, message) = cut(" name text");
    assert!(message.contains("in the middle of a statement that begins in line 7"), "{message}");
    let (_, message) = cut("ALTER TABLE");
    assert!(message.contains("before its last line"), "{message}");
    assert!(refused("SELECT 1; /* and").1.contains("in the middle of a comment"));
    // psql would run the last statement, although more of it may be missing.
    assert_eq!(
        refused("SELECT 1;\nSELECT 2"),
        (Some(2), "it ends in the middle of a statement that begins in line 2".into())
    );
    assert!(refused("COPY a FROM stdin;\n1\n\\. \n").1.contains("in the rows"), "a space after it is none of psql's");
    assert_eq!(loaded("COPY a FROM stdin;\n1\n\\."), "COPY a FROM stdin;\n1\n\\.");
    assert_eq!(loaded("COPY a FROM stdin;\r\n1\r\n\\.\r\nSELECT 1;\r\n").lines().count(), 4);
}

#[test]
fn end_of_a_transaction_is_found_anywhere() {
    let table = [
        ("BEGIN;\nINSERT INTO a VALUES (1);\n  COMMIT;\n", 3),
        ("CREATE TABLE a (); COMMIT;\n", 1),
        ("CREATE TABLE a ();COMMIT AND CHAIN;\n", 1),
        ("SELECT 1;\n/* one */ /* two */\nend\n;\n", 3),
        ("END TRANSACTION;\n", 1),
        ("abort;\n", 1),
        ("ROLLBACK WORK;\n", 1),
        ("ROLLBACK AND NO CHAIN;\n", 1),
        ("PREPARE\nTRANSACTION 'a';\n", 1),
        ("COMMIT PREPARED 'a';\n", 1),
        ("Commit\n-- and so on\n\n;\n", 1),
        ("\u{feff}COMMIT;\n", 1),
        ("SELECT 1;--'\rCOMMIT;\n", 1),
        ("SELECT LIKE'\\';COMMIT;--'\n", 1),
        ("SELECT E'a''\\';';\nCOMMIT;--'\n", 2),
        ("SELECT U&'\\';\nCOMMIT;--'\n", 2),
        ("SELECT a$b$;\nCOMMIT;--$b$\n", 2),
        ("SELECT $1$a$;\nCOMMIT;$a$;COMMIT;\n", 2),
        ("SELECT $a$ $b$ $$a$;\nCOMMIT;\n", 2),
        ("SELECT 1 /* /* */ ' */;\nCOMMIT;--'\n", 2),
        ("COPY a FROM stdin; COMMIT;\n1\n\\.\n", 1),
        ("COPY a FROM stdin; COPY b FROM stdin;\nCOMMIT;\n\\.\nCOMMIT;\n\\.\nCOMMIT;\n", 6),
        ("COPY a FROM '/stdin';\nCOMMIT;\n", 2),
        ("COPY (SELECT 1 FROM stdin) TO STDOUT;\nCOMMIT;\n", 2),
        ("SET standard_conforming_strings = off; SELECT '\\'; COMMIT; --';\n", 1),
        ("SET standard_conforming_strings = off;\nSELECT '\\'';\nRESET ALL;\nSELECT '\\';\nCOMMIT;--'\n", 5),
        ("BEGIN;\nSELECT pg_catalog.lo_close(0);\nSELECT 1;\nCOMMIT;\n", 4),
    ];
    for (text, line) in table {
        let (found, message) = refused(text);
        assert!(message.contains("ends a transaction"), "{text}\n{message}");
        assert_eq!(found, Some(line), "{text}");
        let (dump, loaded) = prepared(text.as_bytes(), true).expect("a new database may be loaded in several");
        assert_eq!((dump.owners, String::from_utf8_lossy(&loaded).as_ref()), (0, text));
    }
}

#[test]
fn statement_that_ends_no_transaction_is_loaded() {
    for text in [
        "INSERT INTO a VALUES ('\nCOMMIT;\n');\n",
        "CREATE FUNCTION f() RETURNS void AS $body$\nBEGIN\nCOMMIT;\nEND;\n$body$ LANGUAGE plpgsql;\n",
        "/* one /* two */\nCOMMIT;\n*/\nSELECT 1;\n",
        "SELECT E'it\\'s\nCOMMIT;\n';\n",
        "SELECT E'it''s\\'\nCOMMIT;\n';\n",
        "SELECT a$1, \"\nCOMMIT;\n\" FROM b;\n",
        "SELECT 1\n-- '\n;\nCREATE TABLE c (d int);\n",
        "SELECT $a$ $b$\nCOMMIT;\n$a$;\n",
        "SELECT '\\';\nSELECT 1;\n",
        "SET standard_conforming_strings TO 'off';\nSELECT '\\'\nCOMMIT;\n';\n",
        "SAVEPOINT a;\nROLLBACK TO a;\nROLLBACK WORK TO SAVEPOINT a;\nRELEASE a;\n",
        "PREPARE transaction AS SELECT 1;\nPREPARE commit AS SELECT 1;\n",
        "START TRANSACTION;\nSELECT commit FROM rollback;\n",
        "COPY a FROM stdin;\nCOMMIT;\n\\.x\n \\.\n\\\\.\n\\.\n",
        "COPY a FROM stdin; SELECT '\nCOMMIT;\n\\.\nCOMMIT;';\n",
        "CREATE RULE r AS ON DELETE TO a DO ALSO (INSERT INTO b VALUES (1); DELETE FROM c);\n",
    ] {
        assert_eq!(loaded(text), text);
    }
}

#[test]
fn sql_standard_function_body_is_one_statement() {
    for text in [
        "CREATE FUNCTION f(a integer) RETURNS integer\n    LANGUAGE sql\n    BEGIN ATOMIC\n SELECT 1;\n SELECT 2;\nEND;\nSELECT 1;\n",
        "CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC\nEND;\nSELECT 1;\n",
        "create function f() returns text begin atomic select case when a then case b when 1 then ';' end end from c; end;\n",
        "CREATE FUNCTION f(begin integer) RETURNS integer BEGIN /* */ -- ;\nATOMIC SELECT (SELECT f.begin); END;\n",
        "CREATE FUNCTION f() RETURNS integer BEGIN ATOMIC SELECT t.\"end\", \"begin\" FROM t; END;\n",
        "CREATE TABLE begin (\"end\" integer);\n",
        "CREATE VIEW case_ AS SELECT CASE WHEN a THEN b END FROM begin;\n",
    ] {
        assert_eq!(loaded(text), text);
        let (line, message) = refused(&format!("{text}END;"));
        let lines = text.lines().count() as u64 + 1;
        assert!(message.contains("ends a transaction") && line == Some(lines), "{text}: {line:?}: {message}");
    }
}

#[test]
fn name_that_psql_misreads_is_refused() {
    let (line, message) = refused("SELECT 1;\nCREATE FUNCTION public.begin() RETURNS void AS '';\nSELECT 1;\n");
    assert!(message.contains("takes the name `begin`") && line == Some(2), "{line:?} {message}");
    // psql does not find the end of the body, and would send the COMMIT together with the function.
    let body = "CREATE FUNCTION f() RETURNS integer\nBEGIN ATOMIC\nSELECT t.case FROM t;\nEND;\n";
    for end in ["COMMIT;\nEND;\n", "END;\n", "ROLLBACK;", "PREPARE TRANSACTION 'a';"] {
        let (line, message) = refused(&format!("SELECT 1;\n{body}{end}"));
        assert!(message.contains("the function created in line 2"), "{line:?} {message}");
    }
}

#[test]
fn other_databases_and_psql_commands_are_refused() {
    let about_database = (Some(2), "applies to a whole database".to_owned());
    assert_eq!(refused("SET x = 1;\nCREATE DATABASE other;\n"), about_database);
    assert_eq!(refused("SET x = 1;\ndrop database if exists\nother;\n"), about_database);
    assert!(refused("SELECT 1;\n\\connect other\n").1.contains("another database"));
    assert!(refused("SELECT 1; \\c other\n").1.contains("another database"));
    for command in ["\\i more.sql", "\\; COMMIT;", "\\gexec", "\\restrict a\\i b", "\\restrict a b", "\\restrict 'a'"] {
        let (line, message) = refused(&format!("SELECT 1;\n  {command}\n"));
        assert!(message.contains(&format!("`{command}`")) && line == Some(2), "{line:?} {message}");
    }
    assert!(refused("SELECT 1 \\restrict a\n;\n").1.contains("is a psql command"), "in a statement");
    for text in ["\\restrict abc\nSELECT 1;\n\\unrestrict abc\n", "\\restrict abc\r\nSELECT '\n\\i more.sql\n';\r\n"] {
        assert_eq!(loaded(text), text);
    }
}

#[test]
fn encoding_with_backslash_bytes_is_refused() {
    for setting in ["client_encoding = 'SJIS'", "client_encoding TO \"Shift_JIS_2004\"", "NAMES 'Big5'"] {
        let (line, message) = refused(&format!("SELECT 1;\nSET {setting};\n"));
        assert!(message.contains("uses the encoding") && line == Some(2), "{line:?} {message}");
    }
    loaded("SET client_encoding = 'EUC_JP';\nSET NAMES 'UTF8';\n");
}

#[test]
fn refusal_of_other_formats_names_the_format() {
    assert!(refused("PGDMP\u{1}\u{e}").1.contains("pg_dump's custom format"));
    assert!(refused("PK\u{3}\u{4}").1.contains("zip"));
    assert!(refused(&format!("{:257}ustar", "toc.dat")).1.contains("tar"));
    let csv = (Some(2), "invalid SQL statement: it begins with `day,price`".to_owned());
    assert_eq!(refused("-- rates\nday,price\n2021-01-01,3\n"), csv);
    assert!(refused("<!DOCTYPE html>\n").1.contains("<!DOCTYPE html>"));
    assert!(refused("\n-- nothing\n").1.contains("no statement"));
    assert!(refused("").1.contains("no statement"));
    assert!(refused("SELECT 1;\n\0\n").1.contains("NUL byte"));
    assert!(refused(&format!("SELECT {};\n", "a".repeat(5000))).1.contains("more than 4096 bytes"));
    assert_eq!(loaded("/* from elsewhere */ SELECT 1;"), "/* from elsewhere */ SELECT 1;");
    assert_eq!(loaded("(SELECT 1) UNION SELECT 2;;\n"), "(SELECT 1) UNION SELECT 2;;\n");
    let refusal = Dump::prepare(Path::new("/nowhere/dump.sql"), false).expect_err("it is not there");
    assert!(refusal.message.contains("cannot be read"), "{}", refusal.message);
    let refusal = Dump::prepare(&std::env::temp_dir(), false).expect_err("it is a folder");
    assert_eq!(refusal.message, "is a folder");
}
