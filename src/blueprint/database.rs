//! Draws the database: private, encrypted and reachable only from services, the bastion and stackctl's own tasks. Its
//! password is generated once and stored in a secret.

use std::collections::BTreeMap;

use super::{
    constants::{DATABASE_NAME, PASSWORD_LENGTH},
    facts::Facts,
    guards::{self, Guarded},
    load,
    network::Network,
    psql::Master,
    users,
};
use crate::{
    kind::authorities,
    kinds::{
        rds::{db_instance, db_parameter_group, db_subnet_group},
        secretsmanager::secret,
    },
    model::{Address, Graph, Input},
    spec::{self, Stack},
};

/// PostgreSQL's port.
pub const PORT: u16 = 5432;

/// The name of the master user.
const MASTER: &str = "postgres";

/// The name of the master user, and the secret with its password.
#[must_use]
pub fn master() -> (String, Address) {
    (MASTER.to_owned(), Address::new("secret", "database-password"))
}

/// The secret with the connection URL and its fields.
pub(super) fn url() -> Address {
    Address::new("secret", "database-url")
}

/// The outputs of the database that services use.
pub(super) struct Database {
    /// The secret with the connection URL under the key `url`.
    pub(super) url: Address,
    /// The DB instance.
    pub(super) instance: Address,
    /// The user that the containers connect as.
    pub(super) user: User,
    /// The secrets with the passwords of `database.users`, by user.
    pub(super) passwords: BTreeMap<String, Address>,
    /// Whether Amazon's certificate authorities for RDS, which stackctl adds to images, include those of the database's
    /// region.
    pub(super) is_signed_by_known: bool,
}

/// A user of the database.
pub(super) struct User {
    pub(super) name: String,
    /// The secret with its password.
    pub(super) password: Address,
}

impl User {
    /// Returns the version of the password, which changes with the password.
    pub(super) fn version(&self) -> Input {
        Input::output(&self.password, "version")
    }
}

/// Draws the parameter group, if the database accepts clients without TLS, and returns its name. Each major version has
/// a separate group, so that an upgrade switches to a new group and leaves the old one unchanged.
fn parameters(graph: &mut Graph, database: &spec::Database) -> Option<Input> {
    if database.tls_required {
        return None;
    }
    let postgres = database.version.split('.').next().unwrap_or_default().to_owned();
    let address = Address::new("db_parameter_group", format!("database-postgres{postgres}"));
    let group = graph.add(address, &db_parameter_group::Desired { postgres, force_tls: false });
    Some(Input::output(&group, "name"))
}

pub(super) fn draw(
    graph: &mut Graph,
    stack: &Stack,
    facts: &Facts,
    network: &Network,
    clients: &BTreeMap<String, Address>,
    bastion: Option<&Address>,
) -> Option<Database> {
    let database = stack.database.as_ref()?;
    let making = users::wanted(database, facts).then(|| users::security_group(graph, network));
    let loading = facts.load.as_ref().map(|_| load::security_group(graph, network));
    let guarded = Guarded { name: "database", description: "The database, reached from the services", port: PORT };
    let passing: Vec<&Address> = making.iter().chain(&loading).chain(bastion).collect();
    let groups = guards::draw(graph, network, &guarded, &clients.values().collect::<Vec<_>>(), &passing);
    let subnets = graph.add(
        Address::new("db_subnet_group", "database"),
        &db_subnet_group::Desired { subnets: network.private.clone() },
    );
    let password =
        graph.add(master().1, &secret::Desired { source: secret::Source::Generated { length: PASSWORD_LENGTH } });
    let parameter_group = parameters(graph, database);
    let instance = graph.add(
        Address::new("db_instance", "database"),
        &db_instance::Desired {
            version: database.version.clone(),
            class: database.class.clone(),
            storage: database.storage,
            multi_az: database.multi_az,
            backup_days: database.backup_days,
            protect: database.protect,
            vpc: network.vpc.clone(),
            subnet_group: Input::output(&subnets, "name"),
            parameter_group,
            security_groups: groups,
            username: MASTER.to_owned(),
            password: Input::output(&password, "arn"),
            password_version: Input::output(&password, "version"),
            database: DATABASE_NAME.to_owned(),
        },
    );
    let passwords = users::passwords(graph, database);
    let owner = database.first_owner().map(|owner| (owner.name.clone(), passwords[&owner.name].clone()));
    let master = Master { user: MASTER, password: password.clone(), instance: instance.clone() };
    let making = making.map(|group| users::draw(graph, stack, network, &group, &master, &database.users));
    if let (Some(load), Some(group)) = (&facts.load, loading) {
        load::draw(graph, stack, network, &group, &master, load, database);
    }
    let (name, password) = owner.unwrap_or((MASTER.to_owned(), password));
    let user = User { name, password };
    let url = graph.add(
        url(),
        &secret::Desired {
            source: secret::Source::DatabaseUrl {
                user: user.name.clone(),
                password: Input::output(&user.password, "arn"),
                host: Input::output(&instance, "host"),
                port: Input::output(&instance, "port"),
                database: DATABASE_NAME.to_owned(),
                renewed_with: {
                    let task = making.as_ref().map(|users| Input::output(&users.definition, "arn"));
                    std::iter::once(user.version()).chain(task).collect()
                },
            },
        },
    );
    // The URL stands for existing users: everything that connects depends on it. A failed run leaves the URL unchanged,
    // so the next deployment runs the task again.
    if let Some(making) = making {
        graph.run_before(&making.run, &url, secret::Field::Value);
    }
    Some(Database { url, instance, user, passwords, is_signed_by_known: authorities::sign_in(&stack.region) })
}
