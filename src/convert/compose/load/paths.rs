//! Paths of a file, as stack.yaml names them: from its folder.

use std::path::{Component, Path};

use crate::convert::source::{Entry, Item, Value};

/// `path` of a file in `home`, from `folder`. What begins with a variable or is no path of the project stays as it is.
pub(super) fn from(path: &str, home: &Path, folder: &Path) -> String {
    if path.starts_with(['/', '~', '\u{e000}']) || path.contains("://") || path.contains('\\') {
        return path.to_owned();
    }
    let home = home.strip_prefix(folder).unwrap_or(home);
    let mut parts: Vec<&str> = Vec::new();
    for part in home.components().chain(Path::new(path).components()) {
        match part {
            Component::ParentDir if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            Component::ParentDir => parts.push(".."),
            Component::Normal(part) => parts.extend(part.to_str()),
            _ => {}
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// Gives all paths of a file's root another beginning.
pub(super) fn rebase(root: &mut Item, home: &Path, folder: &Path) {
    for section in ["secrets", "configs"] {
        for entry in entries(root, section) {
            at(&mut entry.item, "file", &mut |path| from(path, home, folder));
        }
    }
    for entry in entries(root, "services") {
        service(&mut entry.item, home, folder);
    }
}

fn service(item: &mut Item, home: &Path, folder: &Path) {
    let plain = &mut |path: &str| from(path, home, folder);
    if let Some(build) = value(item, "build") {
        at(build, "context", plain);
    }
    if let Some(list) = value(item, "env_file") {
        for one in items(list) {
            match &mut one.value {
                Value::Scalar { text, .. } => *text = plain(text),
                _ => at(one, "path", plain),
            }
        }
    }
    if let Some(list) = value(item, "volumes") {
        // What is no path is the name of a volume.
        let bind = &mut |path: &str| {
            if !path.starts_with('.') {
                return path.to_owned();
            }
            let path = from(path, home, folder);
            if path.starts_with("..") || path == "." { path } else { format!("./{path}") }
        };
        for one in items(list) {
            match &mut one.value {
                Value::Scalar { text, .. } => match text.split_once(':') {
                    Some((source, rest)) if source.starts_with('.') => *text = format!("{}:{rest}", bind(source)),
                    _ => {}
                },
                _ => at(one, "source", bind),
            }
        }
    }
}

fn at(item: &mut Item, key: &str, change: &mut dyn FnMut(&str) -> String) {
    if let Some(Item { value: Value::Scalar { text, .. }, .. }) = value(item, key) {
        *text = change(text);
    }
}

fn value<'a>(item: &'a mut Item, key: &str) -> Option<&'a mut Item> {
    match &mut item.value {
        Value::Map(entries) => entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.item),
        _ => None,
    }
}

fn entries<'a>(item: &'a mut Item, key: &str) -> &'a mut [Entry] {
    match value(item, key).map(|item| &mut item.value) {
        Some(Value::Map(entries)) => entries,
        _ => &mut [],
    }
}

fn items(item: &mut Item) -> &mut [Item] {
    match &mut item.value {
        Value::List(items) => items,
        _ => &mut [],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_named_from_the_folder_of_stack_yaml() {
        let of = |path: &str, home: &str| from(path, Path::new(home), Path::new("/p"));
        assert_eq!(of(".", "/p"), ".");
        assert_eq!(of("./a/b", "/p"), "a/b");
        assert_eq!(of("..", "/p/docker"), ".");
        assert_eq!(of("../web", "/p/docker"), "web");
        assert_eq!(of("../..", "/p/docker"), "..");
        assert_eq!(of("/etc/ssl", "/p"), "/etc/ssl");
    }
}
