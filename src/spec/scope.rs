//! The names that values of a stack can refer to, and how a name is looked up.

use super::{
    nearest::nearest,
    stack::{Cache, Database},
    template::{CacheFact, CalledFact, DatabaseFact, Reference, StackFact, Template, UserFact, Wrong},
};

const DATABASE: [(&str, DatabaseFact); 6] = [
    ("host", DatabaseFact::Host),
    ("port", DatabaseFact::Port),
    ("name", DatabaseFact::Name),
    ("user", DatabaseFact::User),
    ("password", DatabaseFact::Password),
    ("url", DatabaseFact::Url),
];

const USER: [(&str, UserFact); 3] =
    [("user", UserFact::User), ("password", UserFact::Password), ("url", UserFact::Url)];

const CACHE: [(&str, CacheFact); 4] =
    [("host", CacheFact::Host), ("port", CacheFact::Port), ("password", CacheFact::Password), ("url", CacheFact::Url)];

/// The facts of a cache without a password.
const OPEN_CACHE: [(&str, CacheFact); 3] =
    [("host", CacheFact::Host), ("port", CacheFact::Port), ("url", CacheFact::OpenUrl)];

const STACK: [(&str, StackFact); 5] = [
    ("name", StackFact::Name),
    ("environment", StackFact::Environment),
    ("region", StackFact::Region),
    ("url", StackFact::Url),
    ("domain", StackFact::Domain),
];

/// The hint for a reference to a part that the stack does not have, by the first word of its name.
const MISSING: [(&str, &str); 3] = [
    ("database", "add `database: {}` at the top of the file; the stack has no database"),
    ("cache", "add `cache: {}` at the top of the file; the stack has no cache"),
    (
        "services",
        "refer to services that are in `calls` of this service, or to a secret of a service that is `generate` or `set`, such as \
         `((services.web.secrets.KEY))`",
    ),
];

/// All names that values of a stack can refer to.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope(Vec<(String, Reference)>);

impl Scope {
    /// The names in a stack with these parts.
    pub(super) fn new(database: Option<&Database>, cache: Option<&Cache>, buckets: &[&str]) -> Self {
        let mut names = Vec::new();
        if let Some(database) = database {
            names.extend(DATABASE.map(|(word, fact)| (format!("database.{word}"), Reference::Database(fact))));
            for user in &database.users {
                names.extend(USER.map(|(word, fact)| {
                    let name = user.name.clone();
                    (format!("database.users.{name}.{word}"), Reference::DatabaseUser { name, fact })
                }));
            }
        }
        if let Some(cache) = cache {
            let known = if cache.password { &CACHE[..] } else { &OPEN_CACHE[..] };
            names.extend(known.iter().map(|(word, fact)| (format!("cache.{word}"), Reference::Cache(*fact))));
        }
        let buckets = buckets.iter().map(|name| (*name).to_owned());
        names.extend(buckets.map(|name| (format!("buckets.{name}.name"), Reference::BucketName(name))));
        names.push(("service.version".to_owned(), Reference::Version));
        names.extend(STACK.map(|(word, fact)| (format!("stack.{word}"), Reference::Stack(fact))));
        Self(names)
    }

    /// Adds the names of the services that a service calls; each comes with whether it has a `port`.
    pub(super) fn calling<'a>(&self, called: impl Iterator<Item = (&'a str, bool)>) -> Self {
        let mut names = self.0.clone();
        for (name, has_port) in called {
            let facts = [("host", CalledFact::Host), ("port", CalledFact::Port), ("url", CalledFact::Url)];
            names.extend(facts.into_iter().take(if has_port { 3 } else { 1 }).map(|(word, fact)| {
                (format!("services.{name}.{word}"), Reference::Called { name: name.to_owned(), fact })
            }));
        }
        Self(names)
    }

    /// Adds these secrets, each as the service and the variable.
    pub(super) fn with_secrets(mut self, secrets: impl Iterator<Item = (String, String)>) -> Self {
        self.0.extend(secrets.map(|(service, variable)| {
            (format!("services.{service}.secrets.{variable}"), Reference::Secret { service, variable })
        }));
        self
    }

    /// Parses `text` and its references.
    ///
    /// # Errors
    /// Every invalid reference.
    pub(super) fn read(&self, text: &str) -> Result<Template, Vec<Wrong>> {
        Template::parse(text, &|name| self.find(name))
    }

    /// Returns what `name` refers to; or a message and a hint.
    fn find(&self, name: &str) -> Result<Reference, (String, String)> {
        if let Some((_, reference)) = self.0.iter().find(|(known, _)| known == name) {
            return Ok(reference.clone());
        }
        let message = format!("reference `{name}` not found");
        let first = name.split('.').next().unwrap_or_default();
        let begins = |known: &&str| known.strip_prefix(first).is_some_and(|rest| rest.starts_with('.'));
        let all: Vec<&str> = self.0.iter().map(|(known, _)| known.as_str()).collect();
        if let Some((_, hint)) = MISSING.iter().find(|(word, _)| *word == first && !all.iter().any(begins)) {
            return Err((message, (*hint).to_owned()));
        }
        // In a stack with many users or buckets, names with another first word would not help.
        let alike: Vec<&str> = all.iter().copied().filter(begins).collect();
        let shown = if alike.is_empty() { &all } else { &alike };
        let near = nearest(name, all.iter().copied()).map(|near| format!("did you mean `(({near}))`? "));
        let hint = format!(
            "{}use one of: {}; for the literal text, write `((!{name}))`",
            near.unwrap_or_default(),
            shown.join(", ")
        );
        Err((message, hint))
    }
}

#[cfg(test)]
mod tests;
