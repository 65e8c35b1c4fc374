//! Secrets and configurations that Compose mounts as files: variables where the program takes one, else files that a sidecar writes.

use super::super::{
    marks,
    rewrite::{Becomes, rewritten},
    service::{Service, Variable},
    work::Work,
};
use super::environment::{own, secret_file};
use crate::convert::{
    page::{Map, Value},
    source::{Item, Place},
};

/// Where Compose mounts secrets.
pub(super) const FOLDER: &str = "/run/secrets";

/// The sidecar that writes them, and its volume.
const SIDECAR: &str = "given";

/// Writes what the service has of `secrets` and `configs`.
pub(super) fn write(service: &Service, work: &mut Work<'_>) {
    for item in service.at(&["secrets"]).map(|item| item.items().to_vec()).unwrap_or_default() {
        let Some((source, target)) = ends(&item) else {
            work.ledger().not_possible(item.place, "a secret needs a `source`");
            continue;
        };
        secret(service, &source, &target, item.place, work);
    }
    for item in service.at(&["configs"]).map(|item| item.items().to_vec()).unwrap_or_default() {
        let Some((source, target)) = ends(&item) else {
            work.ledger().not_possible(item.place, "a configuration needs a `source`");
            continue;
        };
        config(service, &source, &target, item.place, work);
    }
}

/// Source and target of one of them.
fn ends(item: &Item) -> Option<(String, String)> {
    let long = |key: &str| item.at(&[key]).and_then(Item::text).map(str::to_owned);
    let source = item.text().map(str::to_owned).or_else(|| long("source"))?;
    let target = long("target").unwrap_or_else(|| source.clone());
    Some((source, target))
}

fn secret(service: &Service, source: &str, target: &str, place: Place, work: &mut Work<'_>) {
    let key = service.key.clone();
    let file = target.strip_prefix("/run/secrets/").unwrap_or(target);
    let of_variable = service
        .variables
        .iter()
        .find(|variable| secret_file(&variable.name, &variable.value) == Some(file))
        .map(|variable| variable.name[..variable.name.len() - "_FILE".len()].to_owned());
    let path = format!("{FOLDER}/{file}");
    let is_named =
        |variable: &Variable| variable.value == path && secret_file(&variable.name, &variable.value).is_none();
    if service.variables.iter().any(is_named) {
        written(service, file, &format!("secret {source}"), work);
        let how = "a sidecar writes the file from a secret before the program starts";
        work.ledger().approximated(place, Some(&format!("services.{key}.sidecars.{SIDECAR}")), how);
        if of_variable.is_none() {
            return;
        }
    }
    // Spring reads a file by the name of a property, and a variable by the same name in capitals.
    let is_file =
        [".pem", ".key", ".crt", ".json", ".txt", ".p12", ".jks", ".pub"].iter().any(|end| file.ends_with(end));
    let of_property = (file.contains('.') && !file.contains('/') && !is_file)
        .then(|| file.replace('-', "").replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_uppercase());
    let identity = format!("secret {source}");
    if let Some(name) = of_variable.or(of_property) {
        let variable = Variable {
            name: name.clone(),
            value: marks::unset(&identity),
            places: Vec::new(),
            is_passed: false,
            of_file: false,
            has_variable: false,
        };
        let to = format!("services.{key}.secrets.{name}");
        match rewritten(service, &variable, &work.facts).0 {
            Becomes::Secret(text) => {
                work.service(&key).map("secrets").set(name, marks::value(&text));
            }
            Becomes::LeftOut(why) => {
                work.ledger().approximated(place, None, why);
                return;
            }
            _ => own(service, &name, &identity, work),
        }
        work.ledger().approximated(
            place,
            Some(&to),
            "a variable replaces the file, because ECS passes secrets only \
         as variables",
        );
        return;
    }
    if target.starts_with('/') && !target.starts_with(FOLDER) {
        let instead = "ECS passes secrets only as variables: use a variable, or a file in /run/secrets that a \
         sidecar writes";
        work.ledger().not_possible(place, instead);
        return;
    }
    written(service, file, &identity, work);
    let how = "a sidecar writes the file from a secret before the program starts";
    work.ledger().approximated(place, Some(&format!("services.{key}.sidecars.{SIDECAR}")), how);
}

/// Lets a sidecar write a secret to `/run/secrets/FILE`.
pub(super) fn written(service: &Service, file: &str, identity: &str, work: &mut Work<'_>) {
    let key = service.key.clone();
    let name = file.replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_uppercase();
    let name = if name.starts_with(|c: char| c.is_ascii_digit()) { format!("SECRET_{name}") } else { name };
    own(service, &name, identity, work);
    let volume = work.volume("passed to the containers of a task", SIDECAR);
    let mut shared = Map::default();
    shared.set("shared", Value::text("task"));
    work.page.root.map("volumes").set(volume.clone(), Value::Map(shared));
    let map = work.service(&key);
    map.map("volumes").set(volume.clone(), Value::text(FOLDER));
    map.map("depends_on").set(SIDECAR, Value::text("success"));
    let sidecar = map.map("sidecars").map(SIDECAR);
    sidecar.set("image", Value::text("busybox:1.37")).set("essential", Value::truth(false));
    sidecar.map("secrets").set(name, Value::text("shared"));
    sidecar.map("volumes").set(volume, Value::text(FOLDER));
    // One command writes all of them: the names are those of its secrets.
    let names: Vec<String> = sidecar.map("secrets").keys().map(str::to_owned).collect();
    let mut files: Vec<String> = match sidecar.get("command") {
        Some(Value::List(words)) => match words.last() {
            Some(Value::Text(script)) => script.split("; ").map(str::to_owned).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    if let Some(name) = names.last() {
        let line = format!("printf %s \"${name}\" > {FOLDER}/{file}");
        if !files.contains(&line) {
            files.push(line);
        }
    }
    sidecar.set("command", Value::texts(["sh".to_owned(), "-c".to_owned(), files.join("; ")]));
}

fn config(service: &Service, source: &str, target: &str, place: Place, work: &mut Work<'_>) {
    let key = service.key.clone();
    let to = format!("services.{key}.files");
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    let declared = work.project.root.at(&["configs", source]).cloned();
    let Some(declared) = declared else {
        work.ledger().not_possible(place, format!("the configuration `{source}` is not declared"));
        return;
    };
    let Some(file) = declared.at(&["file"]).and_then(Item::text).map(str::to_owned) else {
        let instead = "write its text to a file of the project, and add that file to `files`";
        work.ledger().not_possible(place, instead);
        return;
    };
    let path = work.settle(&file);
    work.service(&key).map("files").set(target, marks::value(path.trim_start_matches("./")));
    if declared.at(&["template_driver"]).is_some() {
        work.service(&key)
            .comment("files", "Decide: the file is a template, and nothing fills it in. Replace its placeholders.");
        work.ledger().approximated(
            place,
            Some(&to),
            "the file is added to the image unchanged: replace its placeholders",
        );
    } else {
        work.ledger().carried(place, to);
    }
}
