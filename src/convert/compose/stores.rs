//! The database, the cache and the buckets that stores of the Compose files become.

use super::{
    extensions,
    images::{Image, Role},
    marks,
    rewrite::{bucket_name, buckets, rewritten},
    service::Service,
    work::Work,
};
use crate::convert::page::{Map, Value};

/// Extensions that images of Postgres bring along, and that RDS has.
const EXTENSIONS: &[(&str, &str)] = &[("postgis", "postgis"), ("pgvector", "vector")];

/// Writes them, with a verdict on each service that became one.
pub(super) fn write(services: &[Service], work: &mut Work<'_>) {
    let databases: Vec<&Service> = services.iter().filter(|service| service.role == Role::Database).collect();
    for (index, service) in databases.iter().enumerate() {
        if index > 0 {
            let instead = format!(
                "a stack has one database, which its programs now share. Create a second one on the same instance with \
                 `CREATE DATABASE {}` in `stackctl db connect --user postgres`, and put its name into the programs' \
                 variables. Or give each program a schema, or a stack",
                service.key.replace('-', "_")
            );
            work.ledger().not_possible(service.place, instead);
            work.other_names.insert(service.key.clone());
            continue;
        }
        database(service, work);
    }
    if databases.is_empty() && work.facts.has_database {
        work.page.root.map("database");
    }
    users(services, &databases, work);
    for service in services.iter().filter(|service| service.role == Role::Cache) {
        cache(service, work);
    }
    let users_of_buckets: Vec<&Service> = services.iter().filter(|service| service.is_kept()).collect();
    for service in services.iter().filter(|service| service.role == Role::Bucket) {
        let how = "stackctl creates an S3 bucket, and the task role replaces the access keys. Copy the objects to it";
        work.ledger().approximated(service.place, Some("buckets"), how);
        let mut names: Vec<String> = users_of_buckets.iter().flat_map(|one| buckets(one, &work.facts)).collect();
        if names.is_empty() {
            names.push(bucket_name("files"));
        }
        for name in names {
            work.page.root.map("buckets").set(name, Value::Map(Map::default()));
        }
    }
    for service in &users_of_buckets {
        let names = buckets(service, &work.facts);
        if !names.is_empty() {
            work.service(&service.key).set("buckets", Value::texts(names));
        }
    }
}

fn database(service: &Service, work: &mut Work<'_>) {
    work.ledger().carried_with(service.place, Some("database"), "RDS for PostgreSQL, empty at first: load a dump");
    let image = service.image.clone().map(|image| work.settle(&image)).unwrap_or_default();
    let image = Image::of(&image);
    let is_official = image.role() == Some(Role::Database);
    let digits: String =
        image.tag.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let map = work.page.root.map("database");
    let place = service.item.entry("image").map(|entry| entry.place);
    match digits.parse::<u32>() {
        // The version that is made without a word.
        Ok(16) => {}
        Ok(version @ 13..=18) if is_official => {
            map.set("version", Value::text(version.to_string()));
        }
        Ok(version) if is_official && version < 13 => {
            map.set("version", Value::text("13"));
            if let Some(place) = place {
                work.ledger().approximated(
                    place,
                    Some("database.version"),
                    "13 is the oldest version that stackctl supports",
                );
            }
        }
        _ => {}
    }
    for (name, extension) in EXTENSIONS {
        let mut texts = [image.name.as_str(), service.text(&["build", "context"]).unwrap_or_default()].into_iter();
        if texts.any(|text| text.to_lowercase().contains(name)) {
            let how = format!("RDS supports the extension: run `CREATE EXTENSION {extension}` in a migration");
            work.ledger().approximated(service.place, Some("database"), how);
        }
    }
    if let Some(entry) = service.item.entry("build") {
        let how = "a custom image: move what it adds to a migration. RDS supports a fixed list of extensions";
        work.ledger().approximated(entry.place, Some("database"), how);
    } else if !is_official && let Some(place) = place {
        let how = "a custom image: move what it adds to a migration or a dump";
        work.ledger().approximated(place, Some("database"), how);
    }
    for (name, how) in [
        ("POSTGRES_HOST_AUTH_METHOD", "the database has a password, which the containers get"),
        ("POSTGRES_INITDB_ARGS", "RDS uses UTF-8 and its own locale"),
    ] {
        let variable = service.variables.iter().find(|variable| variable.name == name).cloned();
        if let Some(place) = variable.filter(|one| !one.value.is_empty()).and_then(|one| one.places.last().copied()) {
            work.ledger().approximated(place, Some("database"), how);
        }
    }
    if let Some(entry) = service.entry("command").map(|entry| entry.place)
        && service.words("command").is_some_and(|words| words.iter().any(|word| word == "-c"))
    {
        work.ledger().approximated(
            entry,
            Some("database"),
            "left out: RDS sets the parameters for the instance \
         class",
        );
    }
    let version = digits.parse::<u32>().ok().filter(|_| is_official).unwrap_or(16).max(13);
    extensions::tell(service, version, work);
}

/// The users that programs connect as.
fn users(services: &[Service], databases: &[&Service], work: &mut Work<'_>) {
    if !work.facts.has_database {
        return;
    }
    let user_of = |text: &str| text.contains(&marks::reference("database.user"));
    let mut names: Vec<String> = Vec::new();
    for service in services.iter().filter(|service| service.is_kept()) {
        for variable in &service.variables {
            let becomes = rewritten(service, variable, &work.facts).0;
            if let super::rewrite::Becomes::Text(text) = becomes
                && text == marks::reference("database.user")
                && user_of(&text)
            {
                names.push(variable.value.clone());
            }
        }
    }
    let own = databases.first().and_then(|service| service.variable("POSTGRES_USER")).map(str::to_owned);
    if names.is_empty() {
        names.extend(own);
    }
    let first = names.into_iter().find(|name| is_user(name));
    if let Some(name) = first {
        work.page.root.map("database").map("users").set(name.clone(), Value::text("owner"));
        work.users.insert(name);
    }
}

fn is_user(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let is_taken = ["postgres", "public", "none", "root", "admin_"].contains(&name)
        || ["pg_", "rds", "stackctl"].iter().any(|beginning| name.starts_with(beginning));
    begins
        && name.len() <= 63
        && !is_taken
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn cache(service: &Service, work: &mut Work<'_>) {
    let note = "ElastiCache for Valkey with TLS and a password. Data that Redis stored on disk is not kept";
    let plain = "ElastiCache for Valkey without TLS and a password, because a program is configured with a host and \
     a port only";
    let note = if work.facts.is_cache_plain { plain } else { note };
    work.ledger().carried_with(service.place, Some("cache"), note);
    let is_plain = work.facts.is_cache_plain;
    let map = work.page.root.map("cache");
    if is_plain {
        map.set("tls", Value::text("optional")).set("password", Value::text("off"));
    }
}
