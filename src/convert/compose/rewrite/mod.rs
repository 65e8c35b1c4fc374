//! What each variable becomes: a reference to what the stack makes, a secret, plain text, or nothing.

mod facts;
mod hosts;
mod outside;
mod siblings;
mod stores;
mod url;

pub(super) use self::{
    facts::Facts, hosts::Called, hosts::in_command, siblings::database_name, siblings::hosts_of, stores::Becomes,
};
use super::service::{Service, Variable};
use crate::convert::secrecy::{is_secret, tokens};

/// Whether the client of the cache speaks no TLS: it is told of host and port alone.
pub(super) fn has_plain_cache(services: &[Service], facts: &Facts) -> bool {
    let kept = services.iter().filter(|service| service.is_kept());
    kept.flat_map(|service| &service.variables)
        .any(|variable| stores::is_cache_in_parts(&variable.name, &variable.value, facts))
}

/// Whether a text is the address of a Postgres that no service is: the database is in the variables alone.
pub(super) fn names_database(value: &str, facts: &Facts) -> bool {
    let url = url::Url::of(value.strip_prefix("jdbc:").unwrap_or(value));
    url.is_some_and(|url| {
        stores::is_postgres(&url.scheme)
            && !url.host.contains('.')
            && !facts.is_other_store(&url.host)
            && !facts.hosts.kept.contains_key(&url.host)
    })
}

/// `text` of a variable with the names of services of the stack replaced, and whom it calls.
pub(super) fn addressed(service: &Service, name: &str, text: &str, facts: &Facts) -> (String, Vec<Called>) {
    hosts::rewritten(service, name, text, facts)
}

/// What `variable` of `service` becomes, and whom it calls.
pub(super) fn rewritten(service: &Service, variable: &Variable, facts: &Facts) -> (Becomes, Vec<Called>) {
    let (name, value) = (variable.name.as_str(), variable.value.as_str());
    if ["APP_VERSION", "STACK_NAME", "STACK_ENVIRONMENT"].contains(&name) {
        let why = "stackctl sets this variable in every container";
        return (Becomes::LeftOut(why.to_owned()), Vec::new());
    }
    if let Some(becomes) = siblings::without_tls(service, name, value, facts) {
        return (becomes, Vec::new());
    }
    let of_database =
        || stores::database(name, value, facts).filter(|_| !siblings::is_of_another_database(service, name, facts));
    let of_cache =
        || stores::cache(name, value, facts).filter(|_| !siblings::is_of_another_cache(service, name, facts));
    let store = of_database().or_else(of_cache);
    if let Some(becomes) = store.or_else(|| bucket(name, value, service, facts)) {
        return (becomes, Vec::new());
    }
    let (text, called) = hosts::rewritten(service, name, value, facts);
    if let Some((host, is_impossible)) = hosts::gone(name, value, facts) {
        return if is_impossible {
            (Becomes::Own, Vec::new())
        } else {
            (Becomes::LeftOut(format!("left out: it refers to `{host}`, which is left out")), Vec::new())
        };
    }
    if let Some(host) = siblings::port_of_gone(service, name, facts) {
        return (Becomes::LeftOut(format!("left out: it is the port of `{host}`, which is left out")), Vec::new());
    }
    if is_secret(name, value) || facts.known.within(value).is_some() {
        return (Becomes::Own, called);
    }
    match outside::rewritten(service, name, &text, facts) {
        Some(becomes) => (becomes, called),
        None => (Becomes::Text(text), called),
    }
}

/// What a variable becomes that is about a store of objects which becomes a bucket.
fn bucket(name: &str, value: &str, service: &Service, facts: &Facts) -> Option<Becomes> {
    if !uses_bucket(service, facts) {
        return None;
    }
    let tokens = tokens(name);
    let has = |words: &[&str]| tokens.iter().any(|token| words.contains(&token.as_str()));
    let names_host = facts.hosts.bucket.iter().any(|host| hosts::names(value, host));
    let about = has(&["S3", "AWS", "MINIO", "BUCKET", "STORAGE", "OBJECT"]);
    if has(&["BUCKET"]) && !value.is_empty() && !value.contains("://") {
        return Some(Becomes::Text(super::marks::reference(&format!("buckets.{}.name", bucket_name(value)))));
    }
    if names_host || about && has(&["ENDPOINT"]) {
        return Some(Becomes::LeftOut("left out: the AWS SDKs find S3 without it".to_owned()));
    }
    if about && has(&["PATH", "STYLE"]) && has(&["STYLE"]) {
        return Some(Becomes::LeftOut("left out: S3 uses the bucket name in the host name".to_owned()));
    }
    if facts.bucket_keys.contains(value) && value.len() > 2 && has(&["KEY", "ID", "USER", "PASSWORD", "SECRET"])
        || about && has(&["KEY"]) && has(&["ACCESS", "SECRET"])
    {
        return Some(Becomes::LeftOut("left out: the task role can use the bucket, without access keys".to_owned()));
    }
    (about && has(&["REGION"])).then(|| Becomes::Text(super::marks::reference("stack.region")))
}

/// Whether a service uses the store of objects that becomes a bucket.
pub(super) fn uses_bucket(service: &Service, facts: &Facts) -> bool {
    let mut values = service.variables.iter().map(|variable| &variable.value);
    values.any(|value| facts.hosts.bucket.iter().any(|host| hosts::names(value, host)))
}

/// The name of a bucket in stack.yaml.
pub(super) fn bucket_name(value: &str) -> String {
    crate::convert::names::name(value).unwrap_or_else(|| "files".to_owned())
}

/// The buckets that a service names.
pub(super) fn buckets(service: &Service, facts: &Facts) -> Vec<String> {
    if !uses_bucket(service, facts) {
        return Vec::new();
    }
    let named = service.variables.iter().filter(|variable| {
        let tokens = tokens(&variable.name);
        tokens.iter().any(|token| token == "BUCKET") && !variable.value.is_empty() && !variable.value.contains("://")
    });
    let mut buckets: Vec<String> = named.map(|variable| bucket_name(&variable.value)).collect();
    if buckets.is_empty() {
        buckets.push("files".to_owned());
    }
    buckets.sort_unstable();
    buckets.dedup();
    buckets
}

/// The host of a Postgres in a text that [`names_database`].
pub(super) fn database_host(value: &str, facts: &Facts) -> Option<String> {
    if !names_database(value, facts) {
        return None;
    }
    url::Url::of(value.strip_prefix("jdbc:").unwrap_or(value)).map(|url| url.host)
}
