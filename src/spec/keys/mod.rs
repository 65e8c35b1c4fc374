//! Declares every key of stack.yaml once: its name, type, range, default, documentation, and the names that other tools
//! use for it. The decoder, the JSON Schema and the tables of docs/reference/stack-yaml.md use these declarations. The
//! decoder checks rules between keys.

mod alarms;
mod bastion;
mod buckets;
mod cache;
mod database;
mod health;
mod images;
mod jobs;
mod load_balancer;
mod logs;
mod network;
mod permissions;
mod scale;
mod secrets;
mod service;
mod service_words;
mod sidecars;
mod texts;
mod top;
mod volumes;

pub(super) use alarms::ALARMS;
pub(super) use bastion::{BASTION, BASTION_USER};
pub(super) use buckets::BUCKET;
pub(super) use cache::{CACHE, VERSIONS as VALKEY_VERSIONS};
pub(super) use database::{DATABASE, ROLES};
pub(super) use health::HEALTH;
pub(super) use images::{BUILD, DOCKERFILE, FILE, FILES};
pub(super) use jobs::JOB;
pub(super) use load_balancer::{LOAD_BALANCER, TLS, TlsWord};
pub(super) use logs::{DAYS as LOG_DAYS, LOGS};
pub(super) use network::{NAT, NETWORK};
pub(super) use permissions::STATEMENT;
pub(super) use scale::{COOLDOWN, SCALE, SCALE_ENTRY};
pub(super) use secrets::SECRET;
pub(super) use service::{ARCH, ARCH_WORDS, PROTOCOL, REPLACE, SERVICE, SPOT, ULIMITS};
pub(super) use sidecars::{CHECK, CONDITIONS, SIDECAR};
pub(super) use texts::{CODES, GRPC_CODES, MOUNT_PATH};
pub(super) use top::{ONLY_AT_THE_TOP, TOP};
pub(super) use volumes::{MOUNT, THROUGHPUT, VOLUME};

/// A mapping whose keys are known.
#[derive(Debug)]
pub(super) struct Section {
    /// Its name in the JSON Schema and in the markers of docs/reference/stack-yaml.md.
    pub(super) name: &'static str,
    /// What it is, in a sentence for editors.
    pub(super) doc: &'static str,
    /// Its keys, in the order of the reference.
    pub(super) keys: &'static [Key],
    /// Words of other tools that somebody may write here.
    pub(super) foreign: &'static [Foreign],
}

/// A key of a section.
#[derive(Debug)]
pub(super) struct Key {
    /// As it is written.
    pub(super) name: &'static str,
    /// What its value may be.
    pub(super) kind: Kind,
    /// What holds if it is left out.
    pub(super) absence: Absence,
    /// What it does, in Markdown, with links as from docs/: what it is, its limits, the effect of a change. Editors show the
    /// first sentence.
    pub(super) doc: &'static str,
}

/// What holds if a key is left out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Absence {
    /// It is an error; the example is the value that the error proposes.
    Error(&'static str),
    /// This value.
    Default(Literal),
    /// What these words say, as the reference shows them.
    Means(&'static str),
}

/// A value in a declaration.
#[derive(Clone, Copy, Debug)]
pub(super) enum Literal {
    Text(&'static str),
    Number(u32),
    Truth(bool),
}

/// What a value may be.
#[derive(Debug)]
pub(super) enum Kind {
    /// One text.
    Text(&'static Text),
    /// A whole number within a range; the unit is for readers.
    Number { least: u32, most: u32, unit: &'static str },
    /// One of these numbers, in ascending order.
    Numbers(&'static [u32]),
    /// `true` or `false`.
    Truth,
    /// A time in whole seconds: `30`, `30s`, `1m`, `2h` or `7d`.
    Seconds { least: u32, most: u32 },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any scalar, which is read as text.
    Scalar,
    /// The words of a command, at least one; the text is the help for an empty list.
    Command(&'static str),
    /// A list of TCP ports.
    Ports,
    /// A list of texts; whether it may be empty.
    List(&'static Text, Empty),
    /// A mapping with known keys.
    Map(&'static Section),
    /// A list of such mappings.
    Maps(&'static Section),
    /// A mapping from names that the user chooses.
    Named { names: &'static Text, of: &'static Kind },
    /// A mapping from names to parts of the whole file.
    Environments { names: &'static Text },
    /// One of several kinds.
    Either(&'static [Kind]),
}

/// Whether a list may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    Allowed,
    Refused,
}

/// What a text has to look like.
#[derive(Debug)]
pub(super) struct Text {
    /// What one of them is called in the reference.
    pub(super) one: &'static str,
    /// What several are called there.
    pub(super) many: &'static str,
    /// A regular expression that every valid text matches, for editors; empty for none.
    pub(super) pattern: &'static str,
    /// The most characters; 0 for no limit.
    pub(super) longest: usize,
    /// What the decoder checks by itself.
    pub(super) check: Option<Check>,
}

/// A check of one text by itself.
#[derive(Debug)]
pub(super) struct Check {
    /// Whether a text is good.
    pub(super) holds: fn(&str) -> bool,
    /// What the text should be; the message puts "invalid" before it and the text after it.
    pub(super) what: &'static str,
    /// The way out.
    pub(super) help: &'static str,
}

/// Words that another tool has for something that is said otherwise here, or that a stack.yaml cannot say.
#[derive(Debug)]
pub(super) struct Foreign {
    /// As they are written there, whatever the case and the hyphens; `image.port` stands for `port` below the key `image`.
    pub(super) words: &'static [&'static str],
    /// What to write instead.
    pub(super) help: &'static str,
}

impl Kind {
    /// Returns the words that a value of this kind can be; none if the kind is not a choice.
    pub(super) fn words(&self) -> Vec<&'static str> {
        match self {
            Self::Choice(words) => words.to_vec(),
            Self::Either(kinds) => kinds.iter().flat_map(Self::words).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the sections directly within a value of this kind.
    pub(super) fn sections(&self) -> Vec<&'static Section> {
        match self {
            Self::Map(section) | Self::Maps(section) => vec![section],
            Self::Named { of, .. } => of.sections(),
            Self::Either(kinds) => kinds.iter().flat_map(Self::sections).collect(),
            _ => Vec::new(),
        }
    }
}

impl Section {
    /// Returns the declaration of `name`.
    ///
    /// # Panics
    /// If there is no such key. Callers only ask for declared keys.
    pub(super) fn key(&self, name: &str) -> &'static Key {
        self.find(name).unwrap_or_else(|| panic!("{} declares no key {name}", self.name))
    }

    /// Returns the declaration of `name`, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Returns what to write instead of `word`, if another tool uses the word.
    pub(super) fn help_for(&self, word: &str) -> Option<&'static str> {
        let is_meant = |foreign: &&Foreign| foreign.words.iter().any(|known| letters(known).eq(letters(word)));
        self.foreign.iter().find(is_meant).map(|foreign| foreign.help)
    }
}

/// Normalizes `word`, so that `desired_count`, `desired-count` and `desiredCount` match.
fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase())
}

/// Returns the words of a table of words and values.
const fn words<T, const N: usize>(table: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut index = 0;
    while index < N {
        words[index] = table[index].0;
        index += 1;
    }
    words
}

/// Returns the first sentence of a documentation text.
pub(super) fn first_sentence(doc: &str) -> &str {
    doc.split_once(". ").map_or(doc, |(first, _)| first).trim_end_matches('.')
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::sections;
