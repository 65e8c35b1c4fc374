//! A Redis for one test, with or without TLS, removed on drop.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{PASSWORD, free_port, until};

/// A Redis that runs until it is stopped or dropped.
pub struct Redis {
    dir: TempDir,
    port: u16,
    tls: bool,
    server: Option<Child>,
}

impl Redis {
    /// Returns a Redis that is not started; its URL is already known.
    pub fn prepare() -> Self {
        let dir = tempfile::tempdir().expect("there is room for a temporary folder");
        Self { dir, port: free_port(), tls: false, server: None }
    }

    /// Starts a Redis like ElastiCache's: only TLS, here with a certificate from a new authority, and a password.
    pub async fn start_with_tls() -> Self {
        let mut redis = Self::prepare();
        redis.tls = true;
        let mut authority = CertificateParams::new(Vec::new()).expect("no names are good names");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().expect("there is randomness");
        let authority_certificate = authority.self_signed(&authority_key).expect("the key fits");
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().expect("there is randomness");
        let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("it is an address");
        let certificate = names.signed_by(&key, &issuer).expect("the key fits");
        for (file, text) in [
            ("ca.pem", authority_certificate.pem()),
            ("server.pem", certificate.pem()),
            ("server.key", key.serialize_pem()),
        ] {
            fs::write(redis.file(file), text).expect("the folder can be written");
        }
        redis.run().await;
        redis
    }

    /// Starts the server and waits until it accepts connections.
    pub async fn run(&mut self) {
        let port = self.port.to_string();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", program(), "--bind", "127.0.0.1", "--save", ""]);
        command.arg("--dir").arg(self.dir.path());
        if self.tls {
            command.args(["--port", "0", "--tls-auth-clients", "no", "--tls-port", &port, "--requirepass", PASSWORD]);
            command.arg("--tls-cert-file").arg(self.file("server.pem"));
            command.arg("--tls-key-file").arg(self.file("server.key"));
            command.arg("--tls-ca-cert-file").arg(self.file("ca.pem"));
        } else {
            command.args(["--port", &port]);
        }
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("setpriv is installed");
        let server = self.server.insert(server);
        let port = self.port;
        until("Redis answers", async || {
            let ended = server.try_wait().expect("it is our child");
            assert!(ended.is_none(), "Redis ended: {ended:?}");
            TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
    }

    /// Stops the server; its data is lost.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("it runs until now");
            server.wait().expect("it is our child");
        }
    }

    /// Returns the URL for the program.
    pub fn url(&self) -> String {
        let (scheme, password) = if self.tls { ("rediss", format!(":{PASSWORD}@")) } else { ("redis", String::new()) };
        format!("{scheme}://{password}127.0.0.1:{}", self.port)
    }

    /// Returns the path of the certificate of the authority that signed the server's certificate.
    pub fn authority(&self) -> String {
        self.file("ca.pem").to_string_lossy().into_owned()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns Valkey if it is installed, as in ElastiCache, or Redis. The test fails if the machine has neither.
fn program() -> &'static str {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let installed = |program: &&str| places.iter().any(|place| place.join(program).is_file());
    ["valkey-server", "redis-server"].into_iter().find(installed).expect("Redis is installed; `make setup` does it")
}
