//! Tests of the statements that are omitted, and of similar statements that are loaded.

use super::*;

#[test]
fn statement_that_changes_an_owner_is_omitted() {
    // As pg_dump writes them: <https://www.postgresql.org/docs/current/sql-commands.html>.
    for statement in [
        "ALTER AGGREGATE app.joined(text) OWNER TO them;",
        "ALTER AGGREGATE app.best(text ORDER BY integer, \"a;b\".c) OWNER TO them;",
        "ALTER COLLATION app.plain OWNER TO them;",
        "ALTER EVENT TRIGGER noticed OWNER TO them;",
        "ALTER FOREIGN DATA WRAPPER wrapped OWNER TO them;",
        "ALTER FUNCTION public.f(a integer DEFAULT 1, VARIADIC b \"odd; type\"[]) OWNER TO \"my; self\";",
        "ALTER LARGE OBJECT 4711 OWNER TO them;",
        "ALTER MATERIALIZED VIEW app.kept OWNER TO them;",
        "ALTER OPERATOR public.<-> (public.vector, NONE) OWNER TO them;",
        "ALTER OPERATOR + (a, b) OWNER TO them;",
        "ALTER OPERATOR CLASS app.ops USING btree OWNER TO them;",
        "ALTER OPERATOR FAMILY \"app\".\"ops\" USING gin OWNER TO them;",
        "ALTER PROCEDURAL LANGUAGE plx OWNER TO them;",
        "ALTER SCHEMA \"Odd; schema\" OWNER TO them;",
        "ALTER TABLE IF EXISTS ONLY public.a * OWNER TO CURRENT_USER;",
        "ALTER TABLE rename OWNER TO them;",
        "ALTER TABLE owner.owner OWNER TO owner;",
        "ALTER TEXT SEARCH DICTIONARY app.words OWNER TO them;",
        "ALTER TYPE app.mood OWNER TO U&\"\\0441\";",
        "alter/* one */table a.b owner/* two; */to them ;",
        "ALTER VIEW \"a\"\"; OWNER TO b;\" OWNER TO \"c\";",
        "SET SESSION AUTHORIZATION 'them';",
        "SET SESSION AUTHORIZATION DEFAULT;",
        "SET LOCAL SESSION AUTHORIZATION them;",
        "RESET SESSION AUTHORIZATION;",
    ] {
        let (dump, loaded) = prepared(format!("SELECT 1; {statement} SELECT 2;\n").as_bytes(), false).expect(statement);
        assert_eq!(
            (dump.owners, String::from_utf8_lossy(&loaded).as_ref()),
            (1, "SELECT 1;  SELECT 2;\n"),
            "{statement}"
        );
    }
}

#[test]
fn text_that_only_mentions_an_owner_is_loaded() {
    for text in [
        "INSERT INTO a VALUES ('\nALTER TABLE a OWNER TO b;\n');\n",
        "COMMENT ON TABLE a IS 'owner to';\n",
        "ALTER TYPE mood ADD VALUE 'owner to b';\n",
        "ALTER TABLE a ALTER COLUMN b SET DEFAULT ' OWNER TO ';\n",
        "ALTER TABLE a ADD CONSTRAINT b CHECK (c <> 'x' AND owner IN (to_owner)) /* OWNER TO b */;\n",
        "-- ALTER TABLE a OWNER TO b;\nSELECT 1;\n",
        "CREATE FUNCTION f() RETURNS void AS $$\nALTER TABLE a OWNER TO b;\n$$ LANGUAGE sql;\n",
        "COPY a FROM stdin;\nALTER TABLE a OWNER TO b;\n\\.\n",
        "ALTER TABLE a RENAME COLUMN owner TO b;\n",
        "ALTER TABLE a RENAME owner TO b;\n",
        "ALTER TABLE rename RENAME owner TO b;\n",
        "ALTER TYPE a RENAME ATTRIBUTE owner TO b;\n",
        "ALTER FUNCTION f() SET app.owner TO 'b';\n",
        "ALTER ROLE a SET owner TO b;\n",
        "ALTER TABLE a ADD COLUMN b integer, OWNER TO c;\n",
        "ALTER TABLE a OWNER TO b, ADD COLUMN c integer;\n",
        "ALTER TABLE \"a OWNER TO b\" ADD COLUMN c integer;\n",
        "SET search_path TO owner;\nRESET search_path;\nSET a.session TO authorization;\n",
    ] {
        let (dump, loaded) = prepared(text.as_bytes(), false).expect(text);
        assert_eq!((dump.owners, String::from_utf8_lossy(&loaded).as_ref()), (0, text));
    }
}

#[test]
fn long_statement_is_classified_like_a_short_one() {
    let columns: Vec<String> = (0..1600).map(|number| format!("\"a column; {number}\"")).collect();
    let copy = format!("COPY public.wide ({}) FROM stdin;\nCOMMIT;\n\\.\n", columns.join(", "));
    assert_eq!(loaded(&copy), copy);
    let copy = copy.replace(", ", ",\n    ");
    assert_eq!(loaded(&copy), copy);
    let types = columns.join(", ");
    assert_eq!(loaded(&format!("ALTER FUNCTION f({types}) OWNER TO b;SELECT 1;")), "SELECT 1;");
    let long = "x".repeat(3 << 20);
    for text in [
        format!("COPY a FROM stdin;\n{long}\n\\.\n"),
        format!("ALTER TABLE a ALTER b SET DEFAULT '{long}';\n"),
        format!("COMMENT ON TABLE a IS '{long};\n{long}';\n"),
        format!("CREATE FUNCTION f() RETURNS text AS $$ {long}$ $$ LANGUAGE sql; -- {long}\n/*{long}*/"),
    ] {
        assert!(loaded(&text) == text, "{}", &text[..40]);
    }
    // The statement is too long to hold, but the end of the transaction is still found.
    assert!(refused(&format!("BEGIN; COMMIT /*{long}*/;")).1.contains("ends a transaction"));
}

#[test]
fn omitted_statements_keep_line_numbers() {
    let text =
        "SELECT 1;\nALTER TABLE a\n    OWNER\n    TO b; SELECT 2;\r\n\nALTER\n-- '\nTABLE a OWNER TO b;\nSELECT 3;\n";
    assert_eq!(loaded(text), "SELECT 1;\n\n\n SELECT 2;\r\n\n\n\n\nSELECT 3;\n");
    // An error about a later statement has the line number of the file.
    assert_eq!(refused(&format!("{text}COMMIT;\n")).0, Some(10));
    assert_eq!(refused(&format!("COPY a FROM stdin;\n1\n2\n\\.\nSELECT '\n';{text}\\i b\n")).0, Some(15));
}

#[test]
fn large_objects_are_loaded_in_the_single_transaction() {
    let text = "SELECT 0;\nBEGIN;\n\nSELECT pg_catalog.lo_open('4711', 131072);\nSELECT pg_catalog.lowrite(0, '\\x434f4d4d49543b');\n\
        SELECT pg_catalog.lo_close(0);\n\nCOMMIT;\n\nSELECT 1;\n";
    let (dump, in_one) = prepared(text.as_bytes(), false).expect("it is a dump");
    assert_eq!(String::from_utf8_lossy(&in_one), text.replace("BEGIN;", "").replace("COMMIT;", ""));
    assert_eq!(dump.owners, 0);
    let (_, in_several) = prepared(text.as_bytes(), true).expect("it is a dump");
    assert_eq!(String::from_utf8_lossy(&in_several), text);
}
