//! Builds and pushes the same program with `docker build` and `docker push`, if a Docker engine is available: a running
//! one, or a new one with all its data in a temporary folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{baseline, engine::Engine, images::Image, region::Region};

/// The certificate authorities of Debian, which an image of a program must contain.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A Dockerfile for an image like that of stackctl: only the program and the certificate authorities.
const DOCKERFILE: &str = "FROM scratch\nCOPY authorities /etc/ssl/certs/ca-certificates.crt\nCOPY app /app/app\n\
    USER 10001:10001\nENTRYPOINT [\"/app/app\"]\n";

/// An engine, and a repository in the sandbox's registry to push to.
pub(crate) struct Docker {
    // The engine is dropped before the folder, which it writes to until it ends.
    engine: Engine,
    folder: TempDir,
    repository: String,
    builds: usize,
}

impl Docker {
    /// Returns a running engine, or starts one. Returns `None` if neither is possible.
    pub(crate) async fn start(region: &Region) -> Result<Option<Self>> {
        let folder = tempfile::Builder::new().prefix("stackctl-bench-docker").tempdir()?;
        let Some(engine) = Engine::get(folder.path()) else { return Ok(None) };
        let mut docker = Self { engine, folder, repository: String::new(), builds: 0 };
        let ecr = aws_sdk_ecr::Client::new(&baseline::config(&region.endpoint).await);
        let made = ecr.create_repository().repository_name("docker").send().await?;
        let uri = made.repository.and_then(|made| made.repository_uri).context("a repository has a URI")?;
        let token = ecr.get_authorization_token().send().await?;
        let token = token.authorization_data().first().and_then(|data| data.authorization_token());
        let auth = serde_json::json!({ "auth": token.context("a registry gives a token")? });
        let registry = uri.split('/').next().unwrap_or_default();
        fs::write(docker.path("config.json"), serde_json::json!({ "auths": { registry: auth } }).to_string())?;
        fs::create_dir(docker.path("context"))?;
        fs::write(docker.path("context/Dockerfile"), DOCKERFILE)?;
        fs::copy(AUTHORITIES, docker.path("context/authorities")).context(AUTHORITIES)?;
        docker.repository = uri;
        Ok(Some(docker))
    }

    /// Builds and pushes an image with this program.
    pub(crate) async fn measure(&mut self, what: &'static str, program: &Path, region: &Region) -> Result<Image> {
        fs::copy(program, self.path("context/app")).with_context(|| program.display().to_string())?;
        self.builds += 1;
        let tag = format!("{}:{}", self.repository, self.builds);
        region.forget_calls().await?;
        let began = Instant::now();
        for args in [["build", "--quiet", "--tag", &tag, "."].as_slice(), &["push", "--quiet", &tag]] {
            let done = self.run(args)?;
            ensure!(done.status.success(), "docker {}: {}", args[0], String::from_utf8_lossy(&done.stderr));
        }
        let took = began.elapsed();
        Ok(Image::pushed(what, took, &region.calls().await?))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.env("DOCKER_CONFIG", self.folder.path()).stdin(Stdio::null());
        command.envs(self.engine.host.iter().map(|host| ("DOCKER_HOST", host)));
        command
    }

    fn run(&self, args: &[&str]) -> Result<Output> {
        self.command().args(args).current_dir(self.path("context")).output().context("docker")
    }
}
