//! Tests malformed and malicious input: alias bombs, deep nesting, random edits and random bytes.

use std::time::Duration;

use proptest::prelude::*;
use rustix::time::{ClockId, clock_gettime};

use super::*;

#[test]
fn alias_bombs_are_rejected() {
    let text = "a: &a [x, x]\nb: &b [*a, *a]\nname: *b\n";
    assert_eq!(problems(text).len(), 1);
}

#[test]
fn deep_nesting_is_rejected() {
    assert_eq!(problems(&"[".repeat(10_000)).len(), 1);
}

proptest! {
    #[test]
    fn random_text_does_not_panic(text in "\\PC{0,200}") {
        drop(read(&text).map_err(|problems| problems.render(true)));
    }

    #[test]
    fn an_edit_of_a_valid_file_does_not_panic(at in 0..GOOD.chars().count(), with in "\\PC{0,6}", gone in 0..40_usize) {
        let text: String = GOOD.chars().take(at).chain(with.chars()).chain(GOOD.chars().skip(at + gone)).collect();
        drop(read(&text).map_err(|problems| problems.render(false)));
    }
}

/// A valid file with several random edits, such as an accident in an editor or an attacker could cause.
fn mutated() -> impl Strategy<Value = String> {
    let edit = prop_oneof![
        "\\PC{0,6}",
        Just("&a [*a, *a]".to_owned()),
        Just("*a".to_owned()),
        Just("!!binary ".to_owned()),
        Just("? ".to_owned()),
        Just("<<: ".to_owned()),
        Just("|+\n".to_owned()),
        Just("---\n".to_owned()),
        Just("${HOME".to_owned()),
        Just("\u{0}\t\u{feff}".to_owned()),
        (1_usize..400).prop_map(|depth| "[".repeat(depth)),
        (1_usize..400).prop_map(|depth| "{a: ".repeat(depth)),
        (1_usize..60).prop_map(|digits| "9".repeat(digits)),
        Just("-1e999".to_owned()),
        Just("0x7fffffffffffffffffff".to_owned()),
    ];
    let edits = proptest::collection::vec((0..GOOD.chars().count(), edit, 0..40_usize), 1..6);
    edits.prop_map(|edits| {
        edits.into_iter().fold(GOOD.to_owned(), |text, (at, with, gone)| {
            text.chars().take(at).chain(with.chars()).chain(text.chars().skip(at + gone)).collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(read(&String::from_utf8_lossy(&bytes)).map_err(|problems| problems.render(false)));
    }

    #[test]
    fn edits_of_a_valid_file_give_problems_within_the_file(text in mutated()) {
        if let Err(problems) = read(&text) {
            prop_assert!(!problems.list().is_empty());
            prop_assert!(problems.list().iter().all(|one| one.line <= text.matches('\n').count() + 1));
            prop_assert!(!problems.render(true).is_empty());
        }
    }
}

/// Parses a text that is made to take long; it must be rejected within this limit, even in a build without
/// optimizations. The limit is CPU time, so other processes on the machine do not affect it.
fn refused_soon(text: &str) -> String {
    let spent = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("it is a time");
    let began = spent();
    let problems = read(text).expect_err("it is refused");
    assert!(problems.list().len() <= 101, "{}", problems.list().len());
    let rendered = problems.render(false);
    let taken = spent().saturating_sub(began);
    assert!(taken < Duration::from_secs(20), "it takes {taken:?}");
    rendered
}

#[test]
fn expensive_input_is_rejected_quickly() {
    for open in ["[", "{a: ", "- ", "? "] {
        refused_soon(&format!("name: {}", open.repeat(100_000)));
    }
    let laughs: String = (1..30).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    assert!(refused_soon(&format!("a0: &a0 [x]\n{laughs}")).contains("YAML anchors are not supported"));
    let keys: String = (0..30_000).map(|n| format!("key{n}: 1\n")).collect();
    assert!(refused_soon(&format!("name: demo\nregion: eu-west-1\n{keys}")).contains("more"));
    assert!(refused_soon(&format!("name: {}", "x".repeat(400_000))).contains("name"));
    refused_soon(&format!("{}: 1", "x".repeat(400_000)));
    let environments: String = (0..9_000).map(|n| format!("  e{n}: {{ network: {{ nat: none }} }}\n")).collect();
    assert!(refused_soon(&format!("{GOOD}{environments}")).contains("more than 50 environments"));
    assert!(refused_soon(&"# nothing\n".repeat(100_000)).contains("larger than 512 kB"));
}
