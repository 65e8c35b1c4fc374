//! What a `block` pattern stands for: the regular expressions by which a load balancer knows a path in all the ways in
//! which it can be written. Which rule they become is the blueprint's business.
//!
//! A load balancer compares paths as they were sent: `/%61` is not `/a` for it, nor is `/A`, nor `//a`, while many a
//! framework behind it takes all of them for one. So a block is meant for the path, not for one spelling of it.
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html#path-conditions>
//!
//! Only what every engine has is used: classes, groups, alternatives, repetition. Flags such as `(?i)` are not mentioned
//! by AWS, so both cases of a letter are spelt out, and all of it has to fit into 128 characters. Each expression matches
//! a whole path, whether the engine looks for a part of it or not.

use std::{collections::BTreeSet, fmt::Write as _};

/// The longest expression that a load balancer takes, in characters.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_PathPatternConditionConfig.html>
const LONGEST: usize = 128;

/// What a path may begin with before what is blocked: anything that ends in a dot segment (`/./`, `/x/../`), the dots
/// plain or encoded.
const BEFORE: &str = "^(.*(\\.|%2.))?";

/// What may follow it: slashes, a dot, parameters (`;x=1`), an encoded space, and a way down that comes back (`/x/..`).
const AFTER: &str = "(;.*|/.*(\\.|%2[Ee])|[./]|%20)*$";

/// As [`AFTER`], without the way down.
const SHORTLY_AFTER: &str = "(;.*|[./]|%20)*$";

/// As [`AFTER`], with slashes and control characters encoded as well.
const AFTER_ENCODED: &str = "(;.*|/.*(\\.|%2[Ee])|[./]|%([01].|2[0Ff]))*$";

/// What no client writes that means well: a backslash, and the encodings of letters, digits and `-._~`, which RFC 3986
/// (2.3) wants written as themselves, of slashes and of control characters.
const ODD: &str = "(\\\\|%([01].|2[D-Fd-f]|3\\d|[46][1-9A-Fa-f]|5[\\dACFacf]|7[\\dAEae]))";

/// The expressions for `pattern`, of which one matches each path that is blocked; none if it is too long to be spelt
/// out, or has too much between two wildcards.
///
/// A short pattern is one expression that is exact. A longer one is spelt out without encodings, and a second expression
/// takes the paths that consist of its characters alone, and of those of an encoding, and have something [`ODD`] in them:
/// that is more than the encodings of this path, but nothing that anybody would ask for.
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

/// A pattern, character by character.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// A letter, in lower case.
    Letter(char),
    /// A digit or another sign.
    Sign(char),
    /// One slash or more.
    Slash,
    /// `*`: whatever comes.
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
    // A slash at the end is one of those that may follow anyway.
    if parts.len() > 1 && parts.last() == Some(&Part::Slash) {
        parts.pop();
    }
    parts
}

/// `parts` one after the other; with `encoded`, each of them also as `%XX`.
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

/// The encoding of a letter, in both cases, or of a sign.
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

/// The expression for the paths that consist of the characters of `parts` and have something [`ODD`] among them. Beyond
/// the first wildcard all is open.
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
        // It begins with a wildcard: what follows the last one is counted, each character as itself or encoded.
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

/// Classes with the letters of `parts` in both cases, its signs and `more`: the exact one first, then ones that are
/// shorter because they leave out gaps between letters.
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
                // A hyphen stands for itself only at the end.
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

/// `letters` as single ones and ranges; gaps of up to `gap` letters are taken in.
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
