//! `image`, `platform`, `cpu` and `memory`: what a container runs, and on what.

use super::{
    checks,
    context::{Context, Scene},
};
use crate::convert::{
    page::{Map, Value},
    secrecy::is_secret,
    source::{Entry, Item},
};

const KEYS: [&str; 7] = ["build", "location", "port", "healthcheck", "credentials", "labels", "depends_on"];

const BUILD: [&str; 5] = ["dockerfile", "context", "args", "target", "cache_from"];

/// A value of this, and the key that it is for.
pub(super) struct Target<'a> {
    pub(super) map: &'a mut Map,
    /// Such as `services.web`.
    pub(super) key: &'a str,
}

/// Fargate's sizes: CPU units, and first, last and step of the memory in MiB.
const SIZES: [(u64, u64, u64, u64); 7] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// What Copilot gives a task without a word.
const SIZE: (u64, u64) = (256, 512);

/// Writes `image` of the manifest.
pub(super) fn image(context: &mut Context, scene: &Scene, manifest: &Item, target: &mut Target) {
    let image = manifest.entry("image");
    let (mut is_built, mut is_named) = (false, false);
    for entry in image.iter().flat_map(|image| image.item.entries()) {
        match entry.key.as_str() {
            "build" if !entry.item.is_null() => {
                is_built = true;
                build(context, scene, entry, target);
            }
            "location" if entry.item.text().is_some() => {
                is_named = true;
                location(context, scene, entry, target);
            }
            "healthcheck" => {
                if let Some(check) = checks::command(context, entry, &format!("{}.health", target.key)) {
                    target.map.set("health", Value::Map(check));
                }
            }
            "credentials" => context.impossible(
                entry,
                "copy the image to Amazon ECR and set `image` to its address there. The execution role that \
                 stackctl creates can pull from ECR",
            ),
            "labels" => context.left_out(entry, "stackctl does not set container labels"),
            // With the service, and with the sidecars.
            "port" | "depends_on" => {}
            _ => context.unknown(entry, &KEYS),
        }
    }
    if !is_built && !is_named {
        let key = format!("{}.image", target.key);
        let question = "the manifest has neither `build` nor `location`: which image does the service run?";
        let answer = context.decide(target.map, "cpu", &key, question);
        target.map.set(
            "image",
            Value::live(answer.unwrap_or_else(|| "${IMAGE:?which image does the service run?}".to_owned())),
        );
        if let Some(image) = image {
            context.nearly(image, &key, "the manifest has neither `build` nor `location`: set `image`");
        }
    } else if image.is_some_and(|image| image.item.entries().iter().all(|entry| entry.item.is_null())) {
        context.left_out(image.expect("it was looked at"), "the value is empty");
    }
}

/// `build`, in full or as the Dockerfile's path.
pub(super) fn build(context: &mut Context, scene: &Scene, entry: &Entry, target: &mut Target) {
    let to = format!("{}.build", target.key);
    let mut map = Map::default();
    let said = |key: &str| entry.item.at(&[key]).and_then(Item::text);
    let (dockerfile, folder) = if let Some(path) = entry.item.text() {
        (path.to_owned(), None)
    } else {
        let folder = said("context").map(str::to_owned);
        let own = folder.as_deref().map(|folder| format!("{}/Dockerfile", folder.trim_end_matches('/')));
        let path = said("dockerfile").map(str::to_owned).or(own);
        (path.unwrap_or_else(|| "Dockerfile".to_owned()), folder)
    };
    let path = |text: &str| {
        let live = context.fixed(scene, text);
        let text = context.paths.of_stack(&live.text);
        if live.is_live { Value::live(text) } else { Value::text(text) }
    };
    map.set("dockerfile", path(&dockerfile));
    if let Some(folder) = folder {
        map.set("context", path(&folder));
    }
    for entry in entry.item.entries() {
        match entry.key.as_str() {
            "dockerfile" | "context" => context.carried(entry, format!("{to}.{}", entry.key)),
            "target" => {
                if let Some(stage) = entry.item.text() {
                    map.set("target", context.fixed(scene, stage).value());
                }
                context.carried(entry, format!("{to}.target"));
            }
            "args" => arguments(context, scene, entry, &mut map, &to),
            "cache_from" => context.left_out(entry, "Docker uses its own cache"),
            _ => context.unknown(entry, &BUILD),
        }
    }
    if entry.item.text().is_some() {
        context.carried(entry, to);
    }
    target.map.set("build", Value::Map(map));
}

fn arguments(context: &mut Context, scene: &Scene, args: &Entry, build: &mut Map, to: &str) {
    for entry in args.item.entries() {
        let value = entry.item.text().unwrap_or_default();
        let of_caller = value.starts_with("${") && value.ends_with('}');
        if !of_caller && is_secret(&entry.key, value) {
            context.nearly(
                entry,
                to,
                "left out: it looks like a secret, and build arguments can be read from the image. If the build \
                 needs it, pass it with `${…}`",
            );
            continue;
        }
        let docker = entry.key.starts_with("DOCKER_") || matches!(entry.key.as_str(), "HOME" | "PATH");
        if docker || !is_variable(&entry.key) {
            context.left_out(
                entry,
                "the docker command reads a variable with this name: rename the argument in the Dockerfile",
            );
            continue;
        }
        build.map("args").set(entry.key.clone(), context.fixed(scene, value).value());
        context.carried(entry, format!("{to}.args.{}", entry.key));
    }
}

pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn location(context: &mut Context, scene: &Scene, entry: &Entry, target: &mut Target) {
    let text = entry.item.text().unwrap_or_default();
    let live = context.fixed(scene, text);
    let key = format!("{}.image", target.key);
    if !live.is_live && (live.text.contains(char::is_whitespace) || live.text.is_empty()) {
        context.nearly(entry, &key, "this is not an image name: set `image`");
        let question = "which image does the service run?";
        let answer = context.decide(target.map, "cpu", &key, question);
        target.map.set("image", Value::live(answer.unwrap_or_else(|| format!("${{IMAGE:?{question}}}"))));
        return;
    }
    target.map.set("image", live.value());
    context.carried(entry, key);
}

/// Writes `cpu`, `memory` and `platform`.
pub(super) fn size(context: &mut Context, scene: &Scene, manifest: &Item, target: &mut Target) {
    let number = |key: &str| manifest.at(&[key]).and_then(Item::text).and_then(|text| text.parse::<u64>().ok());
    let wanted = (number("cpu").unwrap_or(SIZE.0), number("memory"));
    let size = SIZES.iter().find(|size| size.0 >= wanted.0).unwrap_or(&SIZES[SIZES.len() - 1]);
    let steps =
        || (size.1..=size.2).step_by(usize::try_from(size.3).unwrap_or(1)).filter(|one| size.0 != 256 || *one != 1536);
    let memory = steps().find(|one| *one >= wanted.1.unwrap_or(0)).unwrap_or(size.2);
    let written = [("cpu", wanted.0, size.0), ("memory", wanted.1.unwrap_or(memory), memory)];
    for (key, wanted, is) in written {
        target.map.set(key, Value::number(is));
        let Some(entry) = manifest.entry(key) else { continue };
        let to = format!("{}.{key}", target.key);
        if wanted == is && number(key).is_some() {
            context.carried(entry, to);
        } else {
            context.nearly(entry, &to, format!("Fargate does not offer this size: {is} is the nearest"));
        }
    }
    if let Some(entry) = manifest.entry("platform") {
        platform(context, scene, entry, target);
    }
}

fn platform(context: &mut Context, scene: &Scene, entry: &Entry, target: &mut Target) {
    let said = |key: &str| entry.item.at(&[key]).and_then(Item::text);
    let text = match entry.item.text() {
        Some(text) => context.fixed(scene, text).text,
        None => format!("{}/{}", said("osfamily").unwrap_or("linux"), said("architecture").unwrap_or("x86_64")),
    };
    let text = text.to_lowercase();
    if text.starts_with("windows") {
        context.impossible(entry, "stackctl runs only Linux containers: build the image for Linux");
    } else if text.ends_with("arm64") {
        target.map.set("arch", Value::text("arm64"));
        context.carried(entry, format!("{}.arch", target.key));
    } else {
        context.itself(entry, "amd64 is the default");
    }
}

/// `entrypoint` and `command`, as lists of words.
pub(super) fn command(context: &mut Context, scene: &Scene, entry: &Entry, target: &mut Target) {
    let list = entry.item.items();
    let words = match entry.item.text() {
        Some(text) => super::texts::words(text),
        None => Some(list.iter().filter_map(Item::text).map(str::to_owned).collect()),
    };
    let Some(words) = words.filter(|words| !words.is_empty()) else {
        context.left_out(entry, "the value is empty");
        return;
    };
    let words = words.iter().map(|word| context.fixed(scene, word).value()).collect();
    target.map.set(entry.key.clone(), Value::List(words));
    context.carried(entry, format!("{}.{}", target.key, entry.key));
}
