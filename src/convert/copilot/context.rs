//! What all parts of the conversion share: the account of the keys, the questions, and what is known of the other workloads.

use std::collections::{BTreeMap, BTreeSet};

use super::{meaning::Meaning, paths::Paths};
use crate::{
    convert::{conversion::Open, ledger::Ledger, page::Map, source::Entry},
    spec::DEFAULT_ENVIRONMENT,
};

/// A workload, as the others see it.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// What the service or the job is called in stack.yaml.
    pub(super) name: String,
    /// Where others call it; none for what nobody can call.
    pub(super) port: Option<u16>,
}

pub(super) struct Context<'a> {
    pub(super) ledger: Ledger,
    pub(super) open: Open<'a>,
    /// What Copilot calls the application.
    pub(super) application: String,
    /// The workloads, by Copilot's names of them.
    pub(super) peers: BTreeMap<String, Peer>,
    /// Whether a database stays where Copilot made it.
    pub(super) keep_data: bool,
    pub(super) paths: Paths,
    /// Whether the files name environments.
    pub(super) has_environments: bool,
    /// Ports beside its `port` at which a service is called.
    pub(super) exposed: BTreeMap<String, BTreeSet<u16>>,
}

/// One environment of Copilot's, or the file without any.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Scene {
    /// Copilot's name of it; none for the file itself.
    pub(super) environment: Option<String>,
    /// What it is called in stack.yaml.
    pub(super) name: String,
    /// What comes before a key of it: nothing, or `environments.prod.`.
    pub(super) prefix: String,
    pub(super) has_vpc: bool,
    /// As the ARNs in its files have them.
    pub(super) region: Option<String>,
    pub(super) account: Option<String>,
    /// What the exports of its addons stand for, by their names.
    pub(super) exports: BTreeMap<String, Meaning>,
    pub(super) has_database: bool,
    pub(super) has_cache: bool,
    /// Whether its load balancer has a certificate that somebody else made.
    pub(super) has_certificate: bool,
}

impl Scene {
    /// Copilot's name of the environment, as it stands in texts.
    pub(super) fn literal(&self) -> &str {
        self.environment.as_deref().unwrap_or(DEFAULT_ENVIRONMENT)
    }

    /// How a value refers to the environment's name: by reference, where the name is the same here.
    pub(super) fn reference(&self) -> &str {
        if self.literal() == self.name { "((stack.environment))" } else { self.literal() }
    }

    /// `key` of this environment, for a question.
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

impl Context<'_> {
    pub(super) fn carried(&mut self, entry: &Entry, to: impl Into<String>) {
        self.ledger.carried(entry.place, to);
    }

    /// What stackctl does by itself.
    pub(super) fn itself(&mut self, entry: &Entry, why: impl Into<String>) {
        self.ledger.carried_with(entry.place, None, why);
    }

    pub(super) fn nearly(&mut self, entry: &Entry, to: &str, how: impl Into<String>) {
        self.ledger.approximated(entry.place, Some(to), how);
    }

    pub(super) fn left_out(&mut self, entry: &Entry, why: &str) {
        self.ledger.approximated(entry.place, None, format!("left out: {why}"));
    }

    pub(super) fn impossible(&mut self, entry: &Entry, instead: impl Into<String>) {
        self.ledger.not_possible(entry.place, instead);
    }

    /// Copilot reads no key that it does not know, and says nothing.
    pub(super) fn unknown(&mut self, entry: &Entry, known: &[&str]) {
        let meant = known.iter().find(|known| is_near(known, &entry.key));
        let meant = meant.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
        self.left_out(entry, &format!("Copilot ignores `{}`, because it is not a key here{meant}", entry.key));
    }

    /// A value that a person must decide: the answer, or none and a comment above `at`.
    pub(super) fn decide(&mut self, map: &mut Map, at: &str, key: &str, question: &str) -> Option<String> {
        let answer = self.open.ask(key, question, None).filter(|answer| !answer.trim().is_empty());
        if answer.is_none() {
            map.comment(at, format!("Decide: {question}"));
        }
        answer
    }
}

/// Whether two words differ by at most two letters.
fn is_near(one: &str, other: &str) -> bool {
    if one.len().abs_diff(other.len()) > 2 || one.len() < 4 {
        return false;
    }
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let here = (before + usize::from(a != *b)).min(row[j] + 1).min(row[j + 1] + 1);
            before = std::mem::replace(&mut row[j + 1], here);
        }
    }
    row[other.len()] <= 2
}
