//! Names of other services in values and commands: what the stack calls them, and who calls whom.

use super::{
    super::{marks::reference, service::Service},
    facts::Facts,
    stores::is_address,
};
use crate::convert::secrecy::tokens;

/// A call of another service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Called {
    /// Its key in stack.yaml.
    pub(in super::super) key: String,
    pub(in super::super) port: Option<u16>,
}

/// `value` with the names of services of the stack replaced.
pub(super) fn rewritten(service: &Service, name: &str, value: &str, facts: &Facts) -> (String, Vec<Called>) {
    let mut called = Vec::new();
    let replaced = replaced(value, is_address(&tokens(name)), &mut |host, scheme, port| {
        let key = facts.hosts.kept.get(host)?;
        if *key == service.key {
            // What a broker tells its clients of itself.
            if tokens(name).iter().any(|word| word.starts_with("ADVERTISE")) {
                return Some(format!("{key}.{}.internal", reference("stack.name")));
            }
            return scheme.is_some().then(|| "localhost".to_owned());
        }
        // A host and its port may be two variables.
        let sibling = || {
            let name = name.strip_suffix("HOST").map(|before| format!("{before}PORT"))?;
            service.variable(&name)?.parse().ok()
        };
        called.push(Called { key: key.clone(), port: port.or_else(sibling) });
        Some(reference(&format!("services.{key}.host")))
    });
    (replaced, called)
}

/// The service that a value names and that is left out, and whether AWS cannot run it.
pub(super) fn gone(name: &str, value: &str, facts: &Facts) -> Option<(String, bool)> {
    let mut found = None;
    replaced(value, is_address(&tokens(name)), &mut |host, _, _| {
        if let Some(is_impossible) = facts.hosts.gone.get(host) {
            found = Some((host.to_owned(), *is_impossible));
        }
        None
    });
    found
}

/// Whether a value has the address of `host`.
pub(super) fn names(value: &str, host: &str) -> bool {
    let mut is_named = false;
    replaced(value, true, &mut |found, _, _| {
        is_named |= found == host;
        None
    });
    is_named
}

/// Gives each host of a text that has a port or is that of a URL.
pub(super) fn addresses(text: &str, found: &mut dyn FnMut(&str, Option<u16>)) {
    let text: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    replaced(&text, false, &mut |host, _, port| {
        found(host, port);
        None
    });
}

/// A word of a command with the names of services replaced, where nothing but the name itself can stand.
pub(in super::super) fn in_command(word: &str, replace: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let is_flag = word.split_once('=').is_some_and(|(flag, _)| tokens(flag).iter().any(|one| one == "HOST"));
    replaced(word, is_flag, &mut |host, _, _| replace(host))
}

/// Gets a host, what stands before it if that ends a scheme, and the port after it. Gives what stands there instead.
type Replace<'a> = &'a mut dyn FnMut(&str, Option<&str>, Option<u16>) -> Option<String>;

/// Gives each host of `value` to `replace`: one in a URL, one before a port, or the whole of an address.
fn replaced(value: &str, is_address: bool, replace: Replace<'_>) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let mut whole = String::new();
    let mut at = 0;
    while at < value.len() {
        let rest = &value[at..];
        let length = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        if length == 0 {
            let next = rest.chars().next().map_or(1, char::len_utf8);
            whole.push_str(&rest[..next]);
            at += next;
            continue;
        }
        let host = &rest[..length];
        let (before, after) = (&value[..at], &rest[length..]);
        let scheme = before.ends_with("://").then_some(before);
        let digits = after.strip_prefix(':').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
        let port = after.strip_prefix(':').and_then(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse::<u16>().ok()
        });
        let of_url = scheme.is_some() || before.ends_with('@') && before.contains("://");
        // `HOST:PORT`, at the beginning of the text or of an item of a list.
        let with_port = port.is_some()
            && (before.is_empty() || before.ends_with([',', ' ', '=', '@']))
            && digits.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ',', ' ', '?', ';', '\'', '"']));
        let alone = is_address
            && (before.is_empty() || before.ends_with([',', '=']))
            && (after.is_empty() || after.starts_with(','));
        let new = if of_url || with_port || alone { replace(host, scheme, port) } else { None };
        whole.push_str(new.as_deref().unwrap_or(host));
        at += length;
    }
    whole
}
