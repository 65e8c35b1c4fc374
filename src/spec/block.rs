//! Translates a `block` pattern into regular expressions that match every spelling of a path. The blueprint turns them
//! into listener rules.
//!
//! A load balancer compares paths as the client sent them: for it, `/%61`, `/A` and `//a` all differ from `/a`. Many
//! frameworks behind it treat them as the same path. So `block` blocks the path, not one spelling of it.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html#path-conditions>
//!
//! The expressions use only what every regex engine has: classes, groups, alternatives and repetition. AWS does not
//! document flags such as `(?i)`, so a class lists both cases of each letter. Everything must fit into 128 characters.
//! Each expression is anchored at both ends, so that it works the same in an engine that searches for a part of the
//! path.

use std::{collections::BTreeSet, fmt::Write as _};

/// The longest regular expression that a listener rule allows, in characters.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_PathPatternConditionConfig.html>
const LONGEST: usize = 128;

/// What may come before the blocked path: anything that ends in a dot segment (`/./`, `/x/../`), with the dots plain or
/// encoded.
const BEFORE: &str = "^(.*(\\.|%2.))?";

/// What may come after the blocked path: slashes, a dot, parameters (`;x=1`), an encoded space, or a detour that leads
/// back (`/x/..`).
const AFTER: &str = "(;.*|/.*(\\.|%2[Ee])|[./]|%20)*$";

/// Like [`AFTER`], without the detour.
const SHORTLY_AFTER: &str = "(;.*|[./]|%20)*$";

/// Like [`AFTER`], and slashes and control characters may also be encoded.
const AFTER_ENCODED: &str = "(;.*|/.*(\\.|%2[Ee])|[./]|%([01].|2[0Ff]))*$";

/// What no ordinary client sends: a backslash, an encoded slash or control character, or an encoded letter, digit or
/// `-._~`. RFC 3986 (2.3) wants letters, digits and `-._~` unencoded.
const ODD: &str = "(\\\\|%([01].|2[D-Fd-f]|3\\d|[46][1-9A-Fa-f]|5[\\dACFacf]|7[\\dAEae]))";

/// Returns the expressions for `pattern`; a path is blocked if one of them matches. Returns none if the pattern is too
/// long, or has too much text between two wildcards.
///
/// A short pattern becomes one exact expression. A longer pattern becomes an expression without encodings, and a second
/// one for paths with something [`ODD`] in them that otherwise consist only of the pattern's characters and of
/// characters that occur in encodings. The second expression matches more than the encodings of this path, but nothing
/// that a client would request.
pub(crate) fn expressions(pattern: &str) -> Option<Vec<String>> {
    let parts = parts(pattern);
    let open = matches!(parts.last(), Some(Part::Any));
    let ends = |after: &'static str| if open { "$" } else { after };
    let begins = |before: &'static str| if matches!(parts.first(), Some(Part::Any)) { "^" } else { before };
    let exact = format!("{}{}{}", begins(BEFORE), spelt(&parts, true), ends(AFTER_ENCODED));
    if exact.len() <= LONGEST {
        return Some(vec![exact]);
    }
    let plain = spelt(&parts, false);
    let whole = format!("{}{plain}{}", begins(BEFORE), ends(AFTER));
    let mut all = if whole.len() <= LONGEST {
        vec![whole]
    } else {
        let halves = [format!("{}{plain}{}", begins(BEFORE), ends(SHORTLY_AFTER)), format!("^{plain}{}", ends(AFTER))];
        if halves.iter().any(|half| half.len() > LONGEST) {
            return None;
        }
        halves.to_vec()
    };
    all.dedup();
    all.push(odd(&parts)?);
    Some(all)
}

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// A letter, in lower case.
    Letter(char),
    /// A digit or another sign.
    Sign(char),
    /// One or more slashes.
    Slash,
    /// `*`: any characters.
    Any,
    /// `?`: one character.
    One,
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = pattern
        .chars()
        .map(|c| match c {
            '/' => Part::Slash,
            '*' => Part::Any,
            '?' => Part::One,
            letter if letter.is_ascii_alphabetic() => Part::Letter(letter.to_ascii_lowercase()),
            sign => Part::Sign(sign),
        })
        .collect();
    parts.dedup_by(|one, other| one == other && matches!(one, Part::Slash | Part::Any));
    // `AFTER` allows a slash at the end anyway.
    if parts.len() > 1 && parts.last() == Some(&Part::Slash) {
        parts.pop();
    }
    parts
}

/// Returns the expression for `parts` in sequence; with `encoded`, each character may also be written as `%XX`.
fn spelt(parts: &[Part], encoded: bool) -> String {
    let mut text = String::new();
    for part in parts {
        let written = match (part, encoded) {
            (Part::Slash, false) => Ok("/+".to_owned()),
            (Part::Slash, true) => Ok("(/|%2[Ff])+".to_owned()),
            (Part::Any, _) => Ok(".*".to_owned()),
            (Part::One, false) => Ok(".".to_owned()),
            (Part::One, true) => Ok("(%..|.)".to_owned()),
            (Part::Letter(letter), _) => Err((format!("[{}{letter}]", letter.to_ascii_uppercase()), *letter)),
            (Part::Sign(sign), _) => Err((escaped(*sign), *sign)),
        };
        match written {
            Ok(written) => text.push_str(&written),
            Err((plain, _)) if !encoded => text.push_str(&plain),
            Err((plain, c)) => write!(text, "({plain}|{})", percent(c)).expect("a string takes all that is written"),
        }
    }
    text
}

/// Returns an expression for the percent-encoding of `c`; for a letter, of both cases.
fn percent(c: char) -> String {
    let code = u32::from(c);
    let high =
        if c.is_ascii_alphabetic() { format!("[{}{}]", (code >> 4) - 2, code >> 4) } else { (code >> 4).to_string() };
    let low = match code & 15 {
        digit @ 0..=9 => digit.to_string(),
        letter => format!("[{letter:X}{letter:x}]"),
    };
    format!("%{high}{low}")
}

fn escaped(sign: char) -> String {
    if ".$+".contains(sign) { format!("\\{sign}") } else { sign.to_string() }
}

/// Returns the expression for paths that consist of the characters of `parts` and contain something [`ODD`]. Anything
/// may follow the first wildcard.
fn odd(parts: &[Part]) -> Option<String> {
    let wild = parts.iter().position(|part| matches!(part, Part::Any | Part::One));
    let head = &parts[..wild.unwrap_or(parts.len())];
    let end = match (wild, head.last()) {
        (None, _) => "(;.*)?$",
        (Some(_), Some(Part::Slash)) => "/.*$",
        (Some(_), _) => ".*$",
    };
    let says_something = |parts: &[Part]| parts.iter().any(|part| matches!(part, Part::Letter(_) | Part::Sign(_)));
    if !says_something(head) {
        // The pattern begins with a wildcard: require as many characters as follow the last wildcard, each plain or
        // encoded.
        let wild = parts.iter().rposition(|part| matches!(part, Part::Any | Part::One));
        let tail: Vec<Part> = parts.iter().skip(wild.map_or(0, |wild| wild + 1)).copied().collect();
        if !says_something(&tail) {
            return None;
        }
        let count = tail.len();
        let whole = |class: &str| format!("^.*({class}|%[2-7].){{{count}}}{SHORTLY_AFTER}");
        return classes(&tail, "").map(|class| whole(&class)).find(|whole| whole.len() <= LONGEST);
    }
    let whole = |class: String| format!("^{class}*{ODD}{class}*{end}");
    classes(head, "%./\\\\0123456789abcdef").map(whole).find(|whole| whole.len() <= LONGEST)
}

/// Returns character classes that contain the letters of `parts` in both cases, the signs of `parts`, and `more`. The
/// exact class comes first; shorter classes follow, which also include the letters in small gaps.
fn classes<'a>(parts: &'a [Part], more: &'a str) -> impl Iterator<Item = String> + 'a {
    let mut letters: BTreeSet<char> = more.chars().filter(char::is_ascii_alphabetic).collect();
    let mut signs: BTreeSet<char> = more.chars().filter(|c| !c.is_ascii_alphanumeric()).collect();
    let mut digits: BTreeSet<char> = more.chars().filter(char::is_ascii_digit).collect();
    for part in parts {
        match part {
            Part::Letter(letter) => letters.insert(*letter),
            Part::Sign(digit) if digit.is_ascii_digit() => digits.insert(*digit),
            Part::Sign(sign) => signs.insert(*sign),
            Part::Slash => signs.insert('/'),
            Part::Any | Part::One => false,
        };
    }
    (0..26).map(move |gap| {
        let mut class = String::from("[");
        let lower = ranges(&letters, gap);
        class.push_str(&lower.to_ascii_uppercase());
        class.push_str(&lower);
        if digits.len() > 2 {
            class.push_str("\\d");
        } else {
            class.extend(&digits);
        }
        for sign in &signs {
            match sign {
                // A hyphen is a literal only at the end of a class.
                '-' => {}
                '\\' => class.push_str("\\\\"),
                other => class.push(*other),
            }
        }
        if signs.contains(&'-') {
            class.push('-');
        }
        class.push(']');
        class
    })
}

/// Returns `letters` as single letters and ranges. A range may include gaps of up to `gap` letters.
fn ranges(letters: &BTreeSet<char>, gap: u32) -> String {
    let mut runs: Vec<(char, char)> = Vec::new();
    for letter in letters {
        match runs.last_mut() {
            Some((_, last)) if u32::from(*letter) - u32::from(*last) <= gap + 1 => *last = *letter,
            _ => runs.push((*letter, *letter)),
        }
    }
    let mut text = String::new();
    for (first, last) in runs {
        match u32::from(last) - u32::from(first) {
            0 => text.push(first),
            1 => text.extend([first, last]),
            _ => text.extend([first, '-', last]),
        }
    }
    text
}

#[cfg(test)]
mod tests;
