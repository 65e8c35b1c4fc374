//! The database's users beside the master: a password for each, and the task that makes them, which alone connects as the
//! master. The task's script is `script.rs`; who connects as whom is for `database.rs`.

mod script;

use std::collections::BTreeMap;

use super::{
    constants::PASSWORD_LENGTH,
    facts::Facts,
    network::Network,
    psql::{self, Master, Task},
};
use crate::{
    kinds::{
        ecs::{database_users::TASK, task_definition::SecretRef},
        secretsmanager::secret,
    },
    model::{Address, Graph},
    spec::{Database, DatabaseUser, Stack},
};

/// What makes the users.
pub(super) struct Users {
    /// Its task definition.
    pub(super) definition: Address,
    /// Its run.
    pub(super) run: Address,
}

/// The task definition that makes the database's users: where it is, there may be users still.
pub(super) fn task() -> Address {
    Address::new("task_definition", TASK)
}

/// Whether the task is to be there: for the users that there are, or to take away those that there were.
pub(super) fn wanted(database: &Database, facts: &Facts) -> bool {
    !database.users.is_empty() || facts.had_users
}

/// The security group that lets the task reach the database.
pub(super) fn security_group(graph: &mut Graph, network: &Network) -> Address {
    psql::security_group(graph, network, TASK, "The task that makes the users of the database")
}

/// The secrets with the users' passwords, by user.
pub(super) fn passwords(graph: &mut Graph, database: &Database) -> BTreeMap<String, Address> {
    let source = secret::Source::Generated { length: PASSWORD_LENGTH };
    let mut add = |user: &DatabaseUser| graph.add(password(&user.name), &secret::Desired { source: source.clone() });
    database.users.iter().map(|user| (user.name.clone(), add(user))).collect()
}

/// The secret with the password of the database user `name`.
#[must_use]
pub fn password(name: &str) -> Address {
    Address::new("secret", format!("database-user-{name}"))
}

pub(super) fn draw(
    graph: &mut Graph,
    stack: &Stack,
    network: &Network,
    group: &Address,
    master: &Master,
    users: &[DatabaseUser],
) -> Users {
    let task = Task {
        name: TASK,
        stack,
        network,
        master,
        group,
        // The smallest that Fargate has.
        size: (256, 512),
        environment: environment(users),
        secrets: secrets(users),
        command: script::command(),
        read_only: true,
        stop_timeout: 30,
    };
    let definition = task.define(graph);
    let run = task.run(graph, TASK, &definition);
    Users { definition, run }
}

/// What the script takes from the environment.
pub(super) fn environment(users: &[DatabaseUser]) -> BTreeMap<String, String> {
    BTreeMap::from([(script::USERS.to_owned(), script::list(users)), (script::SQL.to_owned(), script::sql(users))])
}

/// The environment variable with the script.
pub(super) const SQL: &str = script::SQL;

/// The users' passwords, by the environment variables that the script takes them from.
pub(super) fn secrets(users: &[DatabaseUser]) -> BTreeMap<String, SecretRef> {
    users.iter().map(|user| (script::variable(user), psql::following(&password(&user.name)))).collect()
}

#[cfg(test)]
mod tests;
