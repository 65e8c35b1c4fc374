//! Finds the live resources for a connection to the database, and formats the commands to paste.

use serde::de::DeserializeOwned;

use crate::{
    blueprint,
    cli::{error::Stop, project::Project},
    model::{Address, Failure, Subject},
    spec::Stack,
};

/// Returns the live resource at `address`, in its kind's own type, for the command `command`.
///
/// # Errors
/// If it does not exist, or AWS fails.
pub(in crate::cli) async fn find<L: DeserializeOwned>(
    project: &Project,
    command: &str,
    address: &Address,
) -> Result<L, Failure> {
    let found = project.observe_kind(address.kind()).await?.into_iter().find(|one| one.address == *address);
    found
        .ok_or_else(|| {
            Failure::about(Subject::command(command), format!("{} has no {address}", project.cx.id))
                .hint("create it first: stackctl up")
        })?
        .decoded()
}

/// Returns the psql command for the database on the local port `port`.
pub(in crate::cli) fn psql_command(port: u16, user: &str) -> String {
    let database = blueprint::DATABASE_NAME;
    format!("psql 'host=127.0.0.1 port={port} user={user} dbname={database} sslmode=require'")
}

/// Returns the command that shows the value of the secret `name`.
pub(in crate::cli) fn password_command(name: &str) -> String {
    format!("aws secretsmanager get-secret-value --secret-id {name} --query SecretString --output text")
}

/// Checks that the stack has a database.
///
/// # Errors
/// If it has none.
pub(super) fn has_database(stack: &Stack) -> Result<(), Stop> {
    if stack.database.is_some() {
        return Ok(());
    }
    Err(Stop::usage("stack.yaml has no `database:`", "add `database: {}` and run `stackctl up`"))
}
