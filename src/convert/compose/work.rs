//! What a conversion has read so far, and what it has written.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{load::Project, marks, rewrite::Facts, service::Service};
use crate::convert::{
    conversion::Open,
    ledger::Ledger,
    page::{Map, Page, Value},
};

/// The state of a conversion.
pub(super) struct Work<'a> {
    pub(super) project: Project<'a>,
    pub(super) open: Open<'a>,
    pub(super) page: Page,
    pub(super) facts: Facts,
    /// What paths of stack.yaml are relative to.
    pub(super) folder: PathBuf,
    /// The stack's name.
    pub(super) name: String,
    /// Secrets that services have: by their value, the reference to the first.
    pub(super) secrets: BTreeMap<String, (String, String)>,
    /// Volumes of the stack: by their source, their names.
    pub(super) volumes: BTreeMap<String, String>,
    /// How each service is reached from outside.
    pub(super) reach: BTreeMap<String, Reach>,
    /// Databases beside the first one that services name.
    pub(super) other_names: BTreeSet<String>,
    /// Users of the database that services name.
    pub(super) users: BTreeSet<String>,
}

/// How a service is reached.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    pub(super) port: Option<u16>,
    /// The port that its variables or its check name; it counts where something asks it.
    pub(super) assumed: Option<u16>,
    pub(super) expose: BTreeSet<u16>,
    pub(super) is_public: bool,
    pub(super) hosts: Vec<String>,
    pub(super) paths: Vec<String>,
    /// The port of the host that it was published at.
    pub(super) published: Option<String>,
}

impl Work<'_> {
    pub(super) fn ledger(&mut self) -> &mut Ledger {
        &mut self.project.ledger
    }

    /// The mapping of a service in stack.yaml.
    pub(super) fn service(&mut self, key: &str) -> &mut Map {
        self.page.root.map("services").map(key)
    }

    /// `text` with the variables that somebody answers for; the others stay open.
    pub(super) fn settle(&mut self, text: &str) -> String {
        if marks::is_whole(text) {
            return text.to_owned();
        }
        let open = &mut self.open;
        marks::filled(text, &mut |name| {
            open.ask(
                &format!("variables.{name}"),
                format!("The files read {name} from the environment. Its value"),
                None,
            )
        })
    }

    /// As [`Self::settle`], as a value of stack.yaml.
    pub(super) fn settled(&mut self, text: &str) -> Value {
        marks::value(&self.settle(text))
    }

    /// Takes down that `key` of a service is said at `to` of stack.yaml; nothing if the files do not have it.
    pub(super) fn carried(&mut self, service: &Service, key: &str, to: &str) {
        if let Some(entry) = service.item.entry(key) {
            self.project.ledger.carried(entry.place, format!("services.{}.{to}", service.key));
        }
    }

    /// The name of the volume for a source, which is made if there is none yet.
    pub(super) fn volume(&mut self, source: &str, wanted: &str) -> String {
        if let Some(name) = self.volumes.get(source) {
            return name.clone();
        }
        let base = crate::convert::names::name(wanted).unwrap_or_else(|| "data".to_owned());
        let mut name = base.clone();
        let mut number = 2;
        while self.volumes.values().any(|known| *known == name) {
            let cut: String = base.chars().take(17).collect();
            name = format!("{}-{number}", cut.trim_end_matches('-'));
            number += 1;
        }
        self.volumes.insert(source.to_owned(), name.clone());
        self.page.root.map("volumes").set(name.clone(), Value::Map(Map::default()));
        name
    }
}
