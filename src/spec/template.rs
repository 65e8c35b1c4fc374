//! Parses values with references: `((database.host))` is replaced by a fact about the stack. `scope.rs` knows which
//! references exist; the blueprint resolves them.

const OPEN: &str = "((";
const CLOSE: &str = "))";

/// The character after the opening parentheses that makes them literal.
const ESCAPE: char = '!';

/// A value: text with references in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Literal text.
    Text(String),
    /// A reference to a fact about the stack.
    Reference(Reference),
}

/// A fact about the stack that a value can refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `database.…`: for the user that the containers connect as.
    Database(DatabaseFact),
    /// `database.users.NAME.…`
    DatabaseUser {
        /// The name of one of `database.users`.
        name: String,
        /// The fact about the user.
        fact: UserFact,
    },
    /// `cache.…`
    Cache(CacheFact),
    /// `buckets.NAME.name`: the name of the bucket on AWS.
    BucketName(String),
    /// `service.version`: the version of the image that the container runs.
    Version,
    /// `stack.…`
    Stack(StackFact),
    /// `services.NAME.secrets.KEY`: a `generate` or `set` secret of a service.
    Secret {
        /// The service's name.
        service: String,
        /// The name of the secret in the service's `secrets`.
        variable: String,
    },
    /// `services.NAME.…`: a fact about a service that this one calls.
    Called {
        /// The service's name.
        name: String,
        /// The fact about the service.
        fact: CalledFact,
    },
}

/// A fact about a called service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledFact {
    /// The service's host name in the network.
    Host,
    /// The service's `port`.
    Port,
    /// The URL with host and port.
    Url,
}

/// A fact about the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseFact {
    /// The host name.
    Host,
    /// The port.
    Port,
    /// The name of the database on the server.
    Name,
    /// The user that the containers connect as.
    User,
    /// The password of that user.
    Password,
    /// The URL with all of these.
    Url,
}

/// A fact about a user of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserFact {
    /// The name.
    User,
    /// The password.
    Password,
    /// The URL with user and password.
    Url,
}

/// A fact about the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheFact {
    /// The host name.
    Host,
    /// The port.
    Port,
    /// The password.
    Password,
    /// The URL with all of these.
    Url,
    /// The URL of a cache without a password.
    OpenUrl,
}

/// A fact about the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackFact {
    /// `name`.
    Name,
    /// The environment.
    Environment,
    /// `region`.
    Region,
    /// The URL of the load balancer, without a slash at the end.
    Url,
    /// The host name in that URL.
    Domain,
}

impl Reference {
    /// Whether the value is a secret, or contains one.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        match self {
            Self::Database(fact) => matches!(fact, DatabaseFact::Password | DatabaseFact::Url),
            Self::DatabaseUser { fact, .. } => matches!(fact, UserFact::Password | UserFact::Url),
            Self::Cache(fact) => matches!(fact, CacheFact::Password | CacheFact::Url),
            Self::Secret { .. } => true,
            Self::BucketName(_) | Self::Version | Self::Stack(_) | Self::Called { .. } => false,
        }
    }
}

impl Template {
    /// A template of literal text, without references.
    #[must_use]
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    /// The pieces, in their order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The references in the template.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Reference(reference) => Some(reference),
            Piece::Text(_) => None,
        })
    }

    /// Returns the reference, if the template consists of one reference only.
    #[must_use]
    pub fn alone(&self) -> Option<&Reference> {
        match self.0.as_slice() {
            [Piece::Reference(reference)] => Some(reference),
            _ => None,
        }
    }

    /// Returns the text; none if the template has a reference.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        let text = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Reference(_) => None,
        });
        text.collect()
    }

    /// Returns a text about as long as the final value.
    pub(super) fn sketch(&self) -> String {
        /// Longer than most host names of RDS and ElastiCache.
        const VALUE: usize = 100;
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Reference(_) => "x".repeat(VALUE),
        };
        self.0.iter().map(text).collect()
    }

    /// Parses `text`. `find` returns what a name refers to; or a message and a hint.
    ///
    /// # Errors
    /// Every invalid reference.
    pub(super) fn parse(text: &str, find: &Find) -> Result<Self, Vec<Wrong>> {
        let (mut pieces, mut wrong) = (Vec::new(), Vec::new());
        let mut plain = String::new();
        for token in Tokens(text) {
            match token {
                Token::Text(more) => plain.push_str(more),
                Token::Name { written, name } => match find(name) {
                    Ok(reference) => {
                        if !plain.is_empty() {
                            pieces.push(Piece::Text(std::mem::take(&mut plain)));
                        }
                        pieces.push(Piece::Reference(reference));
                    }
                    Err((message, hint)) => wrong.push(Wrong::new(text, written, message, hint)),
                },
                Token::Spaced { written, name } => {
                    let hint = format!("write `(({name}))`");
                    wrong.push(Wrong::new(text, written, "invalid reference: it contains spaces".to_owned(), hint));
                }
            }
        }
        if !plain.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        if wrong.is_empty() { Ok(Self(pieces)) } else { Err(wrong) }
    }
}

/// Escapes `text` so that stack.yaml reads it as literal text, without references and variables.
#[must_use]
pub fn escaped(text: &str) -> String {
    let parts = Tokens(text).map(|token| match token {
        Token::Name { written, .. } => format!("{OPEN}{ESCAPE}{}", &written[OPEN.len()..]),
        Token::Text(text) | Token::Spaced { written: text, .. } => text.to_owned(),
    });
    parts.collect::<String>().replace("${", "$${")
}

/// Returns what a name refers to; or a message and a hint.
pub(super) type Find<'a> = dyn Fn(&str) -> Result<Reference, (String, String)> + 'a;

/// An invalid reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The reference as written.
    pub(super) written: String,
    /// How often the same reference occurs earlier in the value.
    pub(super) before: usize,
    pub(super) message: String,
    pub(super) hint: String,
}

impl Wrong {
    fn new(text: &str, written: &str, message: String, hint: String) -> Self {
        let at = written.as_ptr().addr() - text.as_ptr().addr();
        Self { written: written.to_owned(), before: text[..at].matches(written).count(), message, hint }
    }
}

/// Returns the names that `text` refers to, as written, whether they exist or not.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    Tokens(text).filter_map(|token| match token {
        Token::Name { name, .. } => Some(name),
        Token::Text(_) | Token::Spaced { .. } => None,
    })
}

enum Token<'a> {
    Text(&'a str),
    Name {
        written: &'a str,
        name: &'a str,
    },
    /// A name with spaces around it.
    Spaced {
        written: &'a str,
        name: &'a str,
    },
}

/// Splits a text into references and the text between them.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let text = self.0;
        if text.is_empty() {
            return None;
        }
        let Some(at) = text.find(OPEN) else { return Some(self.plain(text.len())) };
        if at > 0 {
            return Some(self.plain(at));
        }
        let inside = &text[OPEN.len()..];
        let Some(end) = inside.find(CLOSE) else { return Some(self.plain(1)) };
        let (content, whole) = (&inside[..end], end + OPEN.len() + CLOSE.len());
        if content.strip_prefix(ESCAPE).is_some_and(is_name) {
            // Drop the mark and continue with the text after it.
            self.0 = &inside[ESCAPE.len_utf8()..];
            return Some(Token::Text(OPEN));
        }
        let (written, name) = (&text[..whole], content.trim());
        if !is_name(name) {
            return Some(self.plain(1));
        }
        self.0 = &text[whole..];
        Some(if name == content { Token::Name { written, name } } else { Token::Spaced { written, name } })
    }
}

impl<'a> Tokens<'a> {
    fn plain(&mut self, length: usize) -> Token<'a> {
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        Token::Text(text)
    }
}

/// Whether `text` has the form of a reference: words separated by dots. Other text in double parentheses, such as a
/// pattern or arithmetic, is literal.
fn is_name(text: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    text.contains('.') && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.split('.').all(word)
}
