//! What a container runs: entry point and command, and what of it belongs before a release.

use super::super::{rewrite::in_command, service::Service, work::Work};
use crate::convert::page::{Map, Value};

/// Words of a migration.
const MIGRATES: &[&str] =
    &["migrate", "db:prepare", "db:migrate", "db:setup", "createdb", "migration", "upgrade head", "db push"];

/// Writes `entrypoint`, `command` and, where the command begins with a migration, `release`.
pub(super) fn write(service: &Service, work: &mut Work<'_>) {
    let entrypoint = service.words("entrypoint");
    let command = service.words("command").filter(|words| !words.is_empty());
    work.carried(service, "entrypoint", "entrypoint");
    work.carried(service, "command", "command");
    let mut words = command.unwrap_or_default();
    if let Some(entrypoint) = entrypoint {
        if entrypoint.is_empty() && words.is_empty() {
            let why = "left out: the image's entry point is used, because ECS cannot remove it without a command";
            if let Some(entry) = service.item.entry("entrypoint") {
                work.ledger().approximated(entry.place, None, why);
            }
        } else if entrypoint.is_empty() {
            // What stands in the place of an entry point that is taken away is the program itself.
            let program = words.remove(0);
            set(service, "entrypoint", &[program], work);
        } else {
            set(service, "entrypoint", &entrypoint, work);
        }
    }
    if words.is_empty() {
        return;
    }
    let words = without_waiting(words, service, work);
    let words = split_migration(words, service, work);
    set(service, "command", &words, work);
}

/// A script that waits for the database: tasks that end are started anew.
fn without_waiting(words: Vec<String>, service: &Service, work: &mut Work<'_>) -> Vec<String> {
    let is_script =
        |word: &String| ["wait-for", "wait_for", "wait4", "dockerize"].iter().any(|name| word.contains(name));
    if words.first().is_some_and(is_script)
        && let Some(at) = words.iter().position(|word| word == "--").filter(|at| at + 1 < words.len())
    {
        if let Some(entry) = service.item.entry("command") {
            let note = "without the wait script: ECS restarts a task that ends";
            work.ledger().carried_with(entry.place, None, note);
        }
        return words[at + 1..].to_vec();
    }
    words
}

/// `sh -c "migrate && serve"` is a migration before the release, and a program.
fn split_migration(words: Vec<String>, service: &Service, work: &mut Work<'_>) -> Vec<String> {
    let [shell, flag, script] = words.as_slice() else { return words };
    let is_shell = ["sh", "bash", "/bin/sh", "/bin/bash", "ash"].contains(&shell.as_str());
    if !is_shell || !flag.starts_with('-') || !flag.contains('c') || script.contains(['|', ';', '\n']) {
        return words;
    }
    let parts: Vec<&str> = script.split("&&").map(str::trim).collect();
    let [first @ .., last] = parts.as_slice() else { return words };
    let migrates = |part: &&str| MIGRATES.iter().any(|word| part.contains(word));
    if first.is_empty() || !first.iter().any(migrates) || migrates(last) {
        return words;
    }
    let release = as_words(&first.join(" && "), shell, flag);
    set(service, "release", &release, work);
    if let Some(entry) = service.item.entry("command") {
        let to = format!("services.{}.release", service.key);
        work.ledger().approximated(
            entry.place,
            Some(&to),
            "the migration runs once before each release instead of in each task",
        );
    }
    as_words(last, shell, flag)
}

/// A command in words, or for a shell where it needs one.
fn as_words(script: &str, shell: &str, flag: &str) -> Vec<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " /._-:=,+@%".contains(c);
    let script = script.strip_prefix("exec ").unwrap_or(script);
    if script.chars().all(is_plain) {
        return script.split_whitespace().map(str::to_owned).collect();
    }
    [shell, flag, script].map(str::to_owned).to_vec()
}

/// Writes the words of a command, with the names that services have on AWS and without secrets.
pub(in super::super) fn set(service: &Service, key: &str, words: &[String], work: &mut Work<'_>) {
    let entry = service.item.entry(if key == "entrypoint" { "entrypoint" } else { "command" }).map(|entry| entry.place);
    let mut comment = None;
    let mut kept: Vec<String> = Vec::new();
    let mut iterator = words.iter().peekable();
    while let Some(word) = iterator.next() {
        let next_is_secret = iterator.peek().is_some_and(|next| work.facts.known.within(next).is_some());
        if work.facts.known.within(word).is_some() || word.starts_with("--") && !word.contains('=') && next_is_secret {
            let flag = word.split('=').next().unwrap_or_default().to_owned();
            if next_is_secret {
                iterator.next();
            }
            let variable = flag_variable(service, &flag);
            if word.contains(char::is_whitespace) || variable.is_none() {
                comment = Some(
                    "Decide: words that contain a password were left out. Pass the password in a variable of \
                     `secrets`."
                        .to_owned(),
                );
            }
            if let Some(place) = entry {
                let how = match variable {
                    Some(variable) => format!("the variable {variable} replaces a password in the command"),
                    None => "a password in the command was left out: pass it in a variable of `secrets`".to_owned(),
                };
                work.ledger().approximated(place, None, how);
            }
            continue;
        }
        kept.push(word.clone());
    }
    let mut is_renamed = false;
    let mut stores: Vec<String> = Vec::new();
    let name = work.name.clone();
    for word in &mut kept {
        let facts = &work.facts;
        let new = in_command(word, &mut |host| {
            if let Some(key) = facts.hosts.kept.get(host).filter(|key| **key != service.key) {
                is_renamed = true;
                return Some(format!("{key}.{name}.internal"));
            }
            if facts.hosts.database.contains(host) || facts.hosts.cache.contains(host) {
                let named = format!("`{host}`");
                if !stores.contains(&named) {
                    stores.push(named);
                }
            }
            None
        });
        *word = in_shell(&new, service, work);
    }
    if is_renamed && let Some(place) = entry {
        work.ledger().carried_with(place, None, "with the names of the services in `calls`");
    }
    if !stores.is_empty() {
        let [has, instead] = match stores.len() {
            1 => ["has another name", "read it from a variable"],
            _ => ["have other names", "read them from variables"],
        };
        let what = format!("{} {has} on AWS", stores.join(" and "));
        comment = Some(format!("Decide: {what}; {instead}."));
        if let Some(place) = entry {
            work.ledger().approximated(place, None, format!("{what}: {instead}"));
        }
    }
    if kept.is_empty() {
        return;
    }
    let list: Vec<Value> = kept.iter().map(|word| work.settled(word)).collect();
    let map: &mut Map = work.service(&service.key);
    map.set(key, Value::List(list));
    if let Some(comment) = comment {
        map.comment(key, comment);
    }
}

/// `/dev/tcp/db/5432` of a shell that waits for the database.
fn in_shell(word: &str, service: &Service, work: &mut Work<'_>) -> String {
    for (hosts, reference, fallback) in [
        (work.facts.hosts.database.clone(), "database.host", "DB_HOST"),
        (work.facts.hosts.cache.clone(), "cache.host", "CACHE_HOST"),
    ] {
        for host in hosts {
            let wanted = format!("/dev/tcp/{host}/");
            if word.contains(&wanted) {
                let value = Value::live(format!("(({reference}))"));
                work.service(&service.key).map("env").set(fallback, value);
                return word.replace(&wanted, &format!("/dev/tcp/${fallback}/"));
            }
        }
    }
    word.to_owned()
}

/// The variable that a server takes a flag's secret from.
fn flag_variable(service: &Service, flag: &str) -> Option<&'static str> {
    let super::super::images::Role::Server(server) = service.role else { return None };
    server.flags.iter().find(|(known, _)| *known == flag).map(|(_, variable)| *variable)
}
