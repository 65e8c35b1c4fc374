//! `build: { dockerfile: … }`: a service whose image Docker builds from a static program alone, so that no base image
//! has to be pulled.
//!
//! If the machine has a Docker engine or can start one (`dockerd`, as root), that engine builds. Otherwise a script
//! stands in for the `docker` command. It makes the same kind of archive from the same two instructions, so that
//! stackctl's part is tested everywhere. CI sets `STACKCTL_TEST_DOCKER=required`, which requires an engine.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    docker_engine::Engine,
    support::{World, text},
    sweep,
};

/// A server in one file, compiled by `rustc` alone.
pub const SERVER: &str = r#"
use std::io::{Read, Write};
fn main() {
    let port: u16 = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(3000);
    let listener = std::net::TcpListener::bind(("0.0.0.0", port)).expect("a port");
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        std::thread::spawn(move || {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nWORD");
        });
    }
}
"#;

const STACK: &str = "name: boxed\nregion: eu-west-1\nnetwork: { nat: none }\nload_balancer: { tls: off }\n\
    services:\n  web:\n    build: { dockerfile: box/Dockerfile, target: served, args: { PROGRAM: server } }\n    port: 3000\n    health: /\n";

/// A Dockerfile that builds only with the stage and the build argument from stack.yaml.
const DOCKERFILE: &str = "FROM scratch AS served\nLABEL org.opencontainers.image.version=\"1.2.0\"\nARG PROGRAM=nowhere\n\
    COPY ${PROGRAM} /server\nUSER 10001\nENTRYPOINT [\"/server\"]\nFROM scratch AS last\nCOPY nowhere /\n";

/// A stand-in for `docker`: it makes an image of one layer with the file `server` of the context.
const STAND_IN: &str = r#"#!/bin/sh
set -eu
case $1 in
  version) echo 0 ;;
  build)
    for context; do :; done
    work=$(mktemp -d)
    tar --create --file "$work/layer.tar" --directory "$context" --mtime @0 --owner 0 --group 0 --sort name server
    sum=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
    cat > "$work/config.json" << END
{"architecture":"amd64","os":"linux","config":{"User":"10001","Entrypoint":["/server"],
"Labels":{"org.opencontainers.image.version":"1.2.0"}},"rootfs":{"type":"layers","diff_ids":["sha256:$sum"]}}
END
    echo '[{"Config":"config.json","RepoTags":null,"Layers":["layer.tar"]}]' > "$work/manifest.json"
    echo "$work" > "$5" ;;
  save) tar --create --file "$3" --directory "$4" config.json layer.tar manifest.json; rm -r "$4" ;;
esac
"#;

/// The builder: an existing engine, one started by the test, or the stand-in.
struct Docker {
    // Dropped before the folder, which the engine writes to until it ends. `None` for the stand-in.
    engine: Option<Engine>,
    folder: TempDir,
}

impl Docker {
    fn get() -> Self {
        let folder = tempfile::Builder::new().prefix("stackctl-docker").tempdir().expect("a temporary folder");
        let engine = Engine::get(folder.path());
        if engine.is_none() {
            let required = std::env::var("STACKCTL_TEST_DOCKER").is_ok_and(|value| value == "required");
            assert!(!required, "there is no Docker engine, and none can be started");
            eprintln!("There is no Docker engine: a script stands in for it.");
            let command = folder.path().join("docker");
            fs::write(&command, STAND_IN).expect("it can be written");
            fs::set_permissions(command, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        Self { engine, folder }
    }

    fn run(&self, world: &World, arguments: &[&str]) -> Output {
        let mut command = world.command(arguments);
        if self.engine.is_none() {
            let path = std::env::var("PATH").expect("there is one");
            command.env("PATH", format!("{}:{path}", self.folder.path().display()));
        }
        let host = self.engine.iter().filter_map(|engine| engine.host.as_ref());
        command.envs(host.map(|host| ("DOCKER_HOST", host)));
        world.started(&mut command).wait_with_output().expect("the binary runs")
    }

    fn must(&self, world: &World, arguments: &[&str]) -> String {
        let output = self.run(world, arguments);
        assert!(output.status.success(), "stackctl {}: {}", arguments.join(" "), text(&output));
        text(&output)
    }
}

/// Compiles a server that answers `word`, of four letters, into `folder`.
fn server(folder: &Path, word: &str) {
    let source = folder.join("server.rs");
    fs::write(&source, SERVER.replace("WORD", word)).expect("it can be written");
    let mut command = Command::new("rustc");
    command.args(["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-C", "strip=symbols"]);
    command.args(["--target", "x86_64-unknown-linux-gnu", "-o"]).arg(folder.join("server")).arg(&source);
    let output = command.env_remove("RUSTFLAGS").output().expect("rustc is there");
    assert!(output.status.success(), "{}", text(&output));
}

fn lay_out(world: &World) -> PathBuf {
    let folder = world.project().join("box");
    fs::create_dir(&folder).expect("a folder");
    fs::write(world.project().join("stack.yaml"), STACK).expect("it can be written");
    fs::write(folder.join("Dockerfile"), DOCKERFILE).expect("it can be written");
    fs::write(folder.join(".dockerignore"), "*\n!server\n").expect("it can be written");
    folder
}

fn version(world: &World) -> Value {
    world.status()["services"][0]["version"].clone()
}

/// Asserts that a deployment without a container engine changes nothing and says what is missing.
async fn without_engine(world: &World) {
    world.forget_calls().await;
    let mut command = world.command(&["deploy"]);
    let empty = tempfile::tempdir().expect("a temporary folder");
    let output = world.started(command.env("PATH", empty.path())).wait_with_output().expect("the binary runs");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot run docker") && said.contains("docs.docker.com"), "{said}");
    assert!(world.calls().await.iter().all(|call| call["mutating"] == false), "nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_from_a_dockerfile_is_not_released_twice() {
    let docker = Docker::get();
    let world = World::start();
    let folder = lay_out(&world);
    server(&folder, "good");
    docker.must(&world, &["up", "--yes"]);
    let status = world.status();
    let url = status["url"].as_str().expect("it has one").trim_end_matches('/').to_owned();
    assert_eq!(world.get(&format!("{url}/")).await, (200, "good".to_owned()));
    assert_eq!(version(&world), "1.2.0+1", "the label's version");

    let again = docker.must(&world, &["deploy"]);
    assert!(again.contains("No changes"), "{again}");
    assert_eq!(version(&world), "1.2.0+1");

    server(&folder, "best");
    let deployed = docker.must(&world, &["deploy"]);
    assert!(deployed.contains("pushed 1.2.0-2"), "{deployed}");
    assert_eq!(world.get(&format!("{url}/")).await, (200, "best".to_owned()));
    assert_eq!(version(&world), "1.2.0+2");

    fs::write(folder.join("Dockerfile"), "FROM scratch AS served\nCOPY nowhere /\n").expect("it can be written");
    if docker.engine.is_some() {
        let failed = docker.run(&world, &["deploy"]);
        let said = text(&failed);
        assert_eq!(failed.status.code(), Some(1), "{said}");
        assert!(said.contains("docker build") && said.contains("nowhere") && said.contains("fix the error"), "{said}");
    }
    assert_eq!(world.get(&format!("{url}/")).await, (200, "best".to_owned()));
    without_engine(&world).await;
    docker.must(&world, &["destroy", "--confirm", "boxed/default", "--unprotect"]);
    let left = sweep::everything(&world).await;
    assert!(left.is_empty(), "{left:#?}");
}
