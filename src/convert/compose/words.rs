//! Compose's short forms: words of a command, ports, mounts, durations and sizes.

use crate::convert::source::Item;

/// What `text` means as a command: its words, as a shell would part them.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    let mut quote = None;
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => match characters.next() {
                Some(next) if quote.is_none() || "\"\\$`".contains(next) => word.get_or_insert_default().push(next),
                Some(next) => word.get_or_insert_default().extend(['\\', next]),
                None => {}
            },
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// One of `ports`, in its short form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// In the container.
    pub(super) target: String,
    pub(super) published: Option<String>,
    /// The address of the host.
    pub(super) address: Option<String>,
    pub(super) is_udp: bool,
}

/// `[ADDRESS:][PUBLISHED:]TARGET[/PROTOCOL]`.
pub(super) fn port(text: &str) -> Port {
    let (text, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
    let (rest, target) = match text.rsplit_once(':') {
        Some((rest, target)) => (Some(rest), target),
        None => (None, text),
    };
    let (address, published) = match rest.and_then(|rest| rest.rsplit_once(':')) {
        Some((address, published)) => (Some(address.to_owned()), Some(published)),
        None => (None, rest),
    };
    Port {
        target: target.trim().to_owned(),
        published: published.filter(|text| !text.is_empty()).map(str::to_owned),
        address,
        is_udp: protocol.eq_ignore_ascii_case("udp"),
    }
}

/// One of `volumes`, in its short form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// A path or the name of a volume; none for a volume without a name.
    pub(super) source: Option<String>,
    pub(super) target: String,
    pub(super) read_only: bool,
}

/// `[SOURCE:]TARGET[:MODE]`. A drive of Windows is part of the source.
pub(super) fn mount(text: &str) -> Mount {
    let is_drive = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && text.as_bytes().get(1) == Some(&b':')
        && text.as_bytes().get(2).is_some_and(|byte| b"\\/".contains(byte));
    let from = if is_drive { 2 } else { 0 };
    let mut parts = text[from..].split(':');
    let first = format!("{}{}", &text[..from], parts.next().unwrap_or_default());
    let rest: Vec<&str> = parts.collect();
    match rest.as_slice() {
        [] => Mount { source: None, target: first, read_only: false },
        // Without a source: `/data:ro`.
        [mode] if !mode.starts_with('/') && !mode.contains(['\u{e000}', '\\', '/']) && first.starts_with('/') => {
            Mount { source: None, target: first, read_only: is_read_only(mode) }
        }
        [target, modes @ ..] => Mount {
            source: Some(first),
            target: target.trim_end_matches('/').to_owned(),
            read_only: modes.iter().any(|mode| is_read_only(mode)),
        },
    }
}

/// One of `volumes`, in its long or short form; none without a target.
pub(super) fn mounted(item: &Item) -> Option<Mount> {
    if let Some(text) = item.text() {
        return Some(mount(text));
    }
    let text = |key: &str| item.at(&[key]).and_then(Item::text).map(str::to_owned);
    let target = text("target")?.trim_end_matches('/').to_owned();
    let read_only = item.at(&["read_only"]).and_then(Item::truth) == Some(true);
    Some(Mount { source: text("source"), target, read_only })
}

fn is_read_only(mode: &str) -> bool {
    mode.split(',').any(|word| word == "ro")
}

/// A time such as `1m30s`, in seconds, rounded up.
pub(super) fn seconds(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse::<u64>() {
        return Some(number);
    }
    let mut total = 0_f64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            "us" | "µs" => 0.000_001,
            "ns" => 0.000_000_001,
            _ => return None,
        };
        total += number * unit;
        rest = &rest[end..];
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive and small")]
    (total.is_finite() && total < 1e9).then(|| total.ceil() as u64)
}

/// A size such as `512M`, in MiB, rounded up. 0 stands for no limit.
pub(super) fn mebibytes(text: &str) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = match text[end..].trim() {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1_048_576.0,
        "g" | "gb" | "gib" => 1_073_741_824.0,
        "t" | "tb" | "tib" => 1_099_511_627_776.0,
        _ => return None,
    };
    let size = number * unit / 1_048_576.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive and small")]
    (size.is_finite() && size < 1e9).then(|| size.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_the_words_that_a_shell_would_see() {
        let table: &[(&str, &[&str])] = &[
            ("a b  c", &["a", "b", "c"]),
            ("sh -c \"a && b 'c'\"", &["sh", "-c", "a && b 'c'"]),
            ("a\\ b 'c\\d' \"e\\\"f\"", &["a b", "c\\d", "e\"f"]),
            ("x ''", &["x", ""]),
            ("", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(words(text), *expected, "{text}");
        }
    }

    #[test]
    fn ports_are_read_in_their_short_forms() {
        let of = |text: &str| {
            let port = port(text);
            (port.address, port.published, port.target, port.is_udp)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("80"), (None, None, "80".to_owned(), false));
        assert_eq!(of("8080:80/udp"), (None, some("8080"), "80".to_owned(), true));
        assert_eq!(of("127.0.0.1:8080:80"), (some("127.0.0.1"), some("8080"), "80".to_owned(), false));
    }

    #[test]
    fn mounts_are_read_in_their_short_forms() {
        let of = |text: &str| {
            let mount = mount(text);
            (mount.source, mount.target, mount.read_only)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("data:/data"), (some("data"), "/data".to_owned(), false));
        assert_eq!(of("./a:/b:ro,z"), (some("./a"), "/b".to_owned(), true));
        assert_eq!(of("/app/vendor"), (None, "/app/vendor".to_owned(), false));
        assert_eq!(of("C:\\data:/b"), (some("C:\\data"), "/b".to_owned(), false));
        assert_eq!(of("D:\\x"), (None, "D:\\x".to_owned(), false));
    }

    #[test]
    fn times_and_sizes_are_read() {
        assert_eq!(
            [seconds("1m30s"), seconds("500ms"), seconds("5"), seconds("x")],
            [Some(90), Some(1), Some(5), None]
        );
        let sizes = ["512M", "1g", "0", "1073741824", "x"].map(mebibytes);
        assert_eq!(sizes, [Some(512), Some(1024), Some(0), Some(1024), None]);
    }
}
