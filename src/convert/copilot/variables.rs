//! `variables`, `secrets` and `env_file` of a container.

use std::path::Path;

use super::{
    addresses,
    context::{Context, Scene},
    image::{Target, is_variable},
    meaning::Meaning,
};
use crate::convert::{
    page::{Map, Value},
    secrecy::is_secret,
    source::{Entry, Item},
};

/// What stackctl gives every container itself.
const RESERVED: [&str; 3] = ["APP_VERSION", "STACK_NAME", "STACK_ENVIRONMENT"];

/// How large an `env_file` may be, in bytes: a task definition has no room for more.
const LARGEST: u64 = 64 * 1024;

/// Whose variables these are.
pub(super) struct Owner<'a> {
    /// Copilot's name of the workload.
    pub(super) workload: &'a str,
    /// For a sidecar, the secrets of the service that it shares come here.
    pub(super) service: Option<&'a mut Map>,
}

/// Writes `variables`.
pub(super) fn variables(context: &mut Context, scene: &Scene, all: &Entry, owner: &mut Owner, target: &mut Target) {
    if all.item.entries().is_empty() {
        context.left_out(all, "the value is empty");
    }
    for entry in all.item.entries() {
        let to = format!("{}.env.{}", target.key, entry.key);
        if !is_usable(context, entry) {
            continue;
        }
        if let Some(export) = entry.item.entry("from_cfn") {
            exported(context, scene, (entry, export), owner, target);
            continue;
        }
        let Some(text) = entry.item.text() else {
            context.left_out(entry, "it has no value");
            continue;
        };
        if is_secret(&entry.key, text) {
            set(owner, target, &entry.key, "set", None);
            let how = "it looks like a secret, so its value was not copied: enter it with `stackctl secrets set`";
            context.nearly(entry, &format!("{}.secrets.{}", target.key, entry.key), how);
            continue;
        }
        let (value, called) = addresses::rewritten(context, scene, &entry.key, text, owner.workload);
        target.map.map("env").set(entry.key.clone(), value.value());
        let list = owner.service.as_deref_mut().unwrap_or(target.map);
        called.iter().for_each(|name| add(list, "calls", name));
        match called.first() {
            Some(name) => context.nearly(
                entry,
                &to,
                format!("a reference, because `{name}` has another name in the network; it is also added to `calls`"),
            ),
            None => context.carried(entry, to),
        }
    }
}

/// Adds a text to a list, once.
pub(super) fn add(map: &mut Map, key: &str, text: &str) {
    add_value(map, key, Value::text(text));
}

/// Adds a value to a list, once.
pub(super) fn add_value(map: &mut Map, key: &str, item: Value) {
    let mut items = match map.get(key) {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    if !items.contains(&item) {
        items.push(item);
        map.set(key, Value::List(items));
    }
}

fn is_usable(context: &mut Context, entry: &Entry) -> bool {
    if RESERVED.contains(&entry.key.as_str()) {
        context.left_out(entry, "stackctl sets this variable in every container: rename yours");
        return false;
    }
    if !is_variable(&entry.key) {
        context.left_out(entry, "a variable name can contain only letters, digits and _: rename it");
        return false;
    }
    true
}

/// The value of an export, in `variables` or in `secrets`.
fn exported(
    context: &mut Context,
    scene: &Scene,
    (entry, export): (&Entry, &Entry),
    owner: &mut Owner,
    target: &mut Target,
) {
    let name = context.named(scene, export.item.text().unwrap_or_default());
    let meaning = scene.exports.get(&name).cloned().unwrap_or(Meaning::Unknown);
    let to = format!("{}.env.{}", target.key, entry.key);
    if given(scene, &entry.key) && matches!(meaning, Meaning::Unknown) {
        let how = format!("stackctl sets {} to the address of the stack's own resource", entry.key);
        context.ledger.approximated(entry.place, None, how);
        return;
    }
    if write(&entry.key, &meaning, owner, target) {
        context.carried(entry, to);
        return;
    }
    let key = format!("{}.env.{}", target.key, entry.key);
    let question = format!("the value of the CloudFormation export {}", export.item.text().unwrap_or_default());
    if let Some(answer) = context.open.ask(&scene.key(&key), question.clone(), None) {
        target.map.map("env").set(entry.key.clone(), Value::live(answer));
        context.carried(entry, to);
        return;
    }
    set(
        owner,
        target,
        &entry.key,
        "set",
        Some(&format!(
            "Decide: enter {question} with `stackctl secrets set`, or \
     write it into `env`."
        )),
    );
    let how = format!(
        "stackctl does not read CloudFormation exports: write {question} into `env`, or enter it with `stackctl \
         secrets set`"
    );
    context.nearly(entry, &format!("{}.secrets.{}", target.key, entry.key), how);
}

/// Whether stackctl itself gives a variable of this name.
fn given(scene: &Scene, name: &str) -> bool {
    name == "DATABASE_URL" && scene.has_database || name == "REDIS_URL" && scene.has_cache
}

/// Writes what an output or an export of an addon stands for. Says whether it could.
pub(super) fn write(name: &str, meaning: &Meaning, owner: &mut Owner, target: &mut Target) -> bool {
    match meaning {
        Meaning::Text(text) => drop(target.map.map("env").set(name, Value::live(text.clone()))),
        Meaning::Secret(text) => set(owner, target, name, text, None),
        Meaning::Generated => set(owner, target, name, "generate", None),
        Meaning::Bucket(bucket) => {
            _ = target.map.map("env").set(name, Value::live(format!("((buckets.{bucket}.name))")));
        }
        Meaning::BucketArn(bucket) => {
            _ = target.map.map("env").set(name, Value::live(format!("arn:aws:s3:::((buckets.{bucket}.name))")));
        }
        Meaning::Access | Meaning::Group | Meaning::Unknown => return false,
    }
    true
}

/// Sets a secret that the service has, and that a sidecar shares.
fn set(owner: &mut Owner, target: &mut Target, name: &str, value: &str, comment: Option<&str>) {
    let value = if matches!(value, "set" | "generate") { Value::text(value) } else { Value::live(value) };
    let map = match owner.service.as_deref_mut() {
        Some(service) => {
            target.map.map("secrets").set(name, Value::text("shared"));
            service.map("secrets")
        }
        None => target.map.map("secrets"),
    };
    map.set(name, value);
    if let Some(comment) = comment {
        map.comment(name, comment);
    }
}

/// Writes `secrets`.
pub(super) fn secrets(context: &mut Context, scene: &Scene, all: &Entry, owner: &mut Owner, target: &mut Target) {
    if all.item.entries().is_empty() {
        context.left_out(all, "the value is empty");
    }
    for entry in all.item.entries() {
        if !is_usable(context, entry) {
            continue;
        }
        let to = format!("{}.secrets.{}", target.key, entry.key);
        let (value, is_manager) = match (entry.item.text(), entry.item.at(&["secretsmanager"]).and_then(Item::text)) {
            (Some(text), _) => (text, false),
            (None, Some(text)) => (text, true),
            (None, None) => {
                if let Some(export) = entry.item.entry("from_cfn") {
                    exported_secret(context, scene, (entry, export), owner, target);
                } else {
                    context.left_out(entry, "it has no value");
                }
                continue;
            }
        };
        if let Some(place) = place(context, scene, value, is_manager) {
            target.map.map("secrets").set(entry.key.clone(), Value::Map(place));
            context.carried(entry, to);
            continue;
        }
        let question = if is_manager {
            format!("the ARN of the secret {value} in Secrets Manager")
        } else {
            format!("the ARN of the parameter {value} in Systems Manager")
        };
        unknown_place(context, scene, entry, owner, target, &question);
    }
}

fn exported_secret(
    context: &mut Context,
    scene: &Scene,
    (entry, export): (&Entry, &Entry),
    owner: &mut Owner,
    target: &mut Target,
) {
    let to = format!("{}.secrets.{}", target.key, entry.key);
    let name = context.named(scene, export.item.text().unwrap_or_default());
    let meaning = scene.exports.get(&name).cloned().unwrap_or(Meaning::Unknown);
    if write(&entry.key, &meaning, owner, target) {
        context.carried(entry, to);
    } else if given(scene, &entry.key) {
        let how = format!("stackctl sets {} to the address of the stack's own resource", entry.key);
        context.ledger.approximated(entry.place, None, how);
    } else {
        let export = export.item.text().unwrap_or_default();
        unknown_place(context, scene, entry, owner, target, &format!("the ARN in the CloudFormation export {export}"));
    }
}

/// A secret whose place is not in the files: given by hand until somebody says it.
fn unknown_place(
    context: &mut Context,
    scene: &Scene,
    entry: &Entry,
    owner: &mut Owner,
    target: &mut Target,
    question: &str,
) {
    let to = format!("{}.secrets.{}", target.key, entry.key);
    let key = scene.key(&format!("{to}.from"));
    let answer = context.open.ask(&key, question, None);
    if let Some(place) = answer.and_then(|answer| place(context, scene, &answer, false)) {
        target.map.map("secrets").set(entry.key.clone(), Value::Map(place));
        context.carried(entry, to);
        return;
    }
    let comment = format!("Decide: {{ from: … }} with {question}, or enter the value with `stackctl secrets set`.");
    set(owner, target, &entry.key, "set", Some(&comment));
    context.nearly(
        entry,
        &to,
        format!("write {{ from: … }} with {question}, or enter the value with `stackctl secrets set`"),
    );
}

/// `{ from: …, key: … }` of what Copilot names, if it can be said without asking AWS.
pub(super) fn place(context: &Context, scene: &Scene, text: &str, is_manager: bool) -> Option<Map> {
    let live = context.live(scene, text);
    let mut map = Map::default();
    let account = scene.region.as_deref().zip(scene.account.as_deref());
    let allowed = |text: &str, more: &str| {
        let plain = live.is_live && text.contains("((") || text.contains("${");
        !text.is_empty() && (plain || text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c)))
    };
    if text.starts_with("arn:") {
        let parts: Vec<&str> = live.text.split(':').collect();
        let is_arn = parts.len() >= 6 && (parts[4].len() == 12 && parts[4].bytes().all(|byte| byte.is_ascii_digit()));
        match parts.get(2) {
            Some(&"secretsmanager") if is_arn && parts.len() >= 7 && allowed(parts[6], "/_+=.@-") => {
                map.set("from", written(parts[..7].join(":"), live.is_live));
                if let Some(key) = parts.get(7).filter(|key| !key.is_empty()) {
                    map.set("key", Value::text(*key));
                }
            }
            Some(&"ssm") if is_arn && parts.len() == 6 => drop(map.set("from", live.value())),
            _ => return None,
        }
    } else if is_manager {
        let (name, key) = live
            .text
            .split_once(':')
            .map_or((live.text.as_str(), ""), |(name, rest)| (name, rest.split(':').next().unwrap_or_default()));
        let (region, account) = account.filter(|_| allowed(name, "/_+=.@-"))?;
        map.set("from", written(format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}"), live.is_live));
        if !key.is_empty() {
            map.set("key", Value::text(key));
        }
    } else if let Some(path) = live.text.strip_prefix('/') {
        let first = path.to_lowercase();
        let own = first.starts_with("aws") || first.starts_with("ssm");
        let whole = path.split('/').all(|part| allowed(part, "_.-"));
        (whole && !own && path.split('/').count() <= 15).then_some(())?;
        map.set("from", live.value());
    } else {
        let (region, account) = account.filter(|_| allowed(&live.text, "_.-/"))?;
        map.set("from", written(format!("arn:aws:ssm:{region}:{account}:parameter/{}", live.text), live.is_live));
    }
    Some(map)
}

/// A text of stack.yaml as a value.
fn written(text: String, is_live: bool) -> Value {
    if is_live { Value::live(text) } else { Value::text(text) }
}

/// Writes the variables of an `env_file` into `env` and `secrets`, for a container whose stack.yaml has no `env_file`.
/// What `env` and `secrets` already say counts. ECS reads the lines literally: quotes are a part of the value.
pub(super) fn spread(context: &mut Context, scene: &Scene, entry: &Entry, owner: &mut Owner, target: &mut Target) {
    let Some(path) = entry.item.text() else {
        context.left_out(entry, "it does not name a file");
        return;
    };
    let to = format!("{}.env", target.key);
    let path = context.fixed(scene, path);
    let file = context.paths.file(&path.text);
    let Some(text) = text_of(&file).filter(|_| !path.is_live) else {
        context.nearly(entry, &to, format!("{} could not be read: write its variables into `env`", path.text));
        return;
    };
    let mut secrets: Vec<&str> = Vec::new();
    for (name, value) in variables_of(&text) {
        let has = |section: &str| matches!(target.map.get(section), Some(Value::Map(map)) if map.get(name).is_some());
        if RESERVED.contains(&name) || !is_variable(name) || has("env") || has("secrets") {
            continue;
        }
        if is_secret(name, value) {
            set(owner, target, name, "set", None);
            secrets.push(name);
        } else {
            target.map.map("env").set(name, Value::text(value));
        }
    }
    let how = "a sidecar has no `env_file`: the variables of the file are in `env`";
    match secrets.as_slice() {
        [] => context.nearly(entry, &to, how),
        names => {
            let names = names.join(", ");
            context.nearly(entry, &to, format!("{how}. These look like secrets, so their values were not copied: {names}. Enter them with `stackctl secrets set`"));
        }
    }
}

/// The text of an `env_file`, unless it is too large.
fn text_of(file: &Path) -> Option<String> {
    let is_small = file.metadata().is_ok_and(|file| file.is_file() && file.len() <= LARGEST);
    is_small.then(|| std::fs::read_to_string(file).ok()).flatten()
}

/// The lines of an `env_file`, as ECS reads them.
fn variables_of(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='))
}

/// Writes `env_file` of a service or a job.
pub(super) fn file(context: &mut Context, scene: &Scene, entry: &Entry, target: &mut Target) {
    let Some(path) = entry.item.text() else {
        context.left_out(entry, "it does not name a file");
        return;
    };
    let live = context.fixed(scene, path);
    let to = format!("{}.env_file", target.key);
    if !live.is_live && !context.paths.file(&live.text).is_file() {
        let comment = format!("Decide: `env_file: {}`. The file did not exist during the conversion.", live.text);
        target.map.comment("cpu", comment);
        context.open.ask(&to, format!("{} not found: create the file and write its path here", live.text), None);
        context.nearly(entry, &to, "left out, because the file was not found: create it and add `env_file` again");
        return;
    }
    let lines = text_of(&context.paths.file(&live.text)).unwrap_or_default();
    let secrets: Vec<&str> =
        variables_of(&lines).filter(|(name, value)| is_secret(name, value)).map(|(name, _)| name).collect();
    let path = context.paths.of_stack(&live.text);
    target.map.set("env_file", written(path, live.is_live));
    let how = "stackctl interprets quotes and ${…} in the file, as Compose does";
    if secrets.is_empty() {
        context.ledger.carried_with(entry.place, Some(&to), how);
    } else {
        let names = secrets.join(", ");
        let how =
            format!("{how}. Move these variables to `secrets`, because the task definition shows the others: {names}");
        context.nearly(entry, &to, how);
    }
}
