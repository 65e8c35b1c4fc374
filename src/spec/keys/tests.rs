//! Tests the declarations themselves, and compares the decoder with them.

use proptest::{prelude::*, string::string_regex};
use regex::Regex;

use super::*;
use crate::spec::{self, Problem};

/// A step on the path from the top of the file to a section.
#[derive(Clone, Copy, Debug)]
pub(in crate::spec) enum Step {
    /// A key.
    Key(&'static str),
    /// A name that the user chooses.
    Name,
    /// The first item of a list.
    Item,
}

/// Returns every section with its path.
pub(in crate::spec) fn sections() -> Vec<(Vec<Step>, &'static Section)> {
    let mut found: Vec<(Vec<Step>, &'static Section)> = vec![(Vec::new(), &TOP)];
    let mut next = 0;
    while let Some((way, section)) = found.get(next).cloned() {
        for key in section.keys {
            below(&key.kind, &[way.as_slice(), &[Step::Key(key.name)]].concat(), &mut found);
        }
        next += 1;
    }
    found
}

fn below(kind: &Kind, way: &[Step], found: &mut Vec<(Vec<Step>, &'static Section)>) {
    match kind {
        Kind::Map(section) => found.push((way.to_vec(), section)),
        Kind::Maps(section) => found.push(([way, &[Step::Item]].concat(), section)),
        Kind::Named { of, .. } => below(of, &[way, &[Step::Name]].concat(), found),
        Kind::Either(kinds) => kinds.iter().for_each(|kind| below(kind, way, found)),
        _ => {}
    }
}

/// Returns the problems of a file that contains only `inside` at the path `way`.
fn problems(way: &[Step], inside: &str) -> Vec<Problem> {
    let text = way.iter().rev().fold(inside.to_owned(), |inside, step| match step {
        Step::Key(name) => format!("{{ {name}: {inside} }}"),
        Step::Name => format!("{{ web: {inside} }}"),
        Step::Item => format!("[{inside}]"),
    });
    let read = spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None);
    read.expect_err("a file with one key is not whole").list().to_vec()
}

fn path(way: &[Step], key: &str) -> String {
    let path = way.iter().fold(String::new(), |path, step| match step {
        Step::Key(name) => format!("{path}{name}."),
        Step::Name => format!("{path}web."),
        Step::Item => format!("{}[0].", path.trim_end_matches('.')),
    });
    path + key
}

#[test]
fn decoder_knows_exactly_the_declared_keys() {
    for (way, section) in sections() {
        let known: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
        let hint = format!("use one of these keys: {}", known.join(", "));
        let found = problems(&way, "{ qqqqqqqqqqqqqqqqqqqq: 1 }");
        assert!(found.iter().any(|one| one.hint.as_ref() == Some(&hint)), "{}: {found:#?}", section.name);
    }
}

#[test]
fn decoder_reads_every_declared_key() {
    for (way, section) in sections() {
        for key in section.keys {
            // No key accepts a list within a list.
            let found = problems(&way, &format!("{{ {}: [[1]] }}", key.name));
            let path = path(&way, key.name);
            assert!(found.iter().any(|one| one.path.starts_with(&path)), "{path} is not read: {found:#?}");
        }
    }
}

#[test]
fn decoder_checks_every_declared_range() {
    for (way, section) in sections() {
        for key in section.keys {
            let (Kind::Number { least, most, .. } | Kind::Seconds { least, most }) = key.kind else { continue };
            let path = path(&way, key.name);
            let is_refused = |number: u32| {
                let found = problems(&way, &format!("{{ {}: {number} }}", key.name));
                found.iter().any(|one| one.path == path && !one.message.contains("needs a `port`"))
            };
            assert!(
                is_refused(most + 1) && (least == 0 || is_refused(least - 1)),
                "{path} takes more than it declares"
            );
        }
    }
}

#[test]
fn declarations_have_one_name_each_and_defaults_that_fit() {
    for (_, section) in sections() {
        for (index, key) in section.keys.iter().enumerate() {
            let of = format!("{}.{}", section.name, key.name);
            assert!(section.keys[..index].iter().all(|other| other.name != key.name), "{of} is declared twice");
            assert!(key.doc.ends_with('.'), "{of} is not documented in whole sentences");
            assert!(first_sentence(key.doc).len() <= 120, "{of}: the first sentence is too long for an editor");
            let fits = match (&key.absence, &key.kind) {
                (
                    Absence::Default(Literal::Number(number)),
                    Kind::Number { least, most, .. } | Kind::Seconds { least, most },
                ) => (least..=most).contains(&number),
                (Absence::Default(Literal::Number(number)), Kind::Numbers(numbers)) => numbers.contains(number),
                (Absence::Default(Literal::Truth(_)), Kind::Truth | Kind::Either([Kind::Truth, ..])) => true,
                (
                    Absence::Default(Literal::Text(word)),
                    Kind::Choice(words) | Kind::Either([Kind::Choice(words), ..]),
                ) => words.contains(word),
                (
                    Absence::Default(Literal::Text(text)),
                    Kind::Text(declared) | Kind::Either([Kind::Text(declared), ..]),
                ) => {
                    Regex::new(declared.pattern).expect("it is an expression").is_match(text)
                        && declared.check.as_ref().is_none_or(|check| (check.holds)(text))
                }
                (Absence::Default(_), _) => false,
                (Absence::Error(example), _) => !example.is_empty(),
                (Absence::Means(words), _) => !words.is_empty(),
            };
            assert!(fits, "{of} has a default that it does not take");
        }
    }
}

#[test]
fn words_of_other_tools_get_help_instead_of_a_guess() {
    for (way, section) in sections() {
        for foreign in section.foreign {
            for word in foreign.words {
                let inside = match word.split_once('.') {
                    Some((outer, inner)) => format!("{{ {outer}: {{ {inner}: 1 }} }}"),
                    None => format!("{{ {word}: 1 }}"),
                };
                let found = problems(&way, &inside);
                let key = word.rsplit('.').next().expect("a split has a last part");
                let message = format!("unknown key `{key}`");
                let is_told = |one: &Problem| one.message == message && one.hint.as_deref() == Some(foreign.help);
                assert!(found.iter().any(is_told), "{} in {}: {found:#?}", word, section.name);
            }
        }
    }
}

#[test]
fn help_for_words_of_other_tools_names_existing_keys() {
    let mut every: Vec<&str> = sections().iter().flat_map(|(_, section)| section.keys).map(|key| key.name).collect();
    every.sort_unstable();
    for (_, section) in sections() {
        for foreign in section.foreign {
            let quoted = foreign.help.split('`').skip(1).step_by(2);
            // Skip examples and commands, which contain more than a key.
            let keys = quoted.filter(|text| !text.contains([' ', ':'])).flat_map(|path| path.split('.'));
            let others = ["app", "set"];
            for key in keys.filter(|key| !others.contains(key)) {
                assert!(every.binary_search(&key).is_ok(), "{}: {}: there is no key {key}", section.name, foreign.help);
            }
        }
    }
}

#[test]
fn words_match_in_any_case_and_with_any_hyphens() {
    for word in ["desired_count", "desiredCount", "desired-count", "DESIRED_COUNT"] {
        assert_eq!(SERVICE.help_for(word), SERVICE.help_for("count"), "{word}");
        assert!(SERVICE.help_for(word).is_some());
    }
    assert_eq!(SERVICE.help_for("discount"), None);
}

/// Returns the texts that have both a pattern for editors and a check in the decoder.
fn checked_twice() -> Vec<(&'static Text, &'static Check)> {
    let texts = [
        &texts::REGION,
        &texts::VPC_ID,
        &texts::SUBNET_ID,
        &texts::POSTGRES_VERSION,
        &texts::DATABASE_CLASS,
        &texts::CACHE_CLASS,
        &texts::HOST_CLASS,
        &texts::HOST,
        &texts::URL_PATH,
        &CODES,
        &texts::EMAIL,
        &texts::PACKAGE,
    ];
    texts.into_iter().map(|text| (text, text.check.as_ref().expect("it has a check"))).collect()
}

/// Makes one of these texts from its pattern, and a copy of it with a character changed.
fn nearly_matching() -> impl Strategy<Value = (&'static Text, &'static Check, [String; 2])> {
    let made = prop::sample::select(checked_twice()).prop_flat_map(|(text, check)| {
        let inner = text.pattern.trim_start_matches('^').trim_end_matches('$');
        (Just(text), Just(check), string_regex(inner).expect("it is an expression"))
    });
    (made, any::<prop::sample::Index>(), "[a-zA-Z0-9.+*/@ -]{0,2}").prop_map(|((text, check, made), at, with)| {
        let at = at.index(made.chars().count() + 1);
        let changed = made.chars().take(at).chain(with.chars()).chain(made.chars().skip(at + 1)).collect();
        (text, check, [made, changed])
    })
}

proptest! {
    /// An editor must accept what the decoder accepts.
    #[test]
    fn patterns_accept_what_the_checks_accept((text, check, written) in nearly_matching()) {
        let pattern = Regex::new(text.pattern).expect("it is an expression");
        for one in written {
            prop_assert!(!(check.holds)(&one) || pattern.is_match(&one), "{one:?} and {}", text.pattern);
        }
    }
}
