//! What the value of a secret is made of, and how it is made.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    kind::Context,
    kinds::{ecr, secretsmanager},
    model::{Failure, Input},
};

/// What stands in the tag of a value that was given by hand: stackctl cannot make it again.
pub(super) const GIVEN: &str = "given";

/// Where its value comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Random letters and digits, made once and never again.
    Generated {
        /// How many.
        length: usize,
    },
    /// Given by hand, with `stackctl secrets set`.
    Given,
    /// The URL of a database, with its parts, as JSON.
    DatabaseUrl {
        /// The user.
        user: String,
        /// The ARN of the secret with the user's password.
        password: Input,
        /// The host.
        host: Input,
        /// The port.
        port: Input,
        /// The database.
        database: String,
        /// What else it is written anew for: the version of the password, the task that makes the user.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        renewed_with: Vec<Input>,
    },
    /// The URL of a cache, which takes a password and no user, over TLS.
    CacheUrl {
        /// The ARN of the secret with the password.
        token: Input,
        /// The host.
        host: Input,
        /// The port.
        port: Input,
    },
    /// Texts and the values of other secrets, one after the other.
    Composed {
        /// They.
        parts: Vec<Part>,
        /// Another one as soon as the value is another one.
        version: Input,
    },
    /// The addresses from which the layers of an image can be fetched, a line each. They are good for a while only.
    Layers {
        /// The repository's name.
        repository: Input,
        /// The image's digest.
        digest: Input,
        /// Who asks: each run gets addresses of its own.
        run: String,
    },
}

/// A part of a composed value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// The value of another secret.
    Secret {
        /// Its ARN.
        value_of: Input,
    },
    /// Text.
    Text(Input),
}

/// A hash of what a value is made of; none while a part is unknown, empty for a generated one.
pub(super) fn fingerprint(source: &Source) -> Option<String> {
    // A URL is also made of its form: where an earlier stackctl wrote another one, it is written anew.
    let form;
    let parts = match source {
        Source::Generated { .. } => return Some(String::new()),
        Source::Given => return Some(GIVEN.to_owned()),
        Source::DatabaseUrl { user, password, host, port, database, renewed_with } => {
            let mut parts = vec![user.as_str(), password.known()?, host.known()?, port.known()?, database.as_str()];
            for other in renewed_with {
                parts.push(other.known()?);
            }
            form = database_url(Pieces::default(), |text| text).concat();
            parts.push(&form);
            parts
        }
        Source::CacheUrl { token, host, port } => {
            form = cache_url("", "", "", |text| text).concat();
            vec![token.known()?, host.known()?, port.known()?, &form]
        }
        Source::Composed { version, .. } => vec![version.known()?],
        Source::Layers { repository, digest, run } => vec![repository.known()?, digest.known()?, run.as_str()],
    };
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    Some(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// The value itself.
pub(super) async fn make(cx: &Context, source: &Source) -> Result<String, Failure> {
    match source {
        Source::Generated { length } => Ok(generate(*length)),
        Source::Given => Err(Failure::new("the secret has no value yet").hint("set it with `stackctl secrets set`")),
        Source::DatabaseUrl { user, password, host, port, database, .. } => {
            let password = secretsmanager::value(cx, password.get()?).await?;
            let (password, host, port) = (password.expose(), host.get()?, port.get()?);
            let url =
                database_url(Pieces { user: user.as_str(), password, host, port, database }, |text| text).concat();
            let parts = serde_json::json!({
                "username": user, "password": password, "host": host, "port": port, "database": database, "url": url,
            });
            Ok(parts.to_string())
        }
        Source::CacheUrl { token, host, port } => {
            let token = secretsmanager::value(cx, token.get()?).await?;
            Ok(cache_url(token.expose(), host.get()?, port.get()?, |text| text).concat())
        }
        Source::Composed { parts, .. } => {
            let mut value = String::new();
            for part in parts {
                match part {
                    Part::Text(text) => value.push_str(text.get()?),
                    Part::Secret { value_of } => {
                        value.push_str(secretsmanager::value(cx, value_of.get()?).await?.expose());
                    }
                }
            }
            Ok(value)
        }
        Source::Layers { repository, digest, .. } => {
            Ok(ecr::layer_urls(cx, repository.get()?, digest.get()?).await?.join("\n"))
        }
    }
}

/// What the URL of a database is made of.
#[derive(Clone, Debug, Default)]
pub struct Pieces<T> {
    /// The user.
    pub user: T,
    /// Its password.
    pub password: T,
    /// The host.
    pub host: T,
    /// The port.
    pub port: T,
    /// The database.
    pub database: T,
}

/// A database's URL as every driver takes it: `SQLAlchemy` knows no `postgres://`, and over asyncpg no `sslmode`; for node-postgres
/// `sslmode=require` is another thing than for libpq. How the connection is encrypted and whom the driver trusts, the
/// variables of the container say.
/// <https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#module-sqlalchemy.dialects.postgresql.asyncpg>,
/// <https://node-postgres.com/features/ssl>
pub fn database_url<T>(of: Pieces<T>, text: impl Fn(&'static str) -> T) -> Vec<T> {
    let Pieces { user, password, host, port, database } = of;
    vec![text("postgresql://"), user, text(":"), password, text("@"), host, text(":"), port, text("/"), database]
}

/// A cache's URL. Celery requires the parameter that says how to check the certificate, and redis-py accepts this spelling only.
/// Other clients check it anyway; of those that were tried, go-redis alone refuses what it does not know.
/// <https://docs.celeryq.dev/en/stable/userguide/configuration.html#redis-backend-settings>
pub fn cache_url<T>(token: T, host: T, port: T, text: impl Fn(&'static str) -> T) -> Vec<T> {
    vec![text("rediss://:"), token, text("@"), host, text(":"), port, text("/0?ssl_cert_reqs=required")]
}

/// Letters and digits, which need no escaping in a URL, from the system's random source.
pub(super) fn generate(length: usize) -> String {
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(length).map(char::from).collect()
}
