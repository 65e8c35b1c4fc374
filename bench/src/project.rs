//! What is brought up: a stack of any number of services, which all run one small program.

use std::{fmt::Write, fs, path::Path};

use anyhow::Result;

/// How many services answer requests; a load balancer takes 100 rules and target groups on AWS. The others are workers.
pub(crate) const WITH_ROUTES: usize = 50;

/// Answers requests where it is given a port, and waits for its end elsewhere.
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

/// The name of the service with this number.
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

/// Lays out the project in `folder`.
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

/// One change to the first service.
pub(crate) fn change_one(folder: &Path) -> Result<()> {
    let file = folder.join("stack.yaml");
    Ok(fs::write(&file, fs::read_to_string(&file)?.replacen("memory: 512", "memory: 1024", 1))?)
}

/// Takes the change back.
pub(crate) fn change_back(folder: &Path, services: usize) -> Result<()> {
    Ok(fs::write(folder.join("stack.yaml"), stack(services))?)
}

/// One line of the program's.
pub(crate) fn change_program(folder: &Path) -> Result<()> {
    Ok(fs::write(folder.join("tiny/src/main.rs"), PROGRAM.replace("\"one\"", "\"another\""))?)
}
