//! Text that fits into the columns of a terminal. A word is never broken.

/// The fewest columns that are worth filling.
const NARROWEST: usize = 20;

/// `text` in lines of at most `width` columns. Lines after the first are indented by `indent`, and the first one has as much
/// before it.
pub(super) fn wrapped(text: &str, width: Option<usize>, indent: usize) -> String {
    let Some(width) = width.map(|width| width.max(NARROWEST)) else { return text.to_owned() };
    let mut lines = String::new();
    let mut used = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > indent && used + 1 + length > width {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            used = indent;
        } else if used > indent {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += length;
    }
    lines
}

/// As many words of `text` as fit into `width` columns.
pub(super) fn fitted(text: &str, width: Option<usize>) -> String {
    let Some(width) = width.filter(|width| text.chars().count() > *width) else { return text.to_owned() };
    let mut short = String::new();
    for word in text.split(' ') {
        if short.chars().count() + word.chars().count() + 2 > width {
            break;
        }
        short.push_str(word);
        short.push(' ');
    }
    if short.is_empty() { short } else { short.trim_end_matches([' ', ',']).to_owned() + " …" }
}

/// Two values that differ, each in at most `room` columns: what both begin with gives way first.
pub(super) fn distinct(from: &str, to: &str, room: Option<usize>) -> [String; 2] {
    let both = [from, to].map(str::to_owned);
    let Some(room) = room.map(|room| room.max(NARROWEST)) else { return both };
    if both.iter().all(|value| value.chars().count() <= room) {
        return both;
    }
    let shared = from.chars().zip(to.chars()).take_while(|(one, other)| one == other).count();
    let before: String = from.chars().take(shared).collect();
    // From the beginning of the part of the value that differs.
    let cut = before.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| before[..at].chars().count());
    let without = |value: &str| {
        let rest: String = value.chars().skip(cut).collect();
        middle(&if cut > 1 { format!("…{rest}") } else { rest }, room)
    };
    both.map(|value| without(&value))
}

/// `value` without its middle, in at most `room` columns.
fn middle(value: &str, room: usize) -> String {
    let length = value.chars().count();
    if length <= room {
        return value.to_owned();
    }
    let (head, tail) = ((room - 1) / 2, room / 2);
    let first: String = value.chars().take(head).collect();
    let last: String = value.chars().skip(length - tail).collect();
    format!("{first}…{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_between_words() {
        let text = "a word and another-very-long-word-that-does-not-fit then more";
        assert_eq!(wrapped(text, None, 2), text);
        assert_eq!(wrapped(text, Some(24), 2), "a word and\n  another-very-long-word-that-does-not-fit\n  then more");
    }

    #[test]
    fn words_that_do_not_fit_are_left_out() {
        assert_eq!(fitted("cidr 10.0.0.0/16, zone a", Some(40)), "cidr 10.0.0.0/16, zone a");
        assert_eq!(fitted("cidr 10.0.0.0/16, zone a", Some(20)), "cidr 10.0.0.0/16 …");
        assert_eq!(fitted("cidr 10.0.0.0/16", Some(4)), "");
    }

    #[test]
    fn values_that_are_cut_still_show_their_difference() {
        let image = |tag: &str| format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/app:{tag}");
        let [from, to] = distinct(&image("1.0.0-1"), &image("1.0.0-2"), Some(30));
        assert_eq!((from.as_str(), to.as_str()), ("…-1", "…-2"));
        let [from, to] = distinct(&"a".repeat(50), &"b".repeat(50), Some(21));
        assert_eq!((from.chars().count(), to.chars().count()), (21, 21));
        assert!(from.contains('…') && to.starts_with('b'));
    }
}
