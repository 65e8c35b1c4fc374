//! Resolves the references in values: to an output of a resource, to a field of the secret with the database's URL, or
//! to a secret of the service that holds the composed value.

use super::{
    cache::{self, Cache},
    calls,
    constants::DATABASE_NAME,
    database::{self, Database, User},
    load_balancer, users,
};
use crate::{
    kinds::{
        ecs::task_definition::SecretRef,
        secretsmanager::secret::{self, Part, Pieces, Source},
    },
    model::{Address, GivenListener, Graph, Input},
    spec::{CacheFact, DatabaseFact, Piece, Reference, SecretFrom, Stack, StackFact, Template, UserFact},
};

/// The parts of the stack that a value can refer to. The decoder has checked that every referenced part exists.
pub(super) struct Referable<'a> {
    pub(super) stack: &'a Stack,
    pub(super) database: Option<&'a Database>,
    pub(super) cache: Option<&'a Cache>,
    /// The load balancer's listener, if it is an existing one.
    pub(super) listener: Option<&'a GivenListener>,
    /// The version of the image that the container runs.
    pub(super) version: &'a Input,
}

/// How to read a value from an existing secret of the stack: the field, and the version of the value.
struct Kept {
    key: Option<&'static str>,
    version: Option<Input>,
}

/// The secret with the value of `variable` of a service, if that is `generate` or `set`.
#[must_use]
pub fn service_secret(service: &str, variable: &str) -> Address {
    Address::new("secret", format!("{service}/{variable}"))
}

/// The secret with the composed value of `variable` of a service: an existing secret of the stack, or a separate one. A
/// composed secret has another address than a `generate` or `set` secret, so that neither is mistaken for the other.
#[must_use]
pub fn address(service: &str, variable: &str, value: &Template) -> Address {
    let kept = value.alone().and_then(|reference| match reference {
        Reference::Database(_) => Some(database::url()),
        Reference::DatabaseUser { name, fact: UserFact::Password } => Some(users::password(name)),
        Reference::Cache(CacheFact::Password) => Some(cache::token()),
        Reference::Cache(CacheFact::Url) => Some(cache::url()),
        Reference::Secret { service, variable } => Some(service_secret(service, variable)),
        _ => None,
    });
    kept.unwrap_or_else(|| Address::new("secret", format!("{service}.{variable}")))
}

impl<'a> Referable<'a> {
    /// Resolves a value of `env`, which contains no secret.
    pub(super) fn plain(&self, value: &Template) -> Input {
        Input::joined(value.pieces().iter().flat_map(|piece| self.parts(piece)).filter_map(text).collect())
    }

    /// Resolves a value of `secrets`. A value that is in a secret of the stack is read from there; any other value gets
    /// a separate secret.
    pub(super) fn secret(&self, graph: &mut Graph, (service, variable): (&str, &str), value: &Template) -> SecretRef {
        let address = address(service, variable, value);
        if let Some(Kept { key, version }) = value.alone().and_then(|reference| self.kept(reference)) {
            return SecretRef { secret: Input::output(&address, "arn"), key: key.map(str::to_owned), version };
        }
        let parts: Vec<Part> = value.pieces().iter().flat_map(|piece| self.parts(piece)).collect();
        let version = Input::digest(parts.iter().flat_map(|part| self.made_of(part)).collect());
        let source = Source::Composed { parts: merged(parts), version: version.clone() };
        let made = graph.add(address, &secret::Desired { source });
        self.wait_for_users(graph, &made, value);
        // A changed value creates a new revision, so that new tasks get it.
        SecretRef { secret: Input::output(&made, "arn"), key: None, version: Some(version) }
    }

    /// Makes `by` depend on the secret with the database's URL, if `value` refers to the database. That secret is
    /// written after the database's users are created.
    pub(super) fn wait_for_users(&self, graph: &mut Graph, by: &Address, value: &Template) {
        let refers =
            |reference: &Reference| matches!(reference, Reference::Database(_) | Reference::DatabaseUser { .. });
        if let Some(database) = self.database.filter(|_| value.references().any(refers)) {
            graph.need(by, &database.url);
        }
    }

    /// Returns how to read `reference` from an existing secret of the stack at [`address`], if there is one.
    fn kept(&self, reference: &Reference) -> Option<Kept> {
        match reference {
            Reference::Database(fact) => {
                let database = self.database?;
                let key = match fact {
                    DatabaseFact::Host => "host",
                    DatabaseFact::Port => "port",
                    DatabaseFact::Name => "database",
                    DatabaseFact::User => "username",
                    DatabaseFact::Password => "password",
                    DatabaseFact::Url => "url",
                };
                let version = Some(database.user.version());
                Some(Kept { key: Some(key), version })
            }
            Reference::DatabaseUser { name, fact: UserFact::Password } => {
                let password = self.database?.passwords.get(name)?;
                Some(Kept { key: None, version: Some(Input::output(password, "version")) })
            }
            // A generated value never changes. A changed `set` value creates a new revision, so that new tasks get it.
            Reference::Secret { service, variable } => {
                let from = self.stack.services.get(service)?.secrets.get(variable)?;
                let version = || Input::output(&service_secret(service, variable), "version");
                Some(Kept { key: None, version: (*from == SecretFrom::Set).then(version) })
            }
            // The password is set when the cache is created, and its URL contains the password; neither changes.
            Reference::Cache(CacheFact::Password | CacheFact::Url) => Some(Kept { key: None, version: None }),
            _ => None,
        }
    }

    fn parts(&self, piece: &Piece) -> Vec<Part> {
        match piece {
            Piece::Text(text) => vec![Part::Text(text.as_str().into())],
            Piece::Reference(reference) => self.value(reference),
        }
    }

    /// Returns the parts of the value of `reference`.
    fn value(&self, reference: &Reference) -> Vec<Part> {
        let plain = |input: Input| vec![Part::Text(input)];
        match reference {
            Reference::Database(fact) => {
                let user = &self.database().user;
                match fact {
                    DatabaseFact::Host => plain(self.endpoint("host")),
                    DatabaseFact::Port => plain(self.endpoint("port")),
                    DatabaseFact::Name => plain(DATABASE_NAME.into()),
                    DatabaseFact::User => self.of_user(user, UserFact::User),
                    DatabaseFact::Password => self.of_user(user, UserFact::Password),
                    DatabaseFact::Url => self.of_user(user, UserFact::Url),
                }
            }
            Reference::DatabaseUser { name, fact } => {
                let password = self.database().passwords[name].clone();
                self.of_user(&User { name: name.clone(), password }, *fact)
            }
            Reference::Cache(fact) => {
                let cache = self.cache();
                let of = |output: &str| Part::Text(Input::output(&cache.cache, output));
                let token = || Part::Secret {
                    value_of: Input::output(cache.token.as_ref().expect("the decoder knows that it has one"), "arn"),
                };
                match fact {
                    CacheFact::Host => vec![of("host")],
                    CacheFact::Port => vec![of("port")],
                    CacheFact::Password => vec![token()],
                    CacheFact::Url => secret::cache_url(token(), of("host"), of("port"), known),
                    CacheFact::OpenUrl => plain(cache.open_url()),
                }
            }
            Reference::BucketName(name) => plain(Input::output(&Address::new("bucket", name), "name")),
            Reference::Version => plain(self.version.clone()),
            Reference::Stack(fact) => plain(self.of_stack(*fact)),
            Reference::Secret { service, variable } => {
                vec![Part::Secret { value_of: Input::output(&service_secret(service, variable), "arn") }]
            }
            Reference::Called { name, fact } => plain(calls::referred(self.stack, name, *fact)),
        }
    }

    fn of_user(&self, user: &User, fact: UserFact) -> Vec<Part> {
        let name = Part::Text(user.name.as_str().into());
        let password = Part::Secret { value_of: Input::output(&user.password, "arn") };
        match fact {
            UserFact::User => vec![name],
            UserFact::Password => vec![password],
            UserFact::Url => {
                let (host, port) = (Part::Text(self.endpoint("host")), Part::Text(self.endpoint("port")));
                let database = known(DATABASE_NAME);
                secret::database_url(Pieces { user: name, password, host, port, database }, known)
            }
        }
    }

    fn of_stack(&self, fact: StackFact) -> Input {
        let balancer = || self.stack.load_balancer.as_ref().expect("the decoder refuses it without a load balancer");
        match fact {
            StackFact::Name => self.stack.name.as_str().into(),
            StackFact::Environment => self.stack.environment.as_str().into(),
            StackFact::Region => self.stack.region.as_str().into(),
            StackFact::Domain => match (self.listener, balancer().domain()) {
                (Some(given), _) => given.dns_name.as_str().into(),
                (None, Some(domain)) => domain.into(),
                (None, None) => Input::output(&load_balancer::address(), "dns_name"),
            },
            StackFact::Url if self.listener.is_some() => {
                self.listener.map(GivenListener::origin).unwrap_or_default().as_str().into()
            }
            StackFact::Url => {
                Input::joined(vec![balancer().scheme().into(), "://".into(), self.of_stack(StackFact::Domain)])
            }
        }
    }

    /// Returns the inputs that change a composed secret. The password of a cache never changes, so it is left out.
    fn made_of(&self, part: &Part) -> Vec<Input> {
        match part {
            Part::Text(text) => vec![text.clone()],
            Part::Secret { value_of: Input::Output { from, .. } }
                if self.cache.is_none_or(|cache| cache.token.as_ref() != Some(from)) =>
            {
                vec![Input::output(from, "arn"), Input::output(from, "version")]
            }
            Part::Secret { value_of } => vec![value_of.clone()],
        }
    }

    fn endpoint(&self, output: &str) -> Input {
        Input::output(&self.database().instance, output)
    }

    fn database(&self) -> &'a Database {
        self.database.expect("the decoder refuses it without a database")
    }

    fn cache(&self) -> &'a Cache {
        self.cache.expect("the decoder refuses it without a cache")
    }
}

fn known(text: &str) -> Part {
    Part::Text(text.into())
}

fn text(part: Part) -> Option<Input> {
    match part {
        Part::Text(text) => Some(text),
        Part::Secret { .. } => None,
    }
}

/// Joins adjacent literal texts in `parts`.
fn merged(parts: Vec<Part>) -> Vec<Part> {
    let mut merged: Vec<Part> = Vec::new();
    for part in parts {
        match (merged.last_mut(), part) {
            (Some(Part::Text(Input::Known(text))), Part::Text(Input::Known(more))) => text.push_str(&more),
            (_, part) => merged.push(part),
        }
    }
    merged
}
