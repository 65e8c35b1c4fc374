//! Checks app/Dockerfile: parses it like Docker, and runs its first half, which needs no base image.

use std::{fs, process::Command};

use super::{read, repository, said, shell_accepts};

/// All instructions. <https://docs.docker.com/reference/dockerfile/>
const INSTRUCTIONS: &[&str] = &[
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Returns the instructions of a Dockerfile with their arguments. Continued lines are joined.
fn instructions(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut whole = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        if let Some(begun) = line.strip_suffix('\\') {
            whole.push_str(begun);
            continue;
        }
        whole.push_str(line);
        if let Some((instruction, rest)) = whole.trim().split_once(' ') {
            found.push((instruction.to_owned(), rest.trim().to_owned()));
        }
        whole.clear();
    }
    assert!(whole.is_empty(), "the last line goes on");
    found
}

fn own() -> Vec<(String, String)> {
    instructions(&read(repository().join("app/Dockerfile")))
}

/// Returns the arguments of each instruction `name`.
fn of<'a>(name: &str, instructions: &'a [(String, String)]) -> Vec<&'a str> {
    instructions.iter().filter(|(own, _)| own == name).map(|(_, rest)| rest.as_str()).collect()
}

#[test]
fn every_instruction_and_every_script_of_the_image_is_valid() {
    let instructions = own();
    assert_eq!(instructions[0].0, "FROM");
    for (instruction, rest) in &instructions {
        assert!(INSTRUCTIONS.contains(&instruction.as_str()), "{instruction} {rest}");
    }
    for script in of("RUN", &instructions) {
        shell_accepts("sh", script);
    }
}

#[test]
fn image_is_small_static_and_unprivileged() {
    let instructions = own();
    let stages: Vec<usize> =
        instructions.iter().enumerate().filter(|(_, (name, _))| name == "FROM").map(|(at, _)| at).collect();
    let [_, last] = stages.as_slice() else { panic!("{stages:?}: two stages") };
    let image = &instructions[*last..];
    assert_eq!(image[0].1, "scratch", "nothing but what is copied in");
    assert!(of("RUN", image).is_empty(), "there is nothing that could run");
    assert!(of("COPY", image).iter().all(|rest| rest.starts_with("--from=build ")), "from the stage that builds");
    assert!(instructions[0].1.ends_with(" AS build"));
    assert_eq!(of("USER", image), ["10001:10001"], "the user of the images that stackctl makes itself");
    let config = read(repository().join("app/src/config.rs"));
    assert!(config.contains(&format!("or(\"PORT\", \"{}\")", of("EXPOSE", image)[0])), "the port that it listens on");
    assert_eq!(of("ENTRYPOINT", image), ["[\"/app/app\"]"]);
    let manifest = read(repository().join("Cargo.toml"));
    let version = manifest.split("\nversion = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("it has one");
    let label = format!("org.opencontainers.image.version=\"{version}\"");
    assert!(
        of("LABEL", image).iter().any(|rest| rest.contains(&label)),
        "the label says {version}, as Cargo.toml does"
    );
    let build: String = of("RUN", &instructions[..*last]).join("\n");
    assert!(build.contains("install -D target/x86_64-unknown-linux-gnu/release/app /image/app/app"), "{build}");
    assert!(of("ENV", &instructions).iter().any(|rest| rest.contains("+crt-static")));
    assert!(build.matches("cargo build").count() == build.matches("--locked").count(), "{build}");
}

#[test]
fn compiler_version_satisfies_the_workspace() {
    let manifest = read(repository().join("Cargo.toml"));
    let wanted =
        manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("it has one");
    let image = own()[0].1.clone();
    assert!(image.starts_with(&format!("rust:{wanted}-")), "{image} has to have Rust {wanted}");
}

/// Returns whether `.dockerignore`, which excludes everything by default, includes the path.
fn is_sent(path: &str) -> bool {
    let text = read(repository().join(".dockerignore"));
    let mut rules = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert_eq!(rules.next(), Some("*"));
    let kept: Vec<&str> = rules.map(|rule| rule.strip_prefix('!').expect("what is kept")).collect();
    assert!(kept.iter().all(|kept| repository().join(kept).exists()), "{kept:?}");
    kept.iter().any(|kept| path == *kept || path.starts_with(&format!("{kept}/")))
}

/// Copies into an empty folder what the first COPY lines copy, runs the first RUN up to its `cargo build`, and lets
/// Cargo read the workspace offline. It fails where Docker's build would: if a workspace member is missing or
/// Cargo.lock would change.
#[test]
fn dependency_layer_is_a_valid_cargo_workspace() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let instructions = own();
    let until = instructions.iter().position(|(name, _)| name == "RUN").expect("there is one");
    for rest in of("COPY", &instructions[..until]) {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (to, from) = words.split_last().expect("there are words");
        for source in from {
            assert!(is_sent(source), ".dockerignore leaves {source} out");
            let target = folder.path().join(to);
            fs::create_dir_all(&target).expect("a folder");
            let name = source.rsplit('/').next().expect("a split has a last part");
            fs::copy(repository().join(source), target.join(name)).unwrap_or_else(|error| panic!("{source}: {error}"));
        }
    }
    let (prepare, build) = instructions[until].1.split_once("&& cargo build").expect("it builds");
    let prepared = Command::new("sh").args(["-e", "-c", prepare]).current_dir(folder.path()).output().expect("it runs");
    assert!(prepared.status.success(), "{}", said(&prepared));
    assert!(build.contains("--package app") && build.contains("--target x86_64-unknown-linux-gnu"), "{build}");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut metadata = Command::new(cargo);
    metadata.args(["metadata", "--format-version", "1", "--locked", "--offline", "--no-deps"]);
    let read = metadata.current_dir(folder.path()).output().expect("cargo runs");
    assert!(read.status.success(), "{}", said(&read));
    let found = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(found.contains("\"app\"") && found.contains("/app/src/main.rs"), "{found}");
    assert!(is_sent("app/src/main.rs") && is_sent("app/migrations") && !is_sent("src") && !is_sent("target"));
}
