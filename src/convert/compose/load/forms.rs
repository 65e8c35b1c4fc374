//! The one form of each key that Compose lets be written in several: lists of `NAME=value` become mappings, a text that is short for
//! a mapping becomes one. Places stay those of the files.

use crate::{
    convert::source::{Entry, Item, Sources, Value},
    document::problem::Problems,
};

/// Keys of a service that are mappings, or lists of `NAME=value`.
const PAIRS: &[&str] = &["environment", "labels", "extra_hosts", "sysctls", "annotations"];

/// Keys of a service that are mappings, or lists of names.
const NAMES: &[&str] = &["depends_on", "networks"];

/// Keys of a service that are lists, or a single text.
const LISTS: &[&str] = &["env_file", "tmpfs", "dns", "dns_search", "expose", "profiles", "label_file"];

/// Keys of a service that are lists and nothing else.
const ONLY_LISTS: &[&str] = &[
    "ports",
    "volumes",
    "secrets",
    "configs",
    "cap_add",
    "cap_drop",
    "security_opt",
    "devices",
    "links",
    "external_links",
    "volumes_from",
    "group_add",
];

/// Keys of a service that are mappings and nothing else.
const ONLY_MAPS: &[&str] = &["deploy", "healthcheck", "logging", "ulimits", "develop"];

/// Gives the services of a file their one form.
///
/// # Errors
/// A key has a value of another kind than it takes.
pub(super) fn canonical(root: &mut Item, sources: &Sources) -> Result<(), Problems> {
    if !matches!(root.value, Value::Map(_)) {
        let hint = "a Compose file starts with `services:`";
        return Err(sources.problem(root.place, format!("expected a mapping, found {}", root.what()), hint));
    }
    for key in ["services", "volumes", "networks", "secrets", "configs"] {
        let Some(item) = item_mut(root, key).filter(|item| !item.is_null()) else { continue };
        expect(item, "a mapping", matches!(item.value, Value::Map(_)), sources)?;
    }
    let Some(Item { value: Value::Map(services), .. }) = item_mut(root, "services") else { return Ok(()) };
    for entry in services {
        if entry.item.is_null() || entry.item.tag.as_deref() == Some("!reset") {
            continue;
        }
        let hint = "write the keys of the service below its name, indented";
        if !matches!(entry.item.value, Value::Map(_)) {
            let message = format!("expected a mapping, found {}", entry.item.what());
            return Err(sources.problem(entry.item.place, message, hint));
        }
        service(&mut entry.item, sources)?;
    }
    Ok(())
}

fn service(item: &mut Item, sources: &Sources) -> Result<(), Problems> {
    for key in PAIRS {
        pairs_at(item, &[key], sources)?;
    }
    pairs_at(item, &["deploy", "labels"], sources)?;
    for key in NAMES {
        let Some(item) = item_mut(item, key).filter(|item| !item.is_null()) else { continue };
        expect(item, "a list or a mapping", !matches!(item.value, Value::Scalar { .. }), sources)?;
        if let Value::List(items) = &item.value {
            item.value = Value::Map(items.iter().map(|one| named(one, None)).collect());
        }
    }
    for key in LISTS {
        let Some(item) = item_mut(item, key).filter(|item| !item.is_null()) else { continue };
        expect(item, "a list or a text", !matches!(item.value, Value::Map(_)), sources)?;
        if matches!(item.value, Value::Scalar { .. }) {
            let one = Item { tag: None, ..item.clone() };
            item.value = Value::List(vec![one]);
        }
    }
    for key in ONLY_LISTS {
        let Some(item) = item_mut(item, key).filter(|item| !item.is_null()) else { continue };
        expect(item, "a list", matches!(item.value, Value::List(_)), sources)?;
    }
    for key in ONLY_MAPS {
        let Some(item) = item_mut(item, key).filter(|item| !item.is_null()) else { continue };
        expect(item, "a mapping", matches!(item.value, Value::Map(_)), sources)?;
    }
    for key in ["image", "container_name", "hostname", "restart", "user"] {
        let Some(item) = item_mut(item, key) else { continue };
        expect(item, "a text", matches!(item.value, Value::Scalar { .. }), sources)?;
    }
    for key in ["command", "entrypoint"] {
        let Some(item) = item_mut(item, key) else { continue };
        expect(item, "a text or a list", !matches!(item.value, Value::Map(_)), sources)?;
    }
    short(item, "build", "context", sources)?;
    short(item, "extends", "service", sources)?;
    pairs_at(item, &["build", "args"], sources)?;
    pairs_at(item, &["build", "labels"], sources)
}

/// A text that is short for a mapping with one key.
fn short(item: &mut Item, key: &str, long: &str, sources: &Sources) -> Result<(), Problems> {
    let Some(item) = item_mut(item, key).filter(|item| !item.is_null()) else { return Ok(()) };
    expect(item, "a text or a mapping", !matches!(item.value, Value::List(_)), sources)?;
    if matches!(item.value, Value::Scalar { .. }) {
        let inside = Item { tag: None, ..item.clone() };
        item.value = Value::Map(vec![Entry { key: long.to_owned(), place: item.place, item: inside }]);
    }
    Ok(())
}

fn pairs_at(item: &mut Item, path: &[&str], sources: &Sources) -> Result<(), Problems> {
    let found = path.iter().try_fold(item, |item, key| item_mut(item, key));
    let Some(item) = found.filter(|item| !item.is_null()) else { return Ok(()) };
    expect(item, "a mapping or a list of NAME=value", !matches!(item.value, Value::Scalar { .. }), sources)?;
    if let Value::List(items) = &item.value {
        let separators = if path == ["extra_hosts"] { [':', '='] } else { ['=', '='] };
        let mut entries: Vec<Entry> = Vec::new();
        for one in items {
            if !matches!(one.value, Value::Scalar { .. }) {
                let message = format!("expected NAME=value, found {}", one.what());
                return Err(sources.problem(one.place, message, "write a text, or use a mapping for all of them"));
            }
            let entry = named(one, Some(separators));
            entries.retain(|known| known.key != entry.key);
            entries.push(entry);
        }
        item.value = Value::Map(entries);
    }
    Ok(())
}

/// An item of a list as an entry of a mapping.
fn named(item: &Item, separators: Option<[char; 2]>) -> Entry {
    let text = match &item.value {
        Value::Scalar { text, .. } => text.as_str(),
        _ => "",
    };
    let (key, value) = match separators.and_then(|separators| text.split_once(separators)) {
        Some((key, value)) => (key, Value::Scalar { text: value.to_owned(), plain: false }),
        None => (text, Value::Scalar { text: String::new(), plain: true }),
    };
    Entry { key: key.trim().to_owned(), place: item.place, item: Item { place: item.place, tag: None, value } }
}

fn expect(item: &Item, what: &str, is_it: bool, sources: &Sources) -> Result<(), Problems> {
    if is_it || item.tag.is_some() {
        return Ok(());
    }
    let message = format!("expected {what}, found {}", item.what());
    Err(sources.problem(item.place, message, "see https://docs.docker.com/reference/compose-file/"))
}

/// The value at a key, to be changed.
pub(super) fn item_mut<'a>(item: &'a mut Item, key: &str) -> Option<&'a mut Item> {
    match &mut item.value {
        Value::Map(entries) => entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.item),
        _ => None,
    }
}
