//! Checks the files that are generated from the declared keys. `make generate` writes them; otherwise the test fails if
//! a file is out of date.

use std::{env, fs, path::Path};

use super::*;
use crate::spec::{keys::sections, schema};

/// Set by `make generate` to write the files instead of comparing them.
const WRITE: &str = "STACKCTL_GENERATE";

const REFERENCE: &str = "docs/reference/stack-yaml.md";

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn generated_files_are_current() {
    for (name, made) in [("docs/reference/stack.schema.json", schema()), (REFERENCE, reference(&read(REFERENCE)))] {
        if env::var_os(WRITE).is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            fs::write(&path, &made).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        // `assert_eq!` would print two whole files.
        assert!(read(name) == made, "{name} is stale: run `make generate`");
    }
}

#[test]
fn every_section_has_a_table_in_the_reference() {
    let page = read(REFERENCE);
    for (_, section) in sections() {
        let marker = format!("{BEGIN}keys of {} -->\n", section.name);
        assert_eq!(page.matches(&marker).count(), 1, "{marker}");
    }
}

#[test]
fn tables_are_regenerated_and_the_text_around_them_is_kept() {
    let page = "# A\n<!-- generated: keys of alarms -->\nold\n<!-- end -->\nb\n";
    let made = reference(page);
    assert!(made.starts_with("# A\n<!-- generated: keys of alarms -->\n| key | type | default | |\n"), "{made}");
    assert!(made.contains("\n| `email` | email address | required | "), "{made}");
    assert!(made.ends_with(" |\n<!-- end -->\nb\n") && !made.contains("old"), "{made}");
}
