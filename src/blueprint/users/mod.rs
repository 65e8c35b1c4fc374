//! The database's users beside the master: a password for each, and the task that makes them, which alone connects as the
//! master. The task's script is `script.rs`; who connects as whom is for `database.rs`.

mod script;

use std::collections::BTreeMap;

use super::{
    Facts,
    database::{NAME, PASSWORD_LENGTH},
    logs,
    network::Network,
    service::PRINCIPAL,
};
use crate::{
    kinds::{
        database_users::{self, TASK},
        role, secret, security_group, task_definition,
    },
    model::{Address, Graph, Input},
    spec::{Database, DatabaseUser, Stack},
};

/// The official image, from the registry that AWS keeps a copy of Docker's official images in: Docker Hub itself counts the
/// pulls of everybody behind one NAT gateway's address, and refuses the hundredth. Of the newest version that stack.yaml can
/// ask for, because psql speaks to servers of its own version and of older ones.
/// <https://docs.docker.com/docker-hub/usage/>, <https://gallery.ecr.aws/docker/library/postgres>,
/// <https://www.postgresql.org/docs/current/app-psql.html>
const IMAGE: &str = "public.ecr.aws/docker/library/postgres:18-alpine";

/// The master user's side of the database.
pub(super) struct Master<'a> {
    /// Its name.
    pub(super) user: &'a str,
    /// The secret with its password.
    pub(super) password: Address,
    /// The DB instance.
    pub(super) instance: Address,
}

/// What makes the users.
pub(super) struct Users {
    /// Its task definition.
    pub(super) definition: Address,
    /// Its run.
    pub(super) run: Address,
}

/// The task definition that makes the database's users: where it is, there may be users still.
#[must_use]
pub fn users_task() -> Address {
    Address::new("task_definition", TASK)
}

/// Whether the task is to be there: for the users that there are, or to take away those that there were.
pub(super) fn wanted(database: &Database, facts: &Facts) -> bool {
    !database.users.is_empty() || facts.had_users
}

/// The security group that lets the task reach the database.
pub(super) fn security_group(graph: &mut Graph, network: &Network) -> Address {
    let desired = security_group::Desired {
        vpc: network.vpc.clone(),
        description: "The task that makes the users of the database".to_owned(),
        ingress: Vec::new(),
    };
    graph.add(Address::new("security_group", TASK), &desired)
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
    let logs = logs::draw(graph, stack, TASK);
    let mut secrets = BTreeMap::from([("PGPASSWORD".to_owned(), reference(&master.password))]);
    secrets.extend(users.iter().map(|user| (script::variable(user), reference(&password(&user.name)))));
    let execution_role = graph.add(
        Address::new("role", format!("{TASK}-execution")),
        &role::Desired {
            principal: PRINCIPAL.to_owned(),
            managed: Vec::new(),
            statements: vec![
                statement(&["logs:CreateLogStream", "logs:PutLogEvents"], vec![logs.streams]),
                statement(
                    &["secretsmanager:GetSecretValue"],
                    secrets.values().map(|reference| reference.secret.clone()).collect(),
                ),
            ],
        },
    );
    let task_role = graph.add(
        Address::new("role", format!("{TASK}-task")),
        &role::Desired { principal: PRINCIPAL.to_owned(), managed: Vec::new(), statements: Vec::new() },
    );
    let definition = graph.add(
        users_task(),
        &task_definition::Desired {
            container: "psql".to_owned(),
            // The smallest that Fargate has.
            cpu: 256,
            memory: 512,
            execution_role: Input::output(&execution_role, "arn"),
            task_role: Input::output(&task_role, "arn"),
            image: IMAGE.into(),
            port: None,
            environment: environment(stack, master, users),
            secrets,
            log_group: logs.name,
            stop_timeout: 30,
            command: script::command(),
            read_only: true,
        },
    );
    graph.need(&definition, &execution_role);
    graph.need(&definition, &logs.address);
    let run = graph.add(
        Address::new("database_users", "database"),
        &database_users::Desired {
            cluster: Input::output(&Address::new("cluster", "main"), "arn"),
            task_definition: Input::output(&definition, "arn"),
            subnets: network.tasks.clone(),
            security_group: Input::output(group, "id"),
            public_ip: network.public_tasks,
        },
    );
    // It pulls its image before anything else, so the way out has to be there.
    network.routes.iter().for_each(|route| graph.need(&run, route));
    // psql has to get there: by the database's own security group, which admits the task's.
    graph.need(&run, &Address::new("security_group", "database"));
    Users { definition, run }
}

/// What libpq and the script take from the environment.
/// <https://www.postgresql.org/docs/current/libpq-envars.html>
fn environment(stack: &Stack, master: &Master, users: &[DatabaseUser]) -> BTreeMap<String, Input> {
    let known = [
        ("PGDATABASE", NAME.to_owned()),
        ("PGUSER", master.user.to_owned()),
        ("PGSSLMODE", "require".to_owned()),
        ("PGCONNECT_TIMEOUT", "10".to_owned()),
        ("PGAPPNAME", "stackctl".to_owned()),
        ("STACK_NAME", stack.name.clone()),
        ("STACK_ENVIRONMENT", stack.environment.clone()),
        (script::USERS, script::list(users)),
        (script::SQL, script::sql(users)),
    ];
    let mut environment: BTreeMap<String, Input> =
        known.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    environment.insert("PGHOST".to_owned(), Input::output(&master.instance, "host"));
    environment.insert("PGPORT".to_owned(), Input::output(&master.instance, "port"));
    environment
}

/// A password, and the label that follows its value: a new one takes a new revision, and with it a run.
fn reference(secret: &Address) -> task_definition::SecretRef {
    let version = Some(Input::output(secret, "version"));
    task_definition::SecretRef { secret: Input::output(secret, "arn"), key: None, version }
}

fn statement(actions: &[&str], resources: Vec<Input>) -> role::Statement {
    role::Statement { actions: actions.iter().map(|action| (*action).to_owned()).collect(), resources }
}

#[cfg(test)]
mod tests;
