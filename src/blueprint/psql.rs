//! Draws what stackctl's own database tasks share: psql in the official image, roles with minimal permissions, a log
//! group and a security group. `users` and `load` define the tasks and their scripts.

use std::collections::BTreeMap;

use super::{
    constants::{DATABASE_NAME, TASK_PRINCIPAL},
    execution, logs,
    network::Network,
};
use crate::{
    kinds::{
        ec2::security_group,
        ecs::{database_users, task_definition},
        iam::role,
    },
    model::{Address, Graph, Input},
    spec::Stack,
};

/// The official image, from AWS's copy of Docker's official images: Docker Hub counts all pulls from one NAT gateway's
/// address together, and limits them to 100. The version is the newest that stack.yaml allows, because psql supports
/// servers of its own version and older ones.
/// <https://docs.docker.com/docker-hub/usage/>, <https://gallery.ecr.aws/docker/library/postgres>,
/// <https://www.postgresql.org/docs/current/app-psql.html>
const IMAGE: &str = "public.ecr.aws/docker/library/postgres:18-alpine";

/// The master user and its database.
pub(super) struct Master<'a> {
    /// The user's name.
    pub(super) user: &'a str,
    /// The secret with the user's password.
    pub(super) password: Address,
    /// The DB instance.
    pub(super) instance: Address,
}

/// A task that connects as the master user.
pub(super) struct Task<'a> {
    /// The name of its task definition, log group and security group.
    pub(super) name: &'a str,
    pub(super) stack: &'a Stack,
    pub(super) network: &'a Network,
    pub(super) master: &'a Master<'a>,
    /// The security group that lets the task reach the database.
    pub(super) group: &'a Address,
    /// CPU units and MiB of memory.
    pub(super) size: (u32, u32),
    /// The environment variables in addition to those for the connection.
    pub(super) environment: BTreeMap<String, String>,
    /// The secrets in addition to the master user's password.
    pub(super) secrets: BTreeMap<String, task_definition::SecretRef>,
    pub(super) command: Vec<String>,
    /// Whether the task writes no files.
    pub(super) read_only: bool,
    /// The time between SIGTERM and SIGKILL, in seconds.
    pub(super) stop_timeout: u32,
}

/// Draws the security group of the task `name`.
pub(super) fn security_group(graph: &mut Graph, network: &Network, name: &str, description: &str) -> Address {
    let desired =
        security_group::Desired { vpc: network.vpc.clone(), description: description.to_owned(), ingress: Vec::new() };
    graph.add(Address::new("security_group", name), &desired)
}

impl Task<'_> {
    /// Draws the task definition, and the resources that it needs.
    pub(super) fn define(&self, graph: &mut Graph) -> Address {
        let logs = logs::draw(graph, self.stack, self.name, logs::DAYS);
        let mut secrets = self.secrets.clone();
        secrets.insert("PGPASSWORD".to_owned(), following(&self.master.password));
        let mut statements = execution::statements(logs.streams, None);
        let values = secrets.values().map(|reference| reference.secret.clone()).collect();
        statements.push(role::Statement::new(&["secretsmanager:GetSecretValue"], values));
        let execution_role = graph.add(
            Address::new("role", format!("{}-execution", self.name)),
            &role::Desired::new(TASK_PRINCIPAL, statements),
        );
        let roles = task_definition::Roles { execution: Input::output(&execution_role, "arn"), task: None };
        let container = task_definition::Container {
            environment: self.environment(),
            secrets,
            command: self.command.clone(),
            read_only: self.read_only,
            stop_timeout: self.stop_timeout,
            ..task_definition::Container::new(IMAGE.into(), logs.name)
        };
        let definition = graph.add(
            Address::new("task_definition", self.name),
            &task_definition::Desired {
                cpu: self.size.0,
                memory: self.size.1,
                ..task_definition::Desired::new(database_users::CONTAINER, container, roles)
            },
        );
        graph.need(&definition, &execution_role);
        graph.need(&definition, &logs.address);
        graph.keep_out_of_release(&definition);
        definition
    }

    /// Draws the run of the task, of the kind `kind`.
    pub(super) fn run(&self, graph: &mut Graph, kind: &str, definition: &Address) -> Address {
        let run = graph.add(
            Address::new(kind, "database"),
            &database_users::Desired {
                cluster: Input::output(&Address::new("cluster", "main"), "arn"),
                task_definition: Input::output(definition, "arn"),
                subnets: self.network.tasks.clone(),
                security_group: Input::output(self.group, "id"),
                public_ip: self.network.public_tasks,
            },
        );
        // The task pulls its image first, so the routes to the internet must exist.
        self.network.routes.iter().for_each(|route| graph.need(&run, route));
        // psql needs the database's security group to admit the task's.
        graph.need(&run, &Address::new("security_group", "database"));
        run
    }

    /// Returns the environment variables that libpq and the script read.
    /// <https://www.postgresql.org/docs/current/libpq-envars.html>
    fn environment(&self) -> BTreeMap<String, Input> {
        let known = [
            ("PGDATABASE", DATABASE_NAME),
            ("PGUSER", self.master.user),
            ("PGSSLMODE", "require"),
            ("PGCONNECT_TIMEOUT", "10"),
            ("PGAPPNAME", "stackctl"),
            ("STACK_NAME", &self.stack.name),
            ("STACK_ENVIRONMENT", &self.stack.environment),
        ];
        let known = known.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        let own = self.environment.iter().map(|(name, value)| (name.clone(), Input::from(value.as_str())));
        let mut environment: BTreeMap<String, Input> = known.chain(own).collect();
        environment.insert("PGHOST".to_owned(), Input::output(&self.master.instance, "host"));
        environment.insert("PGPORT".to_owned(), Input::output(&self.master.instance, "port"));
        environment
    }
}

/// Returns a reference to a secret and its version: a new version creates a new revision and thereby a new run.
pub(super) fn following(secret: &Address) -> task_definition::SecretRef {
    let version = Some(Input::output(secret, "version"));
    task_definition::SecretRef { secret: Input::output(secret, "arn"), key: None, version }
}
