//! The database: private, encrypted, reached by the services alone; its password made once and kept in a secret.

use std::collections::BTreeMap;

use super::network::Network;
use crate::{
    kinds::{db_instance, db_subnet_group, secret, security_group},
    model::{Address, Graph, Input},
    spec::Stack,
};

/// PostgreSQL's port.
const PORT: u16 = 5432;

/// The master user.
const MASTER: &str = "postgres";

/// The database that the applications use.
const NAME: &str = "app";

/// The length of a generated password; of letters and digits, this is over 190 bits.
pub(super) const PASSWORD_LENGTH: usize = 32;

/// What the services need of the database.
pub(super) struct Database {
    /// The secret with the connection URL under the key `url`.
    pub(super) url: Address,
}

pub(super) fn draw(
    graph: &mut Graph,
    stack: &Stack,
    network: &Network,
    clients: &BTreeMap<String, Address>,
) -> Option<Database> {
    let database = stack.database.as_ref()?;
    let ingress = clients.values().map(|group| security_group::Ingress {
        port: PORT,
        from: security_group::Source::Group(Input::output(group, "id")),
    });
    let group = graph.add(
        Address::new("security_group", "database"),
        &security_group::Desired {
            vpc: network.vpc.clone(),
            description: "The database, reached from the services".to_owned(),
            ingress: ingress.collect(),
        },
    );
    let subnets = graph.add(
        Address::new("db_subnet_group", "database"),
        &db_subnet_group::Desired { subnets: network.private.clone() },
    );
    let password = graph.add(
        Address::new("secret", "database-password"),
        &secret::Desired { source: secret::Source::Generated { length: PASSWORD_LENGTH } },
    );
    let password = Input::output(&password, "arn");
    let instance = graph.add(
        Address::new("db_instance", "database"),
        &db_instance::Desired {
            version: database.version.clone(),
            class: database.class.clone(),
            storage: database.storage,
            multi_az: database.multi_az,
            backup_days: database.backup_days,
            protect: database.protect,
            subnet_group: Input::output(&subnets, "name"),
            security_group: Input::output(&group, "id"),
            username: MASTER.to_owned(),
            password: password.clone(),
            database: NAME.to_owned(),
        },
    );
    let url = graph.add(
        Address::new("secret", "database-url"),
        &secret::Desired {
            source: secret::Source::DatabaseUrl {
                user: MASTER.to_owned(),
                password,
                host: Input::output(&instance, "host"),
                port: Input::output(&instance, "port"),
                database: NAME.to_owned(),
            },
        },
    );
    Some(Database { url })
}
