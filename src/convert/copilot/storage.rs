//! `storage`: volumes, the disk, and a root file system that cannot be written.

use std::collections::BTreeMap;

use super::{
    context::{Context, Scene},
    image::Target,
};
use crate::convert::{
    names,
    page::{Map, Value},
    source::{Entry, Item},
};

const KEYS: [&str; 3] = ["ephemeral", "readonly_fs", "volumes"];

const VOLUME: [&str; 3] = ["path", "read_only", "efs"];

const EFS: [&str; 5] = ["id", "root_dir", "uid", "gid", "auth"];

/// Where a container has a volume.
pub(super) struct Mounts<'a> {
    pub(super) workload: &'a str,
    /// The volumes of the whole stack.
    pub(super) volumes: &'a mut Map,
    /// What they are called there, by Copilot's names of them.
    pub(super) named: BTreeMap<String, String>,
}

/// Writes `storage`.
pub(super) fn storage(context: &mut Context, scene: &Scene, all: &Entry, mounts: &mut Mounts, target: &mut Target) {
    let key = target.key.to_owned();
    for entry in all.item.entries() {
        match entry.key.as_str() {
            "ephemeral" => match entry.item.text().and_then(|text| text.parse::<u64>().ok()) {
                Some(size) if size > 20 => {
                    target.map.set("disk", Value::number(size.min(200)));
                    context.carried(entry, format!("{key}.disk"));
                }
                _ => context.itself(entry, "20 GiB is the default"),
            },
            "readonly_fs" if entry.item.truth() == Some(true) => {
                target.map.set("read_only", Value::truth(true));
                context.carried(entry, format!("{key}.read_only"));
                if target.map.get("exec").is_some() {
                    target.map.remove("exec");
                    let how = "`exec` is left out, because its agent writes to the root file system";
                    context.ledger.carried_with(entry.place, None, how);
                }
            }
            "readonly_fs" => context.itself(entry, "this is the default"),
            "volumes" => {
                for entry in entry.item.entries() {
                    volume(context, scene, entry, mounts, target);
                }
            }
            _ => context.unknown(entry, &KEYS),
        }
    }
}

fn volume(context: &mut Context, scene: &Scene, entry: &Entry, mounts: &mut Mounts, target: &mut Target) {
    let efs = entry.item.entry("efs");
    let is_shared = efs.is_some_and(|efs| efs.item.truth() != Some(false) && !efs.item.is_null());
    // Copilot gives each workload a folder of its own, whatever the volume is called.
    let name = name(&entry.key, mounts, is_shared);
    mounts.named.insert(entry.key.clone(), name.clone());
    let to = format!("volumes.{name}");
    let volume = mounts.volumes.map(&name);
    if !is_shared {
        volume.set("shared", Value::text("task"));
    }
    let said = |keys: &[&str]| entry.item.at(keys).and_then(Item::text);
    if let (Some(user), Some(group)) = (said(&["efs", "uid"]), said(&["efs", "gid"])) {
        volume.set("owner", Value::text(format!("{user}:{group}")));
    }
    for entry in entry.item.entries() {
        match entry.key.as_str() {
            "path" => context.carried(entry, format!("{}.volumes.{name}", target.key)),
            "read_only" => context.carried(entry, format!("{}.volumes.{name}.read_only", target.key)),
            "efs" if entry.item.entries().is_empty() => {
                context.nearly(
                    entry,
                    &to,
                    "the stack has its own file system, which is empty at first: copy the files to it",
                );
            }
            "efs" => {
                for entry in entry.item.entries() {
                    match entry.key.as_str() {
                        "uid" | "gid" => context.carried(entry, format!("{to}.owner")),
                        "id" => {
                            let how = "stackctl cannot mount an existing file system: the stack has its own, so \
                             copy the files to it";
                            context.nearly(entry, &to, how);
                        }
                        "root_dir" | "auth" => {
                            context.left_out(entry, "the volume has its own access point with IAM authorization");
                        }
                        _ => context.unknown(entry, &EFS),
                    }
                }
            }
            _ => context.unknown(entry, &VOLUME),
        }
    }
    let path = said(&["path"]).map(|path| context.fixed(scene, path).text).filter(|path| is_path(path));
    // The service's own container mounts what names a path; a sidecar may be the only one.
    if let Some(path) = path {
        mount(target.map, &name, &path, entry.item.at(&["read_only"]));
    } else if entry.item.entry("path").is_some() {
        context.left_out(entry, "its path is not a folder in a container");
    }
    if entry.item.entries().is_empty() {
        context.carried(entry, to);
    }
}

fn is_path(path: &str) -> bool {
    let first = path.split('/').find(|part| !part.is_empty());
    path.starts_with('/')
        && path.len() <= 256
        && first.is_some_and(|first| !["proc", "sys", "dev"].contains(&first))
        && path.split('/').all(|part| !matches!(part, "." | ".."))
        && !path.contains(|c: char| c.is_whitespace() || c.is_control() || c == ':')
}

/// Copilot mounts to read only, unless the manifest says otherwise.
fn mount(map: &mut Map, name: &str, path: &str, read_only: Option<&Item>) {
    let volumes = map.map("volumes");
    if read_only.and_then(Item::truth) == Some(false) {
        volumes.set(name, Value::text(path));
    } else {
        volumes.map(name).set("path", Value::text(path)).set("read_only", Value::truth(true));
    }
}

/// A name that no other workload's volume has.
fn name(text: &str, mounts: &Mounts, is_shared: bool) -> String {
    let own = names::name(text).unwrap_or_else(|| "files".to_owned());
    let is_free = mounts.volumes.get(&own).is_none() && !is_shared;
    if is_free {
        return own;
    }
    if mounts.volumes.get(&own).is_none() {
        return own;
    }
    let long = names::name(&format!("{}-{own}", mounts.workload)).unwrap_or_else(|| own.clone());
    let mut names = std::iter::once(long.clone()).chain((2..).map(|number| {
        let base: String = long.chars().take(17).collect();
        format!("{}-{number}", base.trim_end_matches('-'))
    }));
    names.find(|name| mounts.volumes.get(name).is_none()).unwrap_or(long)
}

/// `mount_points` of a sidecar.
pub(super) fn points(context: &mut Context, scene: &Scene, all: &Entry, mounts: &Mounts, target: &mut Target) {
    const KEYS: [&str; 3] = ["source_volume", "path", "read_only"];
    for point in all.item.items() {
        let said = |key: &str| point.at(&[key]).and_then(Item::text);
        let name = said("source_volume").and_then(|name| mounts.named.get(name)).cloned();
        let path = said("path").map(|path| context.fixed(scene, path).text).filter(|path| is_path(path));
        let is_whole = name.is_some() && path.is_some();
        if let (Some(name), Some(path)) = (&name, &path) {
            mount(target.map, name, path, point.at(&["read_only"]));
        }
        for entry in point.entries() {
            if !KEYS.contains(&entry.key.as_str()) {
                context.unknown(entry, &KEYS);
            } else if is_whole {
                context.carried(entry, format!("{}.volumes", target.key));
            } else {
                context.left_out(entry, "`storage.volumes` does not contain this volume");
            }
        }
    }
}
