//! A small program in place of the repository's application. It builds in a second and needs no database, so that
//! tests can release it many times.

use std::{fs, net::TcpListener, process::Command};

use crate::support::{World, text};

/// A stack without a database, which is up in seconds.
const STACK: &str = "name: tiny
region: eu-west-1
network: { nat: none }
load_balancer: { tls: off }
services:
  web:
    build: tiny
    port: 3000
    memory: 512
    replicas: 2
    health: /status
    release: [prepare]
    stop_timeout: 2
";

const PROGRAM: &str = r#"//! Answers every request with one word, `/env/NAME` with that environment variable, `/call/API` with what the service at
//! `API_URL` says, and `/file/PATH` with what is in that file.
use std::{io::{Read, Write}, net::{TcpListener, TcpStream}};

const SAYS: &str = "one";
const GATE: u16 = 0;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("prepare") => return println!("prepared"),
        Some("write") => return std::fs::write(&words[1], &words[2]).unwrap_or_else(|error| panic!("{error}")),
        Some("read") => return println!("read {}", std::fs::read_to_string(&words[1]).unwrap_or_else(|error| error.to_string())),
        Some("call") => return println!("{}", call(&words[1]).unwrap_or_else(|error| panic!("{error}"))),
        Some("wrapped") => {
            println!("started with {}", words.join(" "));
            while words.get(1).map(String::as_str) == Some("work") {
                std::thread::sleep(std::time::Duration::from_secs(1));
            }
            return;
        }
        _ => {}
    }
    if GATE != 0 {
        // It opens by going away.
        let _ = TcpStream::connect(("127.0.0.1", GATE)).and_then(|mut gate| gate.read(&mut [0]));
    }
    println!("{{\"level\":\"info\",\"message\":\"serving\",\"says\":\"{SAYS}\"}}");
    let listener = TcpListener::bind(format!("0.0.0.0:{}", std::env::var("PORT").unwrap())).unwrap();
    for mut stream in listener.incoming().flatten() {
        let status = if SAYS == "broken" { "500 Broken" } else { "200 OK" };
        let mut request = [0; 4096];
        let length = stream.read(&mut request).unwrap_or(0);
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        let path = request.split(' ').nth(1).unwrap_or("/");
        let variable = path.strip_prefix("/env/").map(|name| std::env::var(name).unwrap_or_default());
        let called = path.strip_prefix("/call/").map(call);
        let status = if matches!(called, Some(Err(_))) { "502 Bad Gateway" } else { status };
        let called = called.map(|said| said.unwrap_or_else(|error| error.to_string()));
        let file = path.strip_prefix("/file").map(|file| std::fs::read_to_string(file).unwrap_or_else(|error| error.to_string()));
        let says = variable.as_deref().or(called.as_deref()).or(file.as_deref()).unwrap_or(SAYS);
        let length = says.len();
        let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{says}");
    }
}

/// What the service at `NAME_URL` says.
fn call(name: &str) -> std::io::Result<String> {
    let url = std::env::var(format!("{name}_URL")).unwrap_or_default();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://"))?;
    // In one piece: the other side reads once, and what it has not read resets the connection.
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    Ok(body.to_owned())
}
"#;

/// A gate that new tasks wait at: they connect, and get no response until this is dropped.
pub struct Gate(#[expect(dead_code, reason = "it is open once this is dropped")] TcpListener);

/// A world with this project in place of the repository's, in a git repository.
pub struct Tiny(pub World);

impl Tiny {
    pub fn start() -> Self {
        Self::on(World::start())
    }

    /// Sets up the project in this world.
    pub fn on(world: World) -> Self {
        let source = world.project().join("tiny/src");
        fs::create_dir_all(&source).expect("a folder");
        let manifest = "[package]\nname = \"tiny\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
        let lock = "version = 4\n\n[[package]]\nname = \"tiny\"\nversion = \"1.0.0\"\n";
        let files = [("stack.yaml", STACK), ("tiny/Cargo.toml", manifest), ("tiny/Cargo.lock", lock)];
        for (path, text) in files {
            fs::write(world.project().join(path), text).expect("it can be written");
        }
        fs::write(source.join("main.rs"), PROGRAM).expect("it can be written");
        let tiny = Self(world);
        tiny.git(&["init", "--quiet"]);
        tiny
    }

    pub fn git(&self, args: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=ada", "-c", "user.email=ada@example.com"]).args(args).current_dir(self.0.project());
        let output = git.output().expect("git runs");
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).expect("it is text").trim().to_owned()
    }

    /// Commits all files and returns the commit.
    pub fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "another one"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Changes the word that the program says.
    pub fn say(&self, word: &str) {
        self.write(&PROGRAM.replace("\"one\"", &format!("{word:?}")));
    }

    /// Changes the word that the program says, and another part of it.
    pub fn say_with(&self, word: &str, from: &str, to: &str) {
        assert!(PROGRAM.contains(from), "the program has no {from:?}");
        self.write(&PROGRAM.replace(from, to).replace("\"one\"", &format!("{word:?}")));
    }

    /// Changes the word that the program says, and makes its tasks wait at the gate before they serve.
    pub fn say_behind_a_gate(&self, word: &str) -> Gate {
        let gate = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = gate.local_addr().expect("it is bound").port();
        let closed = PROGRAM.replace("GATE: u16 = 0", &format!("GATE: u16 = {port}"));
        self.write(&closed.replace("\"one\"", &format!("{word:?}")));
        Gate(gate)
    }

    fn write(&self, source: &str) {
        fs::write(self.0.project().join("tiny/src/main.rs"), source).expect("it can be written");
    }

    /// Runs stackctl, asserts its exit code, and returns all output.
    pub fn ends_with(&self, code: i32, args: &[&str]) -> String {
        self.0.ends_with(code, args)
    }
}
