//! Draws what loads a dump into the database: a repository to which the dump is pushed, and a task in the stack's
//! network that fetches it. These resources exist only while they are needed: the next plan without a dump removes
//! them.

use std::collections::BTreeMap;

use super::{
    facts::Load,
    network::Network,
    psql::{self, Master, Task},
    users,
};
use crate::{
    kind::{Base, ImageSource},
    kinds::{
        ecr::{image, repository},
        ecs::{
            database_load::{REPLACE, SHA256, TASK},
            task_definition::SecretRef,
        },
        secretsmanager::secret,
    },
    model::{Address, Graph, Input},
    spec::{Database, Stack},
};

/// The script of the task.
const SCRIPT: &str = include_str!("load.sh");

/// The size of the task in CPU units and MiB of memory. It unpacks as fast as psql reads.
const SIZE: (u32, u32) = (1024, 2048);

/// The time between SIGTERM and SIGKILL, in seconds: the maximum of Fargate. The task needs it to drop a half-loaded
/// database.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
const STOP_TIMEOUT: u32 = 120;

/// Draws the security group that lets the task reach the database.
pub(super) fn security_group(graph: &mut Graph, network: &Network) -> Address {
    psql::security_group(graph, network, TASK, "The task that loads a dump into the database")
}

pub(super) fn draw(
    graph: &mut Graph,
    stack: &Stack,
    network: &Network,
    group: &Address,
    master: &Master,
    load: &Load,
    database: &Database,
) {
    let repository = graph.add(Address::new("repository", TASK), &repository::Desired { keep: 1 });
    let dump = image::Desired {
        repository: Input::output(&repository, "uri"),
        digest: Some(load.digest.clone()),
        source: ImageSource::of(Base::Dump(load.file.clone())),
        numbered_above: None,
        kept_from: None,
    };
    let dump = graph.add(Address::new("image", TASK), &dump);
    let layers = secret::Source::Layers {
        repository: Input::output(&repository, "name"),
        digest: Input::output(&dump, "digest"),
        run: load.run.clone(),
    };
    let layers = graph.add(Address::new("secret", TASK), &secret::Desired { source: layers });
    let (owner, password) = match database.first_owner() {
        Some(owner) => (owner.name.as_str(), users::password(&owner.name)),
        None => (master.user, master.password.clone()),
    };
    // A new database has no privileges for the users.
    let makes_users = load.replaces && !database.users.is_empty();
    let mut environment = BTreeMap::from([(users::SQL.to_owned(), String::new())]);
    let mut secrets = BTreeMap::new();
    if makes_users {
        environment.extend(users::environment(&database.users));
        secrets.extend(users::secrets(&database.users));
    }
    environment.extend([
        ("OWNER".to_owned(), owner.to_owned()),
        (SHA256.to_owned(), load.sha256.clone()),
        (REPLACE.to_owned(), if load.replaces { "yes" } else { "no" }.to_owned()),
    ]);
    secrets.extend([
        ("OWNER_PASSWORD".to_owned(), SecretRef { version: None, ..psql::following(&password) }),
        ("PARTS".to_owned(), psql::following(&layers)),
    ]);
    let task = Task {
        name: TASK,
        stack,
        network,
        master,
        group,
        size: SIZE,
        environment,
        secrets,
        command: ["sh", "-c", SCRIPT].map(str::to_owned).to_vec(),
        read_only: false,
        stop_timeout: STOP_TIMEOUT,
    };
    let definition = task.define(graph);
    let run = task.run(graph, TASK, &definition);
    graph.run(&run);
}
