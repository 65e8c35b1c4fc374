//! The parts of a secret value, and how the value is generated.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    kind::Context,
    kinds::{ecr, secretsmanager},
    model::{Failure, Input},
};

/// The tag value for a secret that a user set, which stackctl cannot generate again.
pub(super) const GIVEN: &str = "given";

/// The source of a secret value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Random letters and digits, generated once.
    Generated {
        /// The number of characters.
        length: usize,
    },
    /// Set by a user with `stackctl secrets set`.
    Given,
    /// The URL of a database and its parts, as JSON.
    DatabaseUrl {
        /// The user.
        user: String,
        /// The ARN of the secret that holds the user's password.
        password: Input,
        /// The host.
        host: Input,
        /// The port.
        port: Input,
        /// The database.
        database: String,
        /// Other values whose change rewrites the URL: the version of the password, and the task that creates the user.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        renewed_with: Vec<Input>,
    },
    /// The URL of a cache, with TLS, a password and no user.
    CacheUrl {
        /// The ARN of the secret that holds the password.
        token: Input,
        /// The host.
        host: Input,
        /// The port.
        port: Input,
    },
    /// The concatenation of texts and values of other secrets.
    Composed {
        /// The texts and secrets.
        parts: Vec<Part>,
        /// An id that changes with the value.
        version: Input,
    },
    /// The URLs of the layers of an image, one per line. They expire after a while.
    Layers {
        /// The name of the repository.
        repository: Input,
        /// The digest of the image.
        digest: Input,
        /// The run that reads them. Each run gets its own URLs.
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

/// Returns a hash of the parts of a value. `None` while a part is unknown, empty for a generated value.
pub(super) fn fingerprint(source: &Source) -> Option<String> {
    // The hash includes the form of a URL, so that a URL in the form of an earlier stackctl is written again.
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

/// Returns the value.
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

/// The parts of a database URL.
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

/// Returns a database URL in a form that every driver accepts: `SQLAlchemy` does not support `postgres://`, nor
/// `sslmode` with asyncpg, and `sslmode=require` has another meaning in node-postgres than in libpq. Environment
/// variables of the container set the encryption and the trusted CA certificates instead.
/// <https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#module-sqlalchemy.dialects.postgresql.asyncpg>,
/// <https://node-postgres.com/features/ssl>
pub fn database_url<T>(of: Pieces<T>, text: impl Fn(&'static str) -> T) -> Vec<T> {
    let Pieces { user, password, host, port, database } = of;
    vec![text("postgresql://"), user, text(":"), password, text("@"), host, text(":"), port, text("/"), database]
}

/// Returns a cache URL. Celery requires the parameter for certificate validation, and redis-py accepts only this
/// spelling. Other clients validate the certificate anyway. Of the clients that were tried, only go-redis rejects the
/// unknown parameter.
/// <https://docs.celeryq.dev/en/stable/userguide/configuration.html#redis-backend-settings>
pub fn cache_url<T>(token: T, host: T, port: T, text: impl Fn(&'static str) -> T) -> Vec<T> {
    vec![text("rediss://:"), token, text("@"), host, text(":"), port, text("/0?ssl_cert_reqs=required")]
}

/// Returns random letters and digits from the system's random source. They need no escaping in a URL.
pub(super) fn generate(length: usize) -> String {
    rand::rng().sample_iter(rand::distr::Alphanumeric).take(length).map(char::from).collect()
}
