//! Draws the users of the database: a password for each, and the task that creates them, which connects as the master
//! user. `script.rs` has the task's script; `database.rs` decides which user the containers connect as.

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

/// The resources that create the users.
pub(super) struct Users {
    /// The task definition.
    pub(super) definition: Address,
    /// The run of the task.
    pub(super) run: Address,
}

/// The task definition that creates the database's users. While it exists on AWS, the database may still have users.
pub(super) fn task() -> Address {
    Address::new("task_definition", TASK)
}

/// Whether the stack needs the task: to create users, or to remove former ones.
pub(super) fn wanted(database: &Database, facts: &Facts) -> bool {
    !database.users.is_empty() || facts.had_users
}

/// Draws the security group that lets the task reach the database.
pub(super) fn security_group(graph: &mut Graph, network: &Network) -> Address {
    psql::security_group(graph, network, TASK, "The task that makes the users of the database")
}

/// Draws the secrets with the users' passwords, and returns them by user.
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
        // The smallest size of Fargate.
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

/// The environment variables that the script reads.
pub(super) fn environment(users: &[DatabaseUser]) -> BTreeMap<String, String> {
    BTreeMap::from([(script::USERS.to_owned(), script::list(users)), (script::SQL.to_owned(), script::sql(users))])
}

/// The environment variable with the script.
pub(super) const SQL: &str = script::SQL;

/// The secrets with the users' passwords, by the environment variables that the script reads.
pub(super) fn secrets(users: &[DatabaseUser]) -> BTreeMap<String, SecretRef> {
    users.iter().map(|user| (script::variable(user), psql::following(&password(&user.name)))).collect()
}

#[cfg(test)]
mod tests;
