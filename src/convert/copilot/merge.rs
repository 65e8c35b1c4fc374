//! `environments` of a manifest: what is said for one is laid over the rest, mapping by mapping, as Copilot does it.

use crate::convert::source::{Entry, Item, Value};

/// The manifest as it is in `environment`; without one, without what is said for any.
pub(super) fn effective(manifest: &Item, environment: Option<&str>) -> Item {
    let base = without(manifest, "environments");
    match environment.and_then(|name| manifest.at(&["environments", name])) {
        Some(over) if !over.is_null() => self::over(&base, over, ""),
        _ => base,
    }
}

fn without(item: &Item, key: &str) -> Item {
    let entries = item.entries().iter().filter(|entry| entry.key != key).cloned().collect();
    Item { value: Value::Map(entries), ..item.clone() }
}

/// Of these, what an environment names takes the others away.
const EXCLUSIVE: [&[&str]; 3] = [&["build", "location"], &["range", "spot"], &["id", "cidr"]];

fn over(base: &Item, over: &Item, key: &str) -> Item {
    // What is named by one word or in full is one thing or the other.
    let (Value::Map(known), Value::Map(changes)) = (&base.value, &over.value) else {
        return if over.is_null() { base.clone() } else { over.clone() };
    };
    let mut entries: Vec<Entry> = known.clone();
    for change in changes {
        for group in EXCLUSIVE.iter().filter(|group| group.contains(&change.key.as_str())) {
            entries.retain(|entry| entry.key == change.key || !group.contains(&entry.key.as_str()));
        }
        // A value of `variables` or `secrets` is taken whole.
        let whole = matches!(key, "variables" | "secrets");
        match entries.iter_mut().find(|entry| entry.key == change.key) {
            Some(entry) if whole => *entry = change.clone(),
            // The verdict belongs to the key that counts.
            Some(entry) => {
                let item = self::over(&entry.item, &change.item, &change.key);
                let is_map = matches!(change.item.value, Value::Map(_));
                let place = if is_map { entry.place } else { change.place };
                *entry = Entry { key: change.key.clone(), place, item };
            }
            None => entries.push(change.clone()),
        }
    }
    Item { value: Value::Map(entries), ..base.clone() }
}
