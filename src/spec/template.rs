//! Values with references in them: `((database.host))` stands for what the stack makes. What there is to refer to is for `scope.rs`;
//! what a reference becomes is for the blueprint.

const OPEN: &str = "((";
const CLOSE: &str = "))";

/// What follows the opening parentheses where the characters themselves are meant.
const ESCAPE: char = '!';

/// A value as it is written: text, and references within it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands for itself.
    Text(String),
    /// What the stack makes.
    Reference(Reference),
}

/// Something that the stack makes and a value can refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `database.…`: as the user that the containers connect as.
    Database(DatabaseFact),
    /// `database.users.NAME.…`
    DatabaseUser {
        /// One of `database.users`.
        name: String,
        /// What of it.
        fact: UserFact,
    },
    /// `cache.…`
    Cache(CacheFact),
    /// `buckets.NAME.name`: the name that the bucket has on AWS.
    BucketName(String),
    /// `service.version`: the version of the image that the container runs.
    Version,
    /// `stack.…`
    Stack(StackFact),
    /// `services.NAME.secrets.KEY`: a secret that a service has as `generate` or `set`.
    Secret {
        /// The service.
        service: String,
        /// The variable that the service has it as.
        variable: String,
    },
    /// `services.NAME.…`: of a service that this one calls.
    Called {
        /// The service.
        name: String,
        /// What of it.
        fact: CalledFact,
    },
}

/// What of a service that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledFact {
    /// Its name in the network.
    Host,
    /// Its `port`.
    Port,
    /// The URL with both.
    Url,
}

/// What of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseFact {
    /// Its host name.
    Host,
    /// Its port.
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

/// What of a user of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserFact {
    /// The name.
    User,
    /// The password.
    Password,
    /// The URL with both.
    Url,
}

/// What of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheFact {
    /// Its host name.
    Host,
    /// Its port.
    Port,
    /// Its password.
    Password,
    /// The URL with all of these.
    Url,
    /// The URL of a cache without a password.
    OpenUrl,
}

/// What of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackFact {
    /// `name`.
    Name,
    /// The environment.
    Environment,
    /// `region`.
    Region,
    /// Where the load balancer is reached, without a slash at the end.
    Url,
    /// The host name in that URL.
    Domain,
}

impl Reference {
    /// Whether its value is a secret, or has one in it.
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
    /// The text itself, whatever is in it.
    #[must_use]
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    /// Its parts, in their order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The references in it.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Reference(reference) => Some(reference),
            Piece::Text(_) => None,
        })
    }

    /// The one reference that it consists of.
    #[must_use]
    pub fn alone(&self) -> Option<&Reference> {
        match self.0.as_slice() {
            [Piece::Reference(reference)] => Some(reference),
            _ => None,
        }
    }

    /// The text; none if there is a reference in it.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        let text = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Reference(_) => None,
        });
        text.collect()
    }

    /// A text that is about as long as the value will be.
    pub(super) fn sketch(&self) -> String {
        /// Longer than most host names of RDS and ElastiCache.
        const VALUE: usize = 100;
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Reference(_) => "x".repeat(VALUE),
        };
        self.0.iter().map(text).collect()
    }

    /// Reads `text`; `find` gives what a name refers to, or what is wrong with it and what to write.
    ///
    /// # Errors
    /// Every reference that cannot be one.
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

/// `text` as a value of stack.yaml that stands for exactly this text: without references and variables of the caller.
#[must_use]
pub fn escaped(text: &str) -> String {
    let parts = Tokens(text).map(|token| match token {
        Token::Name { written, .. } => format!("{OPEN}{ESCAPE}{}", &written[OPEN.len()..]),
        Token::Text(text) | Token::Spaced { written: text, .. } => text.to_owned(),
    });
    parts.collect::<String>().replace("${", "$${")
}

/// Gives what a name refers to, or what is wrong with it and what to write.
pub(super) type Find<'a> = dyn Fn(&str) -> Result<Reference, (String, String)> + 'a;

/// A reference that cannot be one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// As it is written.
    pub(super) written: String,
    /// How many times the same stands before it in the value.
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

/// The names that `text` refers to, as they are written, whatever they are.
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

/// Cuts a text into references and what is between them.
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
            // The text goes on without the mark.
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

/// Whether `text` has the shape of a name that can be referred to: words with dots between them. Anything else in double
/// parentheses, such as a pattern or arithmetic, is text.
fn is_name(text: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    text.contains('.') && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.split('.').all(word)
}
