//! Caches: a real Valkey server (or Redis) per replication group, each at its own address on the usual port, with TLS
//! and a password if the call asks for them.

use std::{
    collections::BTreeMap,
    fs,
    net::IpAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::AbortHandle,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    api::{Answer, ApiError, Call},
    authority::Authorities,
    children::{self, own},
    moto::Moto,
    place::Place,
    servers::Servers,
};

/// Valkey's port.
const PORT: u16 = 6379;

/// The ports of a server behind a port that accepts clients with and without TLS.
const PLAIN: u16 = 16379;
const TLS: u16 = 16380;

/// The first byte of a TLS connection: a handshake record. No Redis request begins with it.
/// <https://www.rfc-editor.org/rfc/rfc8446#section-5.1>
const HANDSHAKE: u8 = 22;

/// AWS's usual time for a cache to become available, in seconds.
const CREATES: f64 = 360.0;

/// How long a server may take until its first response.
const ANSWERS: Duration = Duration::from_mins(1);

/// Commands that ElastiCache does not allow.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/RestrictedCommands.html>
const WITHHELD: [&str; 11] = [
    "bgrewriteaof",
    "bgsave",
    "config",
    "debug",
    "migrate",
    "psync",
    "replicaof",
    "save",
    "shutdown",
    "slaveof",
    "sync",
];

/// The caches.
pub(crate) struct Caches {
    dir: PathBuf,
    place: Arc<Place>,
    moto: Arc<Moto>,
    authorities: Arc<Authorities>,
    servers: Servers,
    /// The tasks that accept clients with and without TLS, by cache.
    doors: Mutex<BTreeMap<String, AbortHandle>>,
}

/// The request for a cache.
struct Wanted {
    name: String,
    encryption: Encryption,
    /// The password; empty for none.
    token: String,
}

/// Which clients a cache accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encryption {
    None,
    /// Clients with and without TLS.
    Preferred,
    Required,
}

impl Caches {
    pub(crate) fn new(place: Arc<Place>, moto: Arc<Moto>, authorities: Arc<Authorities>) -> Self {
        Self {
            dir: place.dir.join("caches"),
            place,
            moto,
            authorities,
            // A cache has nothing to save on shutdown.
            servers: Servers::ended_by(Signal::SIGTERM),
            doors: Mutex::default(),
        }
    }

    /// Refuses a cache if no server is installed. A sandbox without caches needs none.
    pub(crate) fn check(call: &Call) -> Result<(), ApiError> {
        if call.operation == "CreateReplicationGroup" && server().is_none() {
            return Err(ApiError::client(
                "InsufficientCacheClusterCapacity",
                "neither Valkey nor Redis is installed, and the sandbox runs a real one for each cache: \
                 sudo apt-get install redis-server",
            ));
        }
        Ok(())
    }

    /// Carries out a call that moto has accepted.
    pub(crate) async fn after(self: &Arc<Self>, call: &Call, answer: &Answer) {
        if answer.error.is_some() {
            return;
        }
        let params = call.params();
        let Some(name) = params.get("ReplicationGroupId").cloned() else { return };
        match call.operation.as_str() {
            "CreateReplicationGroup" => {
                let wanted = Wanted {
                    name: name.clone(),
                    encryption: match params.get("TransitEncryptionMode").map(String::as_str) {
                        _ if params.get("TransitEncryptionEnabled").is_none_or(|value| value != "true") => {
                            Encryption::None
                        }
                        Some("preferred") => Encryption::Preferred,
                        _ => Encryption::Required,
                    },
                    token: params.get("AuthToken").cloned().unwrap_or_default(),
                };
                let caches = Arc::clone(self);
                let making = async move {
                    if let Err(error) = caches.create(&wanted).await {
                        tracing::error!(cache = wanted.name, "{error:#}");
                        let failed = serde_json::json!({ "status": "create-failed" });
                        drop(caches.moto.put(&format!("/caches/{}", wanted.name), &failed).await);
                    }
                };
                self.servers.make(name, making).await;
            }
            "DeleteReplicationGroup" => {
                self.servers.remove(&name).await;
                self.close(&name).await;
                drop(fs::remove_dir_all(self.dir.join(&name)));
            }
            _ => {}
        }
    }

    async fn create(&self, wanted: &Wanted) -> Result<()> {
        let ready = Instant::now() + self.place.settings.provision(CREATES);
        let address = self.place.loopback.address_of_server(&format!("the cache {}", wanted.name))?;
        let home = self.dir.join(&wanted.name);
        self.furnish(&home, wanted, address)?;
        let log = fs::File::create(self.dir.join(format!("{}.log", wanted.name)))?;
        let server = server().context("neither valkey-server nor redis-server is on the path")?;
        let mut command = children::command(&server);
        command.arg(home.join("server.conf")).arg("-");
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let mut child = command.spawn().context("cannot start the cache's server")?;
        if let Some(mut stdin) = child.stdin.take() {
            // The password goes through standard input: others could read an argument or a file.
            let password =
                if wanted.token.is_empty() { String::new() } else { format!("requirepass \"{}\"\n", wanted.token) };
            stdin.write_all(password.as_bytes()).await?;
        }
        self.servers.add(&wanted.name, child).await;
        if wanted.encryption == Encryption::Preferred {
            let listener = TcpListener::bind((address, PORT)).await.context("the cache's port is taken")?;
            let serving = tokio::spawn(serve_both(listener, address)).abort_handle();
            self.doors.lock().await.insert(wanted.name.clone(), serving);
        }
        let deadline = Instant::now() + ANSWERS;
        while let Err(error) = TcpStream::connect((address, wanted.encryption.port())).await {
            if !self.servers.runs(&wanted.name).await? || Instant::now() > deadline {
                return Err(error).context("the cache's server does not answer; its log says why");
            }
            sleep(Duration::from_millis(50)).await;
        }
        sleep_until(ready).await;
        let truth = serde_json::json!({ "status": "available", "address": address, "port": PORT });
        self.moto.put(&format!("/caches/{}", wanted.name), &truth).await
    }

    /// Writes the certificate and the configuration of the server, without the password.
    fn furnish(&self, home: &Path, wanted: &Wanted, address: IpAddr) -> Result<()> {
        fs::create_dir_all(home)?;
        let issued = self.authorities.public.issue(&address.to_string())?;
        fs::write(home.join("server.crt"), issued.certificate)?;
        fs::write(home.join("server.key"), issued.key)?;
        fs::set_permissions(home.join("server.key"), fs::Permissions::from_mode(0o600))?;
        let at = home.display();
        let (plain, tls) = match wanted.encryption {
            Encryption::None => (PORT, 0),
            Encryption::Preferred => (PLAIN, TLS),
            Encryption::Required => (0, PORT),
        };
        let certificate = if tls == 0 {
            String::new()
        } else {
            format!("tls-cert-file {at}/server.crt\ntls-key-file {at}/server.key\ntls-auth-clients no\n")
        };
        let listen = format!("port {plain}\ntls-port {tls}\n{certificate}");
        let withheld: String = WITHHELD.iter().map(|command| format!("rename-command {command} \"\"\n")).collect();
        let text = format!(
            "bind {address}\n{listen}dir {at}\nsave \"\"\nappendonly no\nset-proc-title no\nmaxmemory 64mb\n\
             maxmemory-policy volatile-lru\nprotected-mode no\n{withheld}"
        );
        fs::write(home.join("server.conf"), text)?;
        for path in [home.to_path_buf(), home.join("server.crt"), home.join("server.key"), home.join("server.conf")] {
            own(&path)?;
        }
        Ok(())
    }

    /// Closes the shared port of clients with and without TLS.
    async fn close(&self, name: &str) {
        if let Some(serving) = self.doors.lock().await.remove(name) {
            serving.abort();
        }
    }

    pub(crate) async fn shutdown(&self) {
        self.servers.stop_making().await;
        self.doors.lock().await.values().for_each(AbortHandle::abort);
        self.servers.end_all().await;
    }
}

impl Encryption {
    /// The port that the server itself listens on.
    fn port(self) -> u16 {
        if self == Self::Preferred { PLAIN } else { PORT }
    }
}

/// Forwards clients with and without TLS to the right port of the server. A cache of ElastiCache has one port for
/// both.
async fn serve_both(listener: TcpListener, address: IpAddr) {
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut first = [0];
            if client.peek(&mut first).await.unwrap_or_default() == 0 {
                return;
            }
            let port = if first[0] == HANDSHAKE { TLS } else { PLAIN };
            if let Ok(mut server) = TcpStream::connect((address, port)).await {
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            }
        });
    }
}

/// Returns the server program of this machine; Valkey is preferred.
fn server() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    let named = |name: &str| places.iter().map(|place| place.join(name)).find(|path| path.is_file());
    ["valkey-server", "redis-server"].into_iter().find_map(named)
}
