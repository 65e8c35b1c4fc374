use proptest::prelude::*;
use regex::Regex;

use super::*;

/// Whether an expression for `pattern` matches `path`.
fn blocks(pattern: &str, path: &str) -> bool {
    let all = expressions(pattern).unwrap_or_else(|| panic!("{pattern} is not too long"));
    all.iter().any(|one| Regex::new(one).unwrap_or_else(|error| panic!("{one}: {error}")).is_match(path))
}

#[test]
fn every_spelling_of_a_path_is_blocked() {
    let table = [
        ("/prepare-for-deploy", "/prepare-for-deploy"),
        ("/prepare-for-deploy", "/Prepare-For-DEPLOY"),
        ("/prepare-for-deploy", "/prepare-for-deploy/"),
        ("/prepare-for-deploy", "//prepare-for-deploy"),
        ("/prepare-for-deploy", "///prepare-for-deploy//"),
        ("/prepare-for-deploy", "/%70repare-for-deploy"),
        ("/prepare-for-deploy", "/prepare%2dfor%2Ddeploy"),
        ("/prepare-for-deploy", "/%50%72%65%70%61%72%65%2d%66%6F%72%2d%64%65%70%6C%6f%79"),
        ("/prepare-for-deploy", "/./prepare-for-deploy"),
        ("/prepare-for-deploy", "/x/../prepare-for-deploy"),
        ("/prepare-for-deploy", "/x/%2e%2E/prepare-for-deploy"),
        ("/prepare-for-deploy", "/prepare-for-deploy/."),
        ("/prepare-for-deploy", "/prepare-for-deploy/x/.."),
        ("/prepare-for-deploy", "/prepare-for-deploy;x=1"),
        ("/prepare-for-deploy", "/%70repare-for-deploy;x=1"),
        ("/prepare-for-deploy", "/prepare-for-deploy%20"),
        ("/prepare-for-deploy", "/prepare-for-deploy%00"),
        ("/prepare-for-deploy", "/prepare-for-deploy%2F"),
        ("/prepare-for-deploy", "/%2fprepare-for-deploy"),
        ("/prepare-for-deploy", "/\\prepare-for-deploy"),
        ("/prepare-for-deploy", "\\prepare-for-deploy"),
        ("/status", "/STATUS/"),
        ("/status", "/%73t%41tus%2f"),
        ("/status", "/a/../st%61tus;jsessionid=1"),
        ("/internal/*", "/internal/"),
        ("/internal/*", "//INTERNAL//users"),
        ("/internal/*", "/int%65rnal/users"),
        ("/internal/administration/*", "/internal/%61dministration/users?"),
        ("/v?/debug", "/v1/debug"),
        ("/v?/debug", "/v%31/DEBUG/"),
        ("*.php", "/a/b/INDEX.PHP"),
        ("*.php", "/a/b/index%2ephp"),
        ("*/prepare-for-deploy", "/api/PREPARE-for-deploy/"),
        ("*/prepare-for-deploy", "/api/prep%61re-for-deploy"),
        ("/a.b", "/A.B"),
        ("/rc-1$+", "/RC-1$+"),
        ("/dir/", "/dir"),
        ("/dir/", "/DIR//"),
        ("/", "/"),
        ("/*", "/anything"),
    ];
    for (pattern, path) in table {
        assert!(blocks(pattern, path), "{pattern} is to block {path}: {:?}", expressions(pattern));
    }
}

#[test]
fn other_paths_are_not_blocked() {
    let table = [
        ("/prepare-for-deploy", "/"),
        ("/prepare-for-deploy", "/prepare-for-deployment"),
        ("/prepare-for-deploy", "/prepare-for"),
        ("/prepare-for-deploy", "/docs/prepare-for-deploy"),
        ("/prepare-for-deploy", "/prepare-for-deploy/history"),
        ("/prepare-for-deploy", "/palindrom/%61nna"),
        ("/prepare-for-deploy", "/palindrom/a%20b"),
        ("/prepare-for-deploy", "/people/1"),
        ("/prepare-for-deploy", "/ready-for-deploy"),
        ("/status", "/statuses"),
        ("/status", "/x.status"),
        ("/status", "/status/1"),
        ("/post", "/stop"),
        ("/internal/*", "/internal"),
        ("/internal/*", "/internals/x"),
        ("/internal/administration/*", "/internal/users"),
        ("/v?/debug", "/v12/debug"),
        ("*.php", "/a/b.phps"),
        ("/a.b", "/axb"),
        ("/", "/x"),
    ];
    for (pattern, path) in table {
        assert!(!blocks(pattern, path), "{pattern} is not to block {path}: {:?}", expressions(pattern));
    }
}

#[test]
fn long_patterns_can_be_shortened_with_a_wildcard() {
    assert_eq!(expressions("/internal/administration/of/all/users"), None);
    assert!(expressions("/internal/administration/*").is_some());
}

#[test]
fn two_deploy_endpoints_fit_into_one_rule() {
    let all = ["/prepare-for-deploy", "/ready-for-deploy"].map(|pattern| expressions(pattern).expect("it fits").len());
    assert!(all.iter().sum::<usize>() <= 5, "{all:?}");
}

/// Returns `c` in one of the spellings that a path can have.
fn written(c: char, how: u8) -> String {
    match how % 4 {
        0 => c.to_ascii_uppercase().to_string(),
        1 => format!("%{:02x}", u32::from(c)),
        2 => format!("%{:02X}", u32::from(c.to_ascii_uppercase())),
        _ => c.to_string(),
    }
}

proptest! {
    #[test]
    fn mixed_cases_and_encodings_are_blocked(
        words in prop::collection::vec("[a-z0-9_.~-]{1,7}", 1..=3),
        how in prop::collection::vec(any::<u8>(), 24),
        slashes in 1..4_usize,
        end in prop::sample::select(vec!["", "/", "//", "/.", ";a=b", "%2f", "%00"]),
    ) {
        let pattern = format!("/{}", words.join("/"));
        let Some(all) = expressions(&pattern) else { return Ok(()) };
        prop_assert!(all.iter().all(|one| one.len() <= LONGEST && one.starts_with('^') && one.ends_with('$')), "{all:?}");
        let mut how = how.into_iter();
        let path: String = words
            .iter()
            .map(|word| {
                let word: String = word.chars().map(|c| written(c, how.next().unwrap_or(3))).collect();
                format!("{}{word}", "/".repeat(slashes))
            })
            .collect();
        let path = format!("{path}{end}");
        prop_assert!(blocks(&pattern, &path), "{pattern} is to block {path}: {all:?}");
    }

    #[test]
    fn plain_paths_are_blocked_only_by_their_pattern(one in "[a-z-]{3,16}", other in "[a-z-]{3,16}") {
        prop_assume!(one != other);
        let Some(_) = expressions(&format!("/{one}")) else { return Ok(()) };
        let (pattern, path) = (format!("/{one}"), format!("/{other}"));
        prop_assert!(!blocks(&pattern, &path), "{pattern} is not to block {path}");
    }

    #[test]
    fn every_expression_is_a_valid_regex(pattern in "[/*][a-zA-Z0-9_.$/~\"'@:+&*?-]{0,127}") {
        for one in expressions(&pattern).unwrap_or_default() {
            prop_assert!(one.len() <= LONGEST, "{one}");
            prop_assert!(Regex::new(&one).is_ok(), "{one}");
        }
    }
}
