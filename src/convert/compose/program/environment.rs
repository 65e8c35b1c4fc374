//! The variables of a service: in its files, in `env`, or as secrets.

use super::super::{
    images::Role,
    marks::{self, reference},
    rewrite::{Becomes, Called, database_name, hosts_of, rewritten},
    service::{Service, Variable},
    words,
    work::Work,
};
use crate::convert::{page::Value, secrecy::can_be_made, source::Item};

/// Writes `env_file`, `env` and `secrets`. Gives whom the service calls.
pub(super) fn write(service: &Service, work: &mut Work<'_>) -> Vec<Called> {
    let mut called = Vec::new();
    let rewritten: Vec<(Variable, Becomes)> = service
        .variables
        .iter()
        .map(|variable| {
            let (becomes, calls) = rewritten(service, variable, &work.facts);
            called.extend(calls);
            (variable.clone(), becomes)
        })
        .collect();
    let has_files = files(service, &rewritten, work);
    for (variable, becomes) in rewritten {
        one(service, &variable, becomes, has_files, work);
    }
    flags(service, work);
    called
}

/// Writes `env_file`, if the files can be taken as they are. Otherwise their variables go into `env`.
fn files(service: &Service, rewritten: &[(Variable, Becomes)], work: &mut Work<'_>) -> bool {
    let is_odd = |(variable, becomes): &(Variable, Becomes)| {
        let is_name = !variable.name.is_empty()
            && !variable.name.starts_with(|c: char| c.is_ascii_digit())
            && variable.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        variable.of_file && (!is_name || matches!(becomes, Becomes::LeftOut(_) | Becomes::NotPossible(_)))
    };
    let is_above = service
        .env_files
        .iter()
        .any(|file| file.path.starts_with("..") || file.path.starts_with('/') || !marks::is_whole(&file.path));
    let inline = is_above || rewritten.iter().any(is_odd);
    let mut paths = Vec::new();
    let to = format!("services.{}.env_file", service.key);
    let mut comment = None;
    for file in &service.env_files {
        if !file.is_there {
            if !file.is_required {
                work.ledger().carried_with(file.place, None, "not found, and not required");
                continue;
            }
            let path = work.settle(&file.path);
            let answer =
                work.open.ask(&to, format!("{} not found. The file to use, or `none`", marks::shown(&path)), None);
            match answer.as_deref() {
                Some("none") => {
                    work.ledger().approximated(file.place, None, "left out: the file was not found");
                }
                Some(other) => {
                    work.ledger().carried(file.place, &to);
                    paths.push(Value::text(other));
                }
                None => {
                    work.ledger().carried(file.place, &to);
                    comment = Some("Decide: this file was not found. Create it, or remove this line.");
                    paths.push(marks::value(&path));
                }
            }
            continue;
        }
        if inline {
            let note = format!("the variables are in `services.{}.env`", service.key);
            work.ledger().carried_with(file.place, None, note);
            continue;
        }
        if let Some(example) = &file.example {
            let how = format!("{} not found: its example file is used instead", file.path);
            work.ledger().carried_with(file.place, Some(&to), how);
            comment = Some(
                "Decide: this is an example file. Write the production values to a file, and name that \
             file here.",
            );
            paths.push(Value::text(example.clone()));
        } else {
            work.ledger().carried(file.place, &to);
            paths.push(Value::text(file.path.clone()));
        }
    }
    let map = work.service(&service.key);
    match paths.len() {
        0 => {}
        1 => {
            map.set("env_file", paths.remove(0));
        }
        _ => {
            map.set("env_file", Value::List(paths));
        }
    }
    if let Some(comment) = comment {
        map.comment("env_file", comment);
    }
    !inline
}

fn one(service: &Service, variable: &Variable, becomes: Becomes, has_files: bool, work: &mut Work<'_>) {
    let key = &service.key;
    let name = variable.name.as_str();
    let in_file = variable.of_file && has_files;
    let (env, secrets) = (format!("services.{key}.env.{name}"), format!("services.{key}.secrets.{name}"));
    let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let becomes = match becomes {
        Becomes::LeftOut(_) | Becomes::NotPossible(_) => becomes,
        _ if is_name => becomes,
        _ => Becomes::NotPossible("the name is not valid on ECS: use letters, digits and _".to_owned()),
    };
    if let Some(file) = secret_file(name, &variable.value) {
        // The mount says what becomes of the file.
        told(variable, work, |ledger, place| {
            ledger.approximated(place, None, format!("a variable replaces the file {file}"));
        });
        return;
    }
    if ["VIRTUAL_HOST", "VIRTUAL_PORT", "VIRTUAL_PATH", "LETSENCRYPT_HOST", "LETSENCRYPT_EMAIL"].contains(&name) {
        let to = format!("services.{key}.domains");
        told(variable, work, |ledger, place| {
            ledger.carried_with(place, Some(&to), "the load balancer and its certificate replace the proxy");
        });
        return;
    }
    if name == "SERVER_NAME" && speaks_tls(service) {
        work.service(key).map("env").set(name, Value::text(":80"));
        told(variable, work, |ledger, place| {
            ledger.approximated(place, Some(&env), "plain HTTP on port 80: the load balancer has the certificate");
        });
        return;
    }
    if let Some(other) = database_name(service, variable, &work.facts).filter(|other| work.facts.is_other_name(other)) {
        let how = format!(
            "`{other}` was a separate database. All programs of a stack share one database: check that \
             their tables do not collide"
        );
        told(variable, work, |ledger, place| ledger.approximated(place, Some("database"), how.clone()));
        work.other_names.insert(other);
    }
    match becomes {
        Becomes::Given if in_file => {
            // What a file says counts before what stackctl gives.
            let store = if name == "REDIS_URL" { "cache.url" } else { "database.url" };
            work.service(key).map("secrets").set(name, Value::live(format!("(({store}))")));
            told(variable, work, |ledger, place| ledger.carried(place, &secrets));
        }
        Becomes::Given => told(variable, work, |ledger, place| {
            ledger.carried_with(place, None, "stackctl sets this variable in the container");
        }),
        Becomes::Text(text) if in_file && text == variable.value && !variable.has_variable => {
            told(variable, work, |ledger, place| ledger.carried(place, format!("services.{key}.env_file")));
        }
        Becomes::Text(text) if text.is_empty() && variable.of_file => {
            told(variable, work, |ledger, place| ledger.carried_with(place, None, "left out: the value is empty"));
        }
        Becomes::Text(text) => {
            let value = work.settled(&text);
            work.service(key).map("env").set(name, value);
            told(variable, work, |ledger, place| ledger.carried(place, &env));
        }
        Becomes::Secret(text) => {
            let value = work.settled(&text);
            work.service(key).map("secrets").set(name, value);
            told(variable, work, |ledger, place| ledger.carried(place, &secrets));
        }
        Becomes::Own => {
            own(service, name, &variable.value, work);
            let note = if variable.is_passed {
                Some("not set here. If you remove the line, the variable stays unset".to_owned())
            } else {
                named_in(service, name, &variable.value, work)
            };
            told(variable, work, |ledger, place| match &note {
                Some(note) => ledger.carried_with(place, Some(&secrets), note.clone()),
                None => ledger.carried(place, &secrets),
            });
        }
        Becomes::Changed(text, how) => {
            let value = work.settled(&text);
            work.service(key).map("env").set(name, value);
            told(variable, work, |ledger, place| ledger.approximated(place, Some(&env), how.clone()));
        }
        Becomes::LeftOut(why) => told(variable, work, |ledger, place| ledger.approximated(place, None, why.clone())),
        Becomes::NotPossible(why) => told(variable, work, |ledger, place| ledger.not_possible(place, why.clone())),
    }
}

/// What somebody has to know of a value that is given by hand: the other names that services have.
fn named_in(service: &Service, name: &str, value: &str, work: &mut Work<'_>) -> Option<String> {
    let map = work.service(&service.key).map("secrets");
    if map.get(name) != Some(&Value::text("set")) {
        return None;
    }
    let hosts = hosts_of(value, &work.facts);
    let kept = hosts.iter().filter_map(|(host, _)| Some((host, work.facts.hosts.kept.get(host)?)));
    let names: Vec<String> =
        kept.map(|(host, key)| format!("replace `{host}` with {key}.{}.internal", work.name)).collect();
    if names.is_empty() {
        return None;
    }
    let note = format!("in the value that you set, {}", names.join(", "));
    work.service(&service.key).map("secrets").comment(name, format!("Decide: {note}."));
    Some(note)
}

/// Whether the program itself is published with TLS, as one with Caddy inside.
fn speaks_tls(service: &Service) -> bool {
    let items = service.at(&["ports"]).map(Item::items).unwrap_or_default();
    items.iter().any(|item| {
        let target = item.at(&["target"]).and_then(Item::text).map(str::to_owned);
        target.or_else(|| item.text().map(|text| words::port(text).target)).is_some_and(|target| target == "443")
    })
}

/// The file of `/run/secrets` that a variable names.
pub(super) fn secret_file<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    name.to_uppercase().ends_with("_FILE").then(|| value.strip_prefix("/run/secrets/"))?
}

fn told(
    variable: &Variable,
    work: &mut Work<'_>,
    tell: impl Fn(&mut crate::convert::ledger::Ledger, crate::convert::source::Place),
) {
    for place in &variable.places {
        tell(work.ledger(), *place);
    }
}

/// Writes a secret of its own: made, given by hand, or that of another variable with the same value.
pub(super) fn own(service: &Service, name: &str, value: &str, work: &mut Work<'_>) {
    let key = service.key.clone();
    let here = |(owner, variable): &(String, String)| {
        if *owner == key { None } else { Some(reference(&format!("services.{owner}.secrets.{variable}"))) }
    };
    if let Some(known) = work.secrets.get(value) {
        let text = here(known);
        let value = text.map_or_else(|| word(service, name, value, work), |text| marks::value(&text));
        work.service(&key).map("secrets").set(name, value);
        return;
    }
    // A secret of another service within a longer text.
    let within = work.secrets.iter().find(|(secret, _)| secret.len() > 5 && value.contains(secret.as_str()));
    if let Some((secret, (owner, variable))) = within {
        let mark = reference(&format!("services.{owner}.secrets.{variable}"));
        let text = value.replace(secret.as_str(), &mark);
        let (text, _) = super::super::rewrite::addressed(service, name, &text, &work.facts);
        if marks::is_whole(&text) {
            work.service(&key).map("secrets").set(name, marks::value(&text));
            return;
        }
    }
    let secret = word(service, name, value, work);
    if !value.is_empty() {
        work.secrets.insert(value.to_owned(), (key.clone(), name.to_owned()));
    }
    work.service(&key).map("secrets").set(name, secret);
}

/// `generate` where only the stack's own parts need to know it, else `set`.
fn word(service: &Service, name: &str, value: &str, work: &Work<'_>) -> Value {
    let is_of_server = work.facts.of_servers.contains(value) || matches!(service.role, Role::Server(_));
    let of_server = is_of_server && !name.to_uppercase().contains("ADMIN");
    let is_whole = !value.contains("://") && !value.contains('=');
    Value::text(if is_whole && (of_server || can_be_made(name)) { "generate" } else { "set" })
}

/// Secrets that a server had as words of its command.
fn flags(service: &Service, work: &mut Work<'_>) {
    let Role::Server(server) = service.role else { return };
    for (flag, variable) in server.flags {
        let words = service.words("command").unwrap_or_default();
        let of_word = words.iter().find_map(|word| word.strip_prefix(&format!("{flag}=")).map(str::to_owned));
        let after = || words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1).cloned());
        if let Some(value) = of_word.or_else(after)
            && service.variable(variable).is_none()
        {
            own(service, variable, &value, work);
        }
    }
}
