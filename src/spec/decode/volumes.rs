//! Decodes `volumes`: the stack's volumes, and where containers mount them.

use std::collections::BTreeMap;

use crate::spec::{
    check,
    keys::{MOUNT, MOUNT_PATH, THROUGHPUT, VOLUME},
    nearest::meant,
    problem::Collector,
    read::{Entries, Field, Map},
    volumes::{Kept, Mount, Volume},
};

/// The words of `shared`, and whether the whole stack shares the volume.
const SHARED: [(&str, bool); 2] = [("stack", true), ("task", false)];

/// The default modes of a volume's folder: one for a volume without an owner, where each process writes as its own
/// user, and one for a volume with an owner.
const MODES: [&str; 2] = ["0777", "0755"];

/// Decodes the volumes of a stack.
pub(super) fn volumes(field: &Field, problems: &mut Collector) -> BTreeMap<String, Volume> {
    let Some(entries) = Entries::new(field.node, &field.path, problems) else { return BTreeMap::new() };
    let mut volumes = BTreeMap::new();
    for field in entries.fields() {
        let name = &field.key.text;
        if !check::is_name(name, check::LONGEST_NAME) {
            let hint = "use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter";
            problems.add(field.key.span, &field.path, format!("invalid volume name `{name}`"), hint);
        }
        if let Some(volume) = volume(&field, problems) {
            volumes.insert(name.clone(), volume);
        }
    }
    volumes
}

fn volume(field: &Field, problems: &mut Collector) -> Option<Volume> {
    // As in Compose files, a volume may have a name and no keys. Volumes that an environment removed with `null` are
    // already gone.
    let map =
        if field.node.is_null() { Map::empty(&VOLUME) } else { Map::new(field.node, &field.path, &VOLUME, problems)? };
    let is_kept = map.word("shared", &SHARED, problems);
    let (protect, backups) = (map.truth("protect", problems), map.truth("backups", problems));
    let throughput = map.word("throughput", &THROUGHPUT, problems);
    let (owner, mode) = (map.text("owner", problems), map.text("mode", problems));
    if !is_kept? {
        for key in ["protect", "backups", "throughput", "owner", "mode"] {
            let hint = "remove it; a volume with `shared: task` is deleted with its task";
            map.wrong(key, format!("`{key}` needs `shared: stack`"), hint, problems);
        }
        return Some(Volume::Task);
    }
    let mode = mode.unwrap_or_else(|| MODES[usize::from(owner.is_some())].to_owned());
    Some(Volume::Stack(Kept { protect: protect?, backups: backups?, throughput: throughput?, owner, mode }))
}

/// Returns the names of the volumes in the file, including those with problems, so that a reference to one is not
/// reported as unknown.
pub(super) fn declared<'a>(root: &Map<'a>) -> Vec<&'a str> {
    let field = root.get("volumes");
    let entries = field.iter().flat_map(|field| field.node.entries());
    entries.map(|(key, _)| key.text.as_str()).collect()
}

/// Decodes where the container `map` mounts the volumes in `declared`.
pub(super) fn mounts(map: &Map, declared: &[&str], problems: &mut Collector) -> Option<BTreeMap<String, Mount>> {
    let Some(field) = map.get("volumes") else { return Some(BTreeMap::new()) };
    if field.node.what() == "a list" {
        let hint = "write each volume with its path, such as volumes: { uploads: /data }";
        field.wrong("expected a mapping, found a list", hint, problems);
        return None;
    }
    let mut mounts: BTreeMap<String, Mount> = BTreeMap::new();
    for field in Entries::new(field.node, &field.path, problems)?.fields() {
        if field.node.is_null() {
            continue;
        }
        let name = field.key.text.clone();
        if !declared.contains(&name.as_str()) {
            let hint = meant(&name, declared.iter().copied())
                .unwrap_or_else(|| format!("add it at the top of the file: volumes: {{ {name}: {{}} }}"));
            problems.add(field.key.span, &field.path, format!("volume `{name}` not found"), hint);
        }
        let mount = mount(&field, problems)?;
        if let Some((other, _)) = mounts.iter().find(|(_, other)| same(&other.path, &mount.path)) {
            let message = format!("`{other}` and `{name}` have the same path, {}", mount.path);
            field.wrong(message, "use a different folder for each", problems);
        }
        mounts.insert(name, mount);
    }
    Some(mounts)
}

fn mount(field: &Field, problems: &mut Collector) -> Option<Mount> {
    if field.node.what() != "a mapping" {
        let path = field.text(problems)?;
        field.checked(&path, MOUNT_PATH.check.as_ref(), problems);
        return Some(Mount { path, read_only: false });
    }
    let map = Map::new(field.node, &field.path, &MOUNT, problems)?;
    let path = map.required("path", problems).and_then(|_| map.text("path", problems));
    let read_only = map.truth("read_only", problems);
    Some(Mount { path: path?, read_only: read_only? })
}

/// Decodes `tmpfs` of a service: folders in memory. They must fit into the task's `memory` in MiB and differ from the
/// container's `mounts`.
pub(super) fn tmpfs(
    map: &Map,
    mounts: Option<&BTreeMap<String, Mount>>,
    memory: Option<u32>,
    problems: &mut Collector,
) -> Option<BTreeMap<String, u32>> {
    let Some(field) = map.get("tmpfs") else { return Some(BTreeMap::new()) };
    if field.node.what() != "a mapping" {
        let hint = "write each folder with its size in MiB, such as tmpfs: { /tmp: 64 }";
        field.wrong(format!("expected a mapping, found {}", field.node.what()), hint, problems);
        return None;
    }
    let mut all: BTreeMap<String, u32> = BTreeMap::new();
    for field in Entries::new(field.node, &field.path, problems)?.fields() {
        if field.node.is_null() {
            continue;
        }
        let path = field.key.text.clone();
        if let Some(check) = MOUNT_PATH.check.as_ref().filter(|check| !(check.holds)(&path)) {
            problems.add(field.key.span, &field.path, format!("invalid {} `{path}`", check.what), check.help);
        }
        if let Some((name, _)) = mounts.into_iter().flatten().find(|(_, mount)| same(&mount.path, &path)) {
            let message = format!("the volume `{name}` already has the path {path}");
            problems.add(field.key.span, &field.path, message, "use a different folder for each");
        }
        all.insert(path, field.number(1, check::MEMORY.1, "MiB", problems)?);
    }
    let whole: u64 = all.values().map(|size| u64::from(*size)).sum();
    if let Some(memory) = memory.filter(|memory| whole >= u64::from(*memory)) {
        let hint = "use smaller sizes, or increase `memory`; files in tmpfs use the memory of the task";
        field.wrong(format!("`tmpfs` needs {whole} MiB, and the task has {memory} MiB of memory"), hint, problems);
    }
    Some(all)
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}
