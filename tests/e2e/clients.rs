//! Popular database and cache clients, each with exactly the variables of a container. The servers are real, with
//! certificates from the sandbox's authorities in place of Amazon's. The clients are in tests/clients.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    support::{repository, text},
    tiny::Tiny,
};

/// The clients that connect to the database. Those for Go run if Go is installed.
const OF_DATABASES: [&str; 10] = [
    "Knex",
    "SQLAlchemy",
    "SQLAlchemy with asyncpg",
    "SQLAlchemy with psycopg2",
    "Sequelize",
    "asyncpg",
    "node-postgres",
    "postgres.js",
    "psycopg",
    "psycopg2",
];

/// The clients that connect to the cache.
const OF_CACHES: [&str; 4] = ["Celery", "ioredis", "node-redis", "redis-py"];

/// The installed clients.
struct Clients {
    folder: PathBuf,
}

impl Clients {
    fn install() -> Self {
        let output = Command::new(repository().join("scripts/clients")).output().expect("it runs");
        assert!(output.status.success(), "{}", text(&output));
        let clients = Self { folder: String::from_utf8(output.stdout).expect("it is text").trim().into() };
        if !clients.has_go() {
            eprintln!("There is no Go on this machine: pgx, lib/pq and go-redis are not tried.");
        }
        clients
    }

    fn has_go(&self) -> bool {
        self.folder.join("clients").exists()
    }

    /// Returns `usual`, and also `of_go` if Go is installed.
    fn and(&self, usual: &[&'static str], of_go: &[&'static str]) -> Vec<&'static str> {
        let mut names = [usual, if self.has_go() { of_go } else { &[] }].concat();
        names.sort_unstable();
        names
    }

    /// Runs all clients with these variables and returns the outcome of each.
    fn connect(&self, variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        let sources = repository().join("tests/clients");
        let (mut python, mut node) = (Command::new(self.folder.join("env/bin/python")), Command::new("node"));
        python.arg(sources.join("clients.py"));
        // Node.js looks for packages next to the program, and then in NODE_PATH.
        node.arg(sources.join("clients.js")).env("NODE_PATH", self.folder.join("node_modules"));
        let go = self.has_go().then(|| Command::new(self.folder.join("clients")));
        let mut outcomes = BTreeMap::new();
        for mut command in [python, node].into_iter().chain(go) {
            for name in ["DATABASE_URL", "REDIS_URL", "SSL_CERT_FILE", "PGSSLMODE", "PGSSLROOTCERT", "PGPASSWORD"] {
                command.env_remove(name);
            }
            let output = command.envs(variables.iter().copied()).output().expect("it runs");
            assert!(output.status.success(), "{}", text(&output));
            let said = String::from_utf8(output.stdout).expect("it is text");
            outcomes.extend(said.lines().filter_map(|line| {
                let (name, outcome) = line.split_once(": ")?;
                Some((name.to_owned(), outcome.to_owned()))
            }));
        }
        outcomes
    }
}

fn names(outcomes: &BTreeMap<String, String>) -> Vec<&str> {
    outcomes.keys().map(String::as_str).collect()
}

fn all_connect(outcomes: &BTreeMap<String, String>, expected: &[&str]) {
    assert_eq!(names(outcomes), expected);
    assert!(outcomes.values().all(|outcome| outcome == "ok"), "{outcomes:#?}");
}

/// Asserts that each client refused the certificate and had no other error.
fn all_refuse(outcomes: &BTreeMap<String, String>, expected: &[&str]) {
    assert_eq!(names(outcomes), expected);
    let refused = |outcome: &String| outcome.to_lowercase().contains("certificate");
    assert!(outcomes.values().all(refused), "{outcomes:#?}");
}

/// Returns the file at `path` in the only image that the sandbox has unpacked.
fn in_the_image(sandbox: &Path, path: &str) -> String {
    let images = fs::read_dir(sandbox.join("images")).expect("a task runs").flatten();
    let mut found = images.map(|image| image.path().join(path.trim_start_matches('/'))).filter(|file| file.is_file());
    found.next().expect("the image has it").to_str().expect("it is text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_connects_with_the_container_variables() {
    let clients = Clients::install();
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("replicas: 2", "replicas: 1");
    world.edit("services:\n", "database: { protect: false }\ncache: {}\nservices:\n");
    let url = world.up();
    let get = async |name: &str| world.get(&format!("{url}/env/{name}")).await.1;
    let (database, cache) = (get("DATABASE_URL").await, get("REDIS_URL").await);
    let (mode, of_postgres_js) = (get("PGSSLMODE").await, get("PGSSL").await);
    let (of_libpq, of_node) = (get("PGSSLROOTCERT").await, get("NODE_EXTRA_CA_CERTS").await);
    assert!(database.starts_with("postgresql://postgres:") && database.ends_with(":5432/app"), "{database}");
    assert!(cache.starts_with("rediss://:") && cache.contains(":6379"), "{cache}");
    assert_eq!([mode.as_str(), &of_postgres_js], ["verify-full"; 2]);
    assert_eq!([of_libpq.as_str(), &of_node], ["/etc/stackctl/rds-ca.pem"; 2]);
    assert_eq!(world.plan(), Vec::<String>::new());

    let sandbox = world.project().parent().expect("it has one").join("sandbox");
    let authority = |name: &str| sandbox.join(name).to_str().expect("it is text").to_owned();
    let (known, public, rds) =
        (in_the_image(&sandbox, &of_libpq), authority("authority.pem"), authority("rds-authority.pem"));
    let to_database = |file: &str| {
        clients.connect(&[
            ("DATABASE_URL", &database),
            ("PGSSLMODE", &mode),
            ("PGSSL", &of_postgres_js),
            ("PGSSLROOTCERT", file),
            ("NODE_EXTRA_CA_CERTS", file),
        ])
    };
    let of_databases = clients.and(&OF_DATABASES, &["lib/pq", "pgx"]);
    all_connect(&to_database(&known), &of_databases);
    // The public authority is not trusted for databases: no trust store contains Amazon's authorities for RDS.
    all_refuse(&to_database(&public), &of_databases);

    let to_cache =
        |file: &str| clients.connect(&[("REDIS_URL", &cache), ("SSL_CERT_FILE", file), ("NODE_EXTRA_CA_CERTS", file)]);
    let of_caches = clients.and(&OF_CACHES, &["go-redis"]);
    all_connect(&to_cache(&public), &of_caches);
    all_refuse(&to_cache(&rds), &of_caches);
}
