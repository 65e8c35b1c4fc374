//! Which databases take clients without TLS: what `rds.force_ssl` says in the parameter group that each of them uses. A database
//! uses another group from its next restart on.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithParamGroups.Associating.html>

use std::collections::{BTreeMap, BTreeSet};

/// The parameter that says whether clients have to speak TLS.
const FORCE_TLS: &str = "rds.force_ssl";

#[derive(Default)]
pub(super) struct Parameters {
    /// The groups in which it is off. RDS's own have it on, from PostgreSQL 15 on.
    open: BTreeSet<String>,
    /// The group that each database was given last.
    given: BTreeMap<String, String>,
    /// The group that each database uses.
    used: BTreeMap<String, String>,
}

impl Parameters {
    /// The database has been given this group.
    pub(super) fn give(&mut self, database: &str, group: &str) {
        self.given.insert(database.to_owned(), group.to_owned());
    }

    /// The database starts: from now on it uses the group that it was given last. Says whether it takes clients without TLS.
    pub(super) fn start(&mut self, database: &str) -> bool {
        let group = self.given.get(database).cloned().unwrap_or_default();
        let is_open = self.open.contains(&group);
        self.used.insert(database.to_owned(), group);
        is_open
    }

    /// Takes the parameters of a `ModifyDBParameterGroup` in. Gives the databases that use the group, and whether they take
    /// clients without TLS from now on; RDS applies this parameter at once.
    pub(super) fn change(&mut self, params: &BTreeMap<String, String>) -> Option<(BTreeSet<String>, bool)> {
        let group = params.get("DBParameterGroupName")?;
        let (name, _) = params.iter().find(|(key, value)| key.ends_with(".ParameterName") && *value == FORCE_TLS)?;
        let is_open = params.get(&name.replace(".ParameterName", ".ParameterValue"))? == "0";
        if is_open {
            self.open.insert(group.clone());
        } else {
            self.open.remove(group);
        }
        let users = self.used.iter().filter(|(_, used)| *used == group).map(|(database, _)| database.clone());
        Some((users.collect(), is_open))
    }

    /// The database goes.
    pub(super) fn end(&mut self, database: &str) {
        self.given.remove(database);
        self.used.remove(database);
    }

    /// There is no such group any more.
    pub(super) fn forget(&mut self, group: &str) {
        self.open.remove(group);
    }
}
