//! Variables that mean something together: a user and a password beside the host that they are for.

use super::{
    super::{
        marks::{self, reference},
        service::{Service, Variable},
    },
    facts::Facts,
    hosts,
    stores::{self, Becomes, Part},
    url::Url,
};
use crate::convert::secrecy::tokens;

/// The host that stands beside a part of an address, such as that of `DB_HOST` beside `DB_USER`.
fn host_beside<'a>(service: &'a Service, name: &str) -> Option<&'a str> {
    let (part, before) = stores::part(name).filter(|(part, _)| *part != Part::Host)?;
    let is_beside = |other: &&Variable| {
        other.name != name
            && stores::part(&other.name)
                .is_some_and(|(found, same)| found == Part::Host && found != part && same == before)
    };
    let value = &service.variables.iter().find(is_beside)?.value;
    let address = value.split_once("://").map_or(value.as_str(), |(_, rest)| rest);
    Some(address.split([':', '/']).next().unwrap_or_default()).filter(|host| !host.is_empty())
}

/// Whether a part of an address is that of a database that is not the stack's.
pub(super) fn is_of_another_database(service: &Service, name: &str, facts: &Facts) -> bool {
    host_beside(service, name).is_some_and(|host| !facts.is_database(host))
}

/// The same for the cache.
pub(super) fn is_of_another_cache(service: &Service, name: &str, facts: &Facts) -> bool {
    host_beside(service, name).is_some_and(|host| !facts.is_cache(host))
}

/// The service that is left out whose port a variable has.
pub(super) fn port_of_gone(service: &Service, name: &str, facts: &Facts) -> Option<String> {
    let is_port = stores::part(name).is_some_and(|(part, _)| part == Part::Port);
    let host = host_beside(service, name).filter(|_| is_port)?;
    (facts.hosts.gone.get(host) == Some(&false)).then(|| host.to_owned())
}

/// What a variable becomes that tells the driver of the database to speak no TLS, which RDS refuses.
pub(super) fn without_tls(service: &Service, name: &str, value: &str, facts: &Facts) -> Option<Becomes> {
    let mut words = tokens(name);
    if words == ["PGSSLMODE"] {
        words = vec!["PG".to_owned(), "SSLMODE".to_owned()];
    }
    let is_about = facts.has_database && stores::has(&words, stores::DATABASE);
    let of_another = || {
        service.variables.iter().any(|other| {
            let host = stores::part(&other.name).filter(|(part, _)| *part == Part::Host);
            let is_same = host.is_some_and(|(_, before)| before.first() == words.first());
            is_same && !other.value.is_empty() && !facts.is_database(other.value.split(':').next().unwrap_or_default())
        })
    };
    let last = words.last().map(String::as_str).unwrap_or_default();
    let is_mode = last == "SSLMODE" || last == "MODE" && words.iter().any(|word| word == "SSL");
    let is_switch = words.iter().any(|word| word == "SSL" || word == "TLS")
        && ["SSL", "TLS", "ENABLED", "ENABLE", "REQUIRED", "USE"].contains(&last);
    let new = match value {
        "disable" | "allow" | "prefer" if is_mode => "require",
        "false" if is_switch => "true",
        "False" if is_switch => "True",
        "0" if is_switch => "1",
        "no" if is_switch => "yes",
        "off" if is_switch => "on",
        _ => return None,
    };
    if !is_about || of_another() {
        return None;
    }
    Some(Becomes::Changed(
        new.to_owned(),
        format!("`{new}` instead of `{value}`, because RDS accepts only TLS connections"),
    ))
}

/// The name of the database on its server that a variable of the stack's database says.
pub(in super::super) fn database_name(service: &Service, variable: &Variable, facts: &Facts) -> Option<String> {
    let (name, value) = (variable.name.as_str(), variable.value.as_str());
    let becomes = stores::database(name, value, facts)?;
    let bare = value.strip_prefix("jdbc:").unwrap_or(value);
    let found = if let Some(url) = Url::of(bare).filter(|url| facts.is_database(&url.host)) {
        url.path
    } else if becomes == Becomes::Text(reference("database.name")) {
        let is_own = !is_of_another_database(service, name, facts);
        Some(value.to_owned()).filter(|_| is_own)?
    } else {
        let mut pairs = value.split([';', ' ']).filter_map(|part| part.split_once('='));
        let is_name = |key: &str| ["database", "dbname"].contains(&key.trim().to_lowercase().as_str());
        pairs.find(|(key, _)| is_name(key)).map(|(_, value)| value.trim().to_owned())?
    };
    (!found.is_empty() && marks::is_whole(&found)).then_some(found)
}

/// Whether `host` is one that a service of the files has.
fn is_known(host: &str, facts: &Facts) -> bool {
    facts.hosts.kept.contains_key(host)
        || facts.hosts.database.contains(host)
        || facts.hosts.cache.contains(host)
        || facts.hosts.bucket.contains(host)
        || facts.hosts.gone.contains_key(host)
}

/// The hosts of services that a text has as an address, with their ports.
pub(in super::super) fn hosts_of(text: &str, facts: &Facts) -> Vec<(String, Option<u16>)> {
    let mut found = Vec::new();
    hosts::addresses(text, &mut |host, port| {
        if is_known(host, facts) && !found.iter().any(|(known, _): &(String, Option<u16>)| known == host) {
            found.push((host.to_owned(), port));
        }
    });
    found
}
