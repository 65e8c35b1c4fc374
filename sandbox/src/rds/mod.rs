//! Databases: a real Postgres server per DB instance, at its own address on the usual port.

mod parameters;
mod postgres;
mod template;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use tokio::{
    sync::{Mutex, OnceCell},
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    api::{Answer, Call},
    authority::Authorities,
    children::own,
    moto::Moto,
    place::Place,
    servers::Servers,
};

pub(crate) use postgres::Postgres;

use parameters::Parameters;

/// Postgres' port.
const PORT: u16 = 5432;

/// AWS's usual time for a database to become available, in seconds.
const CREATES: f64 = 300.0;

/// What a restart is to its clients: all connections end.
const RESTART: &str = "SELECT pg_reload_conf(); SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
                       AND backend_type = 'client backend'";

/// How long the end of everything waits for an initdb that has begun.
const INITDB: Duration = Duration::from_secs(30);

pub(crate) struct Rds {
    dir: PathBuf,
    place: Arc<Place>,
    moto: Arc<Moto>,
    postgres: Postgres,
    authorities: Arc<Authorities>,
    template: OnceCell<PathBuf>,
    servers: Servers,
    parameters: Mutex<Parameters>,
}

impl Rds {
    pub(crate) fn new(place: Arc<Place>, moto: Arc<Moto>, postgres: Postgres, authorities: Arc<Authorities>) -> Self {
        Self {
            dir: place.dir.join("rds"),
            place,
            moto,
            postgres,
            authorities,
            template: OnceCell::new(),
            // The processes of its connections have their own sessions. Only the server knows them; on SIGQUIT, it
            // ends them too.
            servers: Servers::ended_by(Signal::SIGQUIT),
            parameters: Mutex::default(),
        }
    }

    /// Creates the empty cluster that every database is copied from, before the first database is created.
    pub(crate) fn prepare(self: &Arc<Self>) {
        let rds = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = rds.template().await {
                tracing::error!("{error:#}");
            }
        });
    }

    async fn template(&self) -> Result<&PathBuf> {
        self.template
            .get_or_try_init(|| async {
                fs::create_dir_all(&self.dir)?;
                own(&self.dir)?;
                template::of(&self.postgres, &self.dir).await
            })
            .await
    }

    /// Carries out a call that moto has accepted.
    pub(crate) async fn after(self: &Arc<Self>, call: &Call, answer: &Answer) {
        if answer.error.is_some() {
            return;
        }
        let params = call.params();
        match call.operation.as_str() {
            "ModifyDBParameterGroup" => {
                let changed = self.parameters.lock().await.change(&params);
                if let Some((databases, is_open)) = changed {
                    for name in databases {
                        self.admit(&name, is_open, "SELECT pg_reload_conf()").await;
                    }
                }
            }
            "DeleteDBParameterGroup" => {
                self.parameters.lock().await.forget(params.get("DBParameterGroupName").map_or("", String::as_str));
            }
            _ => {}
        }
        let Some(name) = params.get("DBInstanceIdentifier").cloned() else { return };
        if let Some(group) = params.get("DBParameterGroupName") {
            self.parameters.lock().await.give(&name, group);
        }
        match call.operation.as_str() {
            "CreateDBInstance" => {
                let get = |key: &str| params.get(key).cloned().unwrap_or_default();
                let database = Database {
                    name: name.clone(),
                    user: get("MasterUsername"),
                    password: get("MasterUserPassword"),
                    first: get("DBName"),
                    is_open: self.parameters.lock().await.start(&name),
                };
                let rds = Arc::clone(self);
                let making = async move {
                    if let Err(error) = rds.create(&database).await {
                        tracing::error!(database = database.name, "{error:#}");
                        let failed = serde_json::json!({ "status": "failed" });
                        drop(rds.moto.put(&format!("/databases/{}", database.name), &failed).await);
                    }
                };
                self.servers.make(name, making).await;
            }
            "ModifyDBInstance" => {
                if let Some(password) = params.get("MasterUserPassword") {
                    let user = self.user(&name);
                    let sql = format!("ALTER ROLE {} PASSWORD {}", identifier(&user), literal(password));
                    if let Err(error) = self.postgres.sql(&self.dir.join(&name), &sql).await {
                        tracing::error!(database = name, "{error:#}");
                    }
                }
            }
            "RebootDBInstance" => {
                let is_open = self.parameters.lock().await.start(&name);
                self.admit(&name, is_open, RESTART).await;
            }
            "DeleteDBInstance" => {
                self.servers.remove(&name).await;
                self.parameters.lock().await.end(&name);
                drop(fs::remove_dir_all(self.dir.join(&name)));
            }
            _ => {}
        }
    }

    /// Lets clients without TLS into the database called `name`, or keeps them out; `sql` has it read that.
    async fn admit(&self, name: &str, is_open: bool, sql: &str) {
        let home = self.dir.join(name);
        let read = async {
            template::admit(&home, is_open)?;
            self.postgres.sql(&home, sql).await
        };
        if let Err(error) = read.await {
            tracing::error!(database = name, "{error:#}");
        }
    }

    fn user(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name).join("master")).unwrap_or_default()
    }

    async fn create(&self, database: &Database) -> Result<()> {
        let ready = Instant::now() + self.place.settings.provision(CREATES);
        let address = self.place.loopback.address_of_server(&format!("the database {}", database.name))?;
        let template = self.template().await?;
        let home = self.dir.join(&database.name);
        template::copy(template, &home).await?;
        // Endpoints on AWS have names. For an address, node-postgres verifies the certificate against `localhost`.
        let issued = self.authorities.rds.issue_for(&address.to_string(), &["localhost"])?;
        template::complete(&home, &issued)?;
        template::admit(&home, database.is_open)?;
        fs::write(home.join("master"), &database.user)?;
        let mut command = self.postgres.command("postgres");
        command.arg("-D").arg(&home).arg("-k").arg(&home);
        let settings = [
            format!("listen_addresses={address}"),
            format!("port={PORT}"),
            "ssl=on".to_owned(),
            "fsync=off".to_owned(),
            "full_page_writes=off".to_owned(),
            "synchronous_commit=off".to_owned(),
            "max_connections=80".to_owned(),
            "shared_buffers=32MB".to_owned(),
            // Segments in the cluster's folder: a killed server would leave segments in /dev/shm behind forever.
            "dynamic_shared_memory_type=mmap".to_owned(),
        ];
        for setting in &settings {
            command.arg("-c").arg(setting);
        }
        let log = fs::File::create(self.dir.join(format!("{}.log", database.name)))?;
        let child =
            command.stdout(log.try_clone()?).stderr(log).process_group(0).spawn().context("cannot start postgres")?;
        self.servers.add(&database.name, child).await;
        let (user, password, name) =
            (identifier(&database.user), literal(&database.password), identifier(&database.first));
        let deadline = Instant::now() + Duration::from_mins(1);
        // The master user of RDS has most rights but is not a superuser.
        let role = format!("CREATE ROLE {user} LOGIN CREATEDB CREATEROLE PASSWORD {password};");
        while let Err(error) = self.postgres.sql(&home, "SELECT 1").await {
            if Instant::now() > deadline {
                return Err(error.context("postgres does not answer"));
            }
            sleep(Duration::from_millis(100)).await;
        }
        self.postgres.sql(&home, &role).await?;
        if !database.first.is_empty() {
            self.postgres.sql(&home, &format!("CREATE DATABASE {name} OWNER {user};")).await?;
        }
        sleep_until(ready).await;
        let truth = serde_json::json!({ "status": "available", "address": address, "port": PORT });
        self.moto.put(&format!("/databases/{}", database.name), &truth).await
    }

    pub(crate) async fn shutdown(&self) {
        self.servers.stop_making().await;
        // An initdb whose folder is deleted leaves segments in /dev/shm behind forever, so it may finish first.
        drop(timeout(INITDB, self.template()).await);
        self.servers.end_all().await;
    }
}

/// The request for a database.
struct Database {
    name: String,
    user: String,
    password: String,
    /// The name of the initial database; empty for none.
    first: String,
    /// Whether it takes clients without TLS.
    is_open: bool,
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
