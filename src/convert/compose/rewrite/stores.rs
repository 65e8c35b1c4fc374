//! How a program is told of the database and of the cache: URLs, connection strings and single parts, said with references.

use super::{super::marks::reference, facts::Facts, url::Url};
use crate::convert::secrecy::tokens;

/// What a value becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Becomes {
    /// stackctl gives the container the same under the same name.
    Given,
    /// Plain text, perhaps with references.
    Text(String),
    /// A secret that is put together of references.
    Secret(String),
    /// A secret of its own.
    Own,
    /// Text that is another one on AWS, and why.
    Changed(String, String),
    /// Nothing, and why.
    LeftOut(String),
    /// Nothing, and what to do instead.
    NotPossible(String),
}

/// Which part of an address a variable has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Host,
    Port,
    User,
    Password,
    Name,
}

/// Which part a name says, and the words before it.
pub(super) fn part(name: &str) -> Option<(Part, Vec<String>)> {
    let mut tokens = tokens(name);
    // `PGHOST` and the like of libpq.
    if let [one] = tokens.as_slice()
        && let Some(rest) = one.strip_prefix("PG").map(str::to_owned)
    {
        tokens = vec!["PG".to_owned(), rest];
    }
    let last = tokens.pop()?;
    let part = match last.as_str() {
        "HOST" | "HOSTNAME" | "SERVER" | "ADDR" | "ADDRESS" => Part::Host,
        "PORT" => Part::Port,
        "USER" | "USERNAME" | "LOGIN" => Part::User,
        "PASSWORD" | "PASS" | "PWD" | "PASSWD" => Part::Password,
        "NAME" | "DATABASE" | "DB" | "DBNAME" => Part::Name,
        _ => return None,
    };
    // The file that has it says which part it is.
    Some((part, tokens))
}

pub(super) const DATABASE: &[&str] =
    &["DB", "DATABASE", "POSTGRES", "POSTGRESQL", "PG", "PGSQL", "POSTGRESDB", "DATASOURCE", "SQL"];
const OTHERS: &[&str] = &["MYSQL", "MARIADB", "MONGO", "MONGODB", "CLICKHOUSE", "REDIS", "VALKEY", "MSSQL", "INFLUX"];
const CACHE: &[&str] = &["REDIS", "VALKEY", "CACHE", "KEYDB"];

pub(super) fn has(tokens: &[String], words: &[&str]) -> bool {
    tokens.iter().any(|token| words.contains(&token.as_str()))
}

/// What a variable becomes that is about the database.
pub(super) fn database(name: &str, value: &str, facts: &Facts) -> Option<Becomes> {
    let tokens = tokens(name);
    if has(&tokens, OTHERS) && !value.contains("postgres") {
        return None;
    }
    let (bare, prefix) = value.strip_prefix("jdbc:").map_or((value, ""), |rest| (rest, "jdbc:"));
    if let Some(url) = Url::of(bare).filter(|url| is_postgres(&url.scheme) && facts.is_database(&url.host)) {
        return Some(of_url(name, &url, prefix));
    }
    if let Some(text) = connection_string(value, facts) {
        return Some(text);
    }
    if facts.hosts.database.contains(value) && is_address(&tokens) {
        return Some(Becomes::Text(reference("database.host")));
    }
    if let Some((host, port)) = value.split_once(':')
        && facts.hosts.database.contains(host)
        && port.chars().all(|c| c.is_ascii_digit())
    {
        return Some(Becomes::Text(format!("{}:{}", reference("database.host"), reference("database.port"))));
    }
    let (part, before) = part(name)?;
    let is_one = has(&before, DATABASE) && facts.has_database;
    let is_external = || part == Part::Host && !facts.is_database(value);
    if !is_one || is_external() {
        // A password under another name is still the database's.
        let same = part == Part::Password && facts.database_password.as_deref().is_some_and(|known| known == value);
        return (same && facts.has_database && value.len() > 3)
            .then(|| Becomes::Secret(reference("database.password")));
    }
    Some(match part {
        Part::Host => Becomes::Text(reference("database.host")),
        Part::Port => Becomes::Text(reference("database.port")),
        Part::User => Becomes::Text(reference("database.user")),
        Part::Password => Becomes::Secret(reference("database.password")),
        Part::Name => Becomes::Text(reference("database.name")),
    })
}

/// Whether a variable has an address, so that a bare word in it is a host.
pub(super) fn is_address(tokens: &[String]) -> bool {
    const WORDS: &[&str] = &[
        "HOST", "HOSTS", "HOSTNAME", "SERVER", "SERVERS", "ADDR", "ADDRESS", "BROKER", "BROKERS", "ENDPOINT", "URL",
        "URI", "DBSERVER", "UPSTREAM",
    ];
    has(tokens, WORDS) || tokens.last().is_some_and(|last| last.ends_with("HOST") || last.ends_with("SERVER"))
}

/// Also of `postgresql+asyncpg` and of Celery's `db+postgresql`.
pub(super) fn is_postgres(scheme: &str) -> bool {
    scheme.split('+').any(|part| ["postgres", "postgresql", "pgsql", "postgis", "ecto", "psql", "pg"].contains(&part))
}

fn of_url(name: &str, url: &Url, prefix: &str) -> Becomes {
    let is_login = |key: &str| key == "user" || key == "password";
    let has_login = url.query.split('&').any(|part| part.starts_with("password="));
    let query = url.query_without(&|key, value| {
        is_login(key)
            || key == "sslmode" && ["disable", "allow", "prefer"].contains(&value)
            || key == "ssl" && value == "false"
    });
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let address =
        format!("{}:{}/{}", reference("database.host"), reference("database.port"), reference("database.name"));
    let login = format!("{}:{}", reference("database.user"), reference("database.password"));
    if !prefix.is_empty() {
        let start = format!("{prefix}{}://{address}", url.scheme);
        return if has_login {
            let joint = if query.is_empty() { "?" } else { "&" };
            let login =
                format!("{joint}user={}&password={}", reference("database.user"), reference("database.password"));
            Becomes::Secret(format!("{start}{query}{login}"))
        } else {
            Becomes::Text(format!("{start}{query}"))
        };
    }
    match url.scheme.as_str() {
        "postgres" | "postgresql" if query.is_empty() && name == "DATABASE_URL" => Becomes::Given,
        "postgres" | "postgresql" => Becomes::Secret(format!("{}{query}", reference("database.url"))),
        scheme => Becomes::Secret(format!("{scheme}://{login}@{address}{query}")),
    }
}

/// `Host=db;Username=…` of .NET, and `host=db user=…` of libpq.
fn connection_string(value: &str, facts: &Facts) -> Option<Becomes> {
    let separator = if value.contains(';') { ';' } else { ' ' };
    let pairs: Vec<(&str, &str)> = value.split(separator).filter_map(|part| part.split_once('=')).collect();
    if pairs.len() < 2 {
        return None;
    }
    let is_host = |key: &str| ["host", "server", "data source"].contains(&key.trim().to_lowercase().as_str());
    let host = pairs.iter().find(|(key, _)| is_host(key))?.1.trim();
    if !facts.is_database(host) || facts.is_other_store(host) {
        return None;
    }
    let mut is_secret = false;
    let parts = pairs.into_iter().filter_map(|(key, value)| {
        let value = match key.trim().to_lowercase().as_str() {
            "host" | "server" | "data source" => reference("database.host"),
            "port" => reference("database.port"),
            "database" | "initial catalog" | "dbname" => reference("database.name"),
            "username" | "user id" | "userid" | "user" | "uid" => reference("database.user"),
            "password" | "pwd" => {
                is_secret = true;
                reference("database.password")
            }
            "sslmode" | "ssl mode" if ["disable", "prefer", "allow"].contains(&value.to_lowercase().as_str()) => {
                return None;
            }
            _ => value.to_owned(),
        };
        Some(format!("{key}={value}"))
    });
    let text = parts.collect::<Vec<String>>().join(&separator.to_string());
    Some(if is_secret { Becomes::Secret(text) } else { Becomes::Text(text) })
}

/// What a variable becomes that is about the cache.
pub(super) fn cache(name: &str, value: &str, facts: &Facts) -> Option<Becomes> {
    if !facts.has_cache {
        return None;
    }
    let (host, port) = (reference("cache.host"), reference("cache.port"));
    if let Some(url) = Url::of(value)
        .filter(|url| ["redis", "rediss", "valkey"].contains(&url.scheme.as_str()) && facts.is_cache(&url.host))
    {
        let number = url.path.trim_matches('/');
        let is_first = number.is_empty() || number == "0";
        if is_first && url.query.is_empty() {
            let whole = reference("cache.url");
            return Some(match (name, facts.is_cache_plain) {
                ("REDIS_URL", _) => Becomes::Given,
                (_, true) => Becomes::Text(whole),
                _ => Becomes::Secret(whole),
            });
        }
        let query = url.query_without(&|key, _| key == "ssl_cert_reqs");
        let query = if query.is_empty() { query } else { format!("&{query}") };
        return Some(if facts.is_cache_plain {
            let query = query.replacen('&', "?", 1);
            Becomes::Text(format!("redis://{host}:{port}/{number}{query}"))
        } else {
            let login = reference("cache.password");
            Becomes::Secret(format!("rediss://:{login}@{host}:{port}/{number}?ssl_cert_reqs=required{query}"))
        });
    }
    let tokens = tokens(name);
    if let Some((first, rest)) = value.split_once(':')
        && facts.hosts.cache.contains(first)
    {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        return Some(Becomes::Text(format!("{host}:{port}{rest}")));
    }
    if facts.hosts.cache.contains(value) && is_address(&tokens) {
        return Some(Becomes::Text(host));
    }
    let (part, before) = part(name)?;
    let is_redis = has(&before, &["REDIS", "VALKEY", "KEYDB"]);
    let is_port = has(&before, CACHE) && part == Part::Port && value == "6379";
    if !is_redis && !is_port {
        return None;
    }
    match part {
        Part::Host if facts.is_cache(value) => Some(Becomes::Text(host)),
        Part::Port => Some(Becomes::Text(port)),
        Part::Password if facts.is_cache_plain => Some(Becomes::LeftOut("the cache has no password".to_owned())),
        Part::Password => Some(Becomes::Secret(reference("cache.password"))),
        Part::User => Some(Becomes::LeftOut("the cache has no users".to_owned())),
        _ => None,
    }
}

/// Whether a variable tells of the cache in parts, so that the client speaks no TLS.
pub(super) fn is_cache_in_parts(name: &str, value: &str, facts: &Facts) -> bool {
    match cache(name, value, facts) {
        Some(Becomes::Text(text)) => text.contains(&reference("cache.host")) && !value.contains("://"),
        _ => false,
    }
}
