//! Writes the measured project: a stack with any number of services, which all run one small program.

use std::{fmt::Write, fs, path::Path};

use anyhow::Result;

/// The number of services that answer requests: a load balancer has at most 100 rules and target groups on AWS. The
/// other services are workers.
pub(crate) const WITH_ROUTES: usize = 50;

/// A program that answers requests if it has a port, and waits until it is stopped if not.
const PROGRAM: &str = r#"use std::{io::{Read, Write}, net::TcpListener};

const SAYS: &str = "one";

fn main() {
    let Ok(port) = std::env::var("PORT") else {
        loop { std::thread::park() }
    };
    for mut stream in TcpListener::bind(format!("0.0.0.0:{port}")).unwrap().incoming().flatten() {
        let _ = stream.read(&mut [0; 4096]);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{SAYS}", SAYS.len());
    }
}
"#;

/// Returns the name of the service with this number.
pub(crate) fn service(number: usize) -> String {
    format!("s{number:03}")
}

fn stack(services: usize) -> String {
    let mut text = String::from(
        "name: bench\nregion: eu-west-1\ndatabase: { protect: false }\nload_balancer: { tls: off }\nservices:\n",
    );
    for number in 1..=services {
        let name = service(number);
        let routes =
            if number <= WITH_ROUTES { format!("port: 3000, routes: [\"/{name}/*\"], ") } else { String::new() };
        let _ = writeln!(text, "  {name}: {{ build: tiny, {routes}cpu: 256, memory: 512, stop_timeout: 2 }}");
    }
    text
}

/// Writes the project to `folder`.
pub(crate) fn lay_out(folder: &Path, services: usize) -> Result<()> {
    fs::create_dir_all(folder.join("tiny/src"))?;
    fs::write(folder.join("stack.yaml"), stack(services))?;
    fs::write(
        folder.join("tiny/Cargo.toml"),
        "[package]\nname = \"tiny\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[workspace]\n",
    )?;
    fs::write(folder.join("tiny/Cargo.lock"), "version = 4\n\n[[package]]\nname = \"tiny\"\nversion = \"1.0.0\"\n")?;
    Ok(fs::write(folder.join("tiny/src/main.rs"), PROGRAM)?)
}

/// Changes one key of the first service.
pub(crate) fn change_one(folder: &Path) -> Result<()> {
    let file = folder.join("stack.yaml");
    Ok(fs::write(&file, fs::read_to_string(&file)?.replacen("memory: 512", "memory: 1024", 1))?)
}

/// Reverts the change.
pub(crate) fn change_back(folder: &Path, services: usize) -> Result<()> {
    Ok(fs::write(folder.join("stack.yaml"), stack(services))?)
}

/// Changes one line of the program.
pub(crate) fn change_program(folder: &Path) -> Result<()> {
    Ok(fs::write(folder.join("tiny/src/main.rs"), PROGRAM.replace("\"one\"", "\"another\""))?)
}
