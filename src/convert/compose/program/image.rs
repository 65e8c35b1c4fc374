//! Where a service's image comes from.

use std::path::{Component, Path};

use super::super::{
    marks,
    rewrite::{Becomes, rewritten},
    service::{Service, Variable},
    work::Work,
};
use crate::convert::{
    page::{Map, Value},
    secrecy::is_secret,
    source::Item,
};

/// Keys of `build` that only make the build faster, or name what stackctl names itself.
const QUIET: &[&str] = &[
    "cache_from",
    "cache_to",
    "no_cache",
    "pull",
    "tags",
    "labels",
    "provenance",
    "sbom",
    "isolation",
    "shm_size",
    "platforms",
];

/// Writes `build` or `image`.
pub(super) fn write(service: &Service, builders: &[&Service], work: &mut Work<'_>) {
    let own = service.entry("build").is_some();
    // An image that another service builds is that one's.
    let builder = if own {
        Some(service)
    } else {
        let same = |other: &&&Service| other.image.is_some() && other.image == service.image;
        builders.iter().find(same).copied()
    };
    if let Some(entry) = service.item.entry("image") {
        if builder.is_some() {
            work.project.ledger.carried_with(entry.place, None, "stackctl chooses the names of images that it builds");
        } else {
            let text = service.image.clone().unwrap_or_default();
            let value = work.settled(&text);
            work.service(&service.key).set("image", value);
            work.carried(service, "image", "image");
        }
    }
    if let Some(builder) = builder {
        let build = build(builder, service, work);
        work.service(&service.key).set("build", build);
    }
    platform(service, work);
}

fn build(builder: &Service, service: &Service, work: &mut Work<'_>) -> Value {
    let to = format!("services.{}.build", service.key);
    let mut map = Map::default();
    let context = builder.text(&["build", "context"]).unwrap_or(".").to_owned();
    let context = work.settle(&context);
    let dockerfile = builder.text(&["build", "dockerfile"]).unwrap_or("Dockerfile").to_owned();
    let dockerfile = joined(&context, &work.settle(&dockerfile));
    let folder = Path::new(&dockerfile).parent().map(|path| path.display().to_string()).unwrap_or_default();
    let folder = if folder.is_empty() { ".".to_owned() } else { folder };
    map.set("dockerfile", marks::value(&dockerfile));
    if folder != context {
        map.set("context", marks::value(&context));
    }
    if context.starts_with("..") || context.starts_with('/') || context.contains("://") {
        map.comment(
            "dockerfile",
            "Decide: the source is not in the folder of this file. Move this file or the source.",
        );
        work.open.ask(&format!("{to}.context"), format!("{context} is not in the folder of stack.yaml"), None);
    }
    for entry in builder.at(&["build"]).map(Item::entries).unwrap_or_default().to_vec() {
        let ledger = &mut work.project.ledger;
        match entry.key.as_str() {
            "context" | "dockerfile" => ledger.carried(entry.place, &to),
            "target" => {
                ledger.carried(entry.place, format!("{to}.target"));
                if let Some(target) = entry.item.text().map(str::to_owned) {
                    map.set("target", work.settled(&target));
                }
            }
            "args" => args(service, &entry.item, &to, &mut map, work),
            "dockerfile_inline" => ledger.not_possible(entry.place, "write it to a Dockerfile, and name that file"),
            "additional_contexts" => ledger.not_possible(entry.place, "copy what it needs into the build context"),
            "ssh" | "secrets" => {
                ledger.not_possible(entry.place, "build the image with Docker, push it, and name it with `image`");
            }
            key if QUIET.contains(&key) => ledger.carried_with(entry.place, None, "the image does not depend on it"),
            "network" | "extra_hosts" | "privileged" | "ulimits" | "entitlements" => {
                ledger.approximated(entry.place, None, "left out: the build uses Docker's default network and limits");
            }
            key => ledger.not_possible(entry.place, format!("Compose does not know `{key}` in `build`")),
        }
    }
    Value::Map(map)
}

fn args(service: &Service, item: &Item, to: &str, build: &mut Map, work: &mut Work<'_>) {
    let mut args = Map::default();
    for entry in item.entries().to_vec() {
        let text = match entry.item.text().map(str::to_owned) {
            Some(text) => Some(text),
            None if entry.item.is_null() => work.project.variables.value(&entry.key),
            None => Some(String::new()),
        };
        let Some(text) = text else {
            work.ledger().carried_with(entry.place, None, "not set: the default in the Dockerfile is used");
            continue;
        };
        let variable = Variable {
            name: entry.key.clone(),
            value: text.clone(),
            places: Vec::new(),
            is_passed: false,
            of_file: false,
            has_variable: false,
        };
        let becomes = rewritten(service, &variable, &work.facts).0;
        if let Becomes::Changed(_, how) = &becomes {
            let how = format!("{how}; a build argument is the same in all environments");
            work.ledger().approximated(entry.place, Some(&format!("{to}.args")), how);
        }
        if let Becomes::Text(made) | Becomes::Secret(made) = &becomes
            && marks::has_reference(made)
        {
            let section = if matches!(becomes, Becomes::Secret(_)) { "secrets" } else { "env" };
            work.service(&service.key).map(section).set(entry.key.clone(), marks::value(made));
            let how = "left out: the value is known only at run time. The container gets it as a variable";
            work.ledger().approximated(entry.place, Some(&format!("services.{}.{section}", service.key)), how);
            continue;
        }
        if is_secret(&entry.key, &text) || work.facts.known.within(&text).is_some() {
            let why = "left out: build arguments can be read from the image. Pass the value to the program in \
             `secrets`";
            work.ledger().approximated(entry.place, None, why);
            continue;
        }
        if matches!(entry.key.as_str(), "STACK_NAME" | "") {
            continue;
        }
        work.ledger().carried(entry.place, format!("{to}.args"));
        let value = work.settled(&text);
        args.set(entry.key.clone(), value);
    }
    if !args.is_empty() {
        build.set("args", Value::Map(args));
    }
}

fn platform(service: &Service, work: &mut Work<'_>) {
    let Some(platform) = service.text(&["platform"]).map(str::to_owned) else { return };
    if platform.contains("arm64") || platform.contains("aarch64") {
        work.service(&service.key).set("arch", Value::text("arm64"));
        work.carried(service, "platform", "arch");
    } else if let Some(entry) = service.item.entry("platform") {
        work.ledger().carried_with(entry.place, None, "x86-64 is the default");
    }
}

/// `path` from `folder`, without what leads back.
fn joined(folder: &str, path: &str) -> String {
    if path.starts_with('\u{e000}') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in Path::new(folder).components().chain(Path::new(path).components()) {
        match part {
            Component::ParentDir if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            Component::ParentDir => parts.push(".."),
            Component::Normal(part) => parts.extend(part.to_str()),
            _ => {}
        }
    }
    parts.join("/")
}
