//! Checks the documentation against the program: examples, links, permissions, exit codes, keys.

#[path = "iam/mod.rs"]
mod iam;
#[path = "docs/policy.rs"]
mod policy;
#[path = "docs/prose.rs"]
mod prose;
#[path = "docs/voice.rs"]
mod voice;

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde::Deserialize;
use serde_json::Value;
use stackctl::{
    blueprint, exit,
    kind::AnyKind,
    kinds,
    model::{Address, Evidence, Failure, HealthCheck, Subject, TaskEnd},
    spec,
};

/// A stack with a resource of every kind.
const WHOLE: &str = "
name: demo
region: eu-west-1
database: { users: { app: owner }, tls: optional }
cache: {}
load_balancer: { tls: acm, domain: shop.example.com }
bastion: { users: { ada: { ssh_key: \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\" } }, allow: [192.0.2.1/32] }
buckets: { uploads: {} }
volumes: { files: {} }
services: { web: { build: app, port: 80, exec: true, spot: true, buckets: [uploads], volumes: { files: /data }, scale: { min: 1, max: 2, cpu: 60 }, release: [migrate], secrets: { KEY: generate }, calls: [api] }, api: { build: app, expose: [5672] } }
jobs: { report: { service: web, command: [report], schedule: rate(1 day) } }
alarms: { email: ops@example.com }
";

#[test]
fn whole_stack_covers_every_kind() {
    let stack = spec::parse("stack.yaml", WHOLE, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
    let graph = blueprint::sketch_of_all(&stack).expect("it can be drawn");
    let drawn: BTreeSet<&str> = graph.nodes().map(|node| node.address.kind()).collect();
    let kinds = kinds::registry();
    let registered: BTreeSet<&str> = kinds.iter().map(AnyKind::name).collect();
    assert_eq!(drawn, registered, "WHOLE has a resource of every kind");
}

/// Returns the table of all kinds, as it must be in docs/reference/resources.md.
fn table_of_kinds() -> String {
    let mut table = "| kind | what it is | price | AWS |\n| --- | --- | --- | --- |\n".to_owned();
    for kind in kinds::registry().iter() {
        let doc = kind.doc();
        let price =
            kind.free().map_or_else(|| format!("`{}`", kind.prices().join("`, `")), |why| format!("none: {why}"));
        writeln!(table, "| `{}` | {} | {price} | [page]({}) |", kind.name(), doc.summary, doc.page)
            .expect("a text takes all");
    }
    table
}

#[test]
fn resources_page_lists_every_kind() {
    let path = repository().join("docs/reference/resources.md");
    let (begin, end) = ("<!-- kinds: begin -->\n", "<!-- kinds: end -->");
    let page = read(&path);
    let (before, rest) = page.split_once(begin).expect("the page has the mark where the table begins");
    let (table, after) = rest.split_once(end).expect("the page has the mark where the table ends");
    let now = format!("\n{}\n", table_of_kinds());
    if std::env::var_os("STACKCTL_GENERATE").is_some() {
        fs::write(&path, format!("{before}{begin}{now}{end}{after}")).expect("it can be written");
    } else {
        assert_eq!(table, now, "docs/reference/resources.md is out of date: run `make generate`");
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the files below `folder` with this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder can be read to its end").path());
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns all pages of the documentation: those at the repository's root, below `docs/`, and in the sandbox.
fn pages() -> Vec<PathBuf> {
    let root = fs::read_dir(repository()).expect("the repository can be read");
    let mut pages: Vec<PathBuf> = root
        .map(|entry| entry.expect("a folder can be read to its end").path())
        .filter(|path| path.extension().is_some_and(|own| own == "md"))
        .collect();
    pages.extend(files(&repository().join("docs"), "md"));
    pages.push(repository().join("sandbox/README.md"));
    pages
}

/// Returns the fenced code blocks of `page` that start with exactly `fence`.
fn blocks(page: &str, fence: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match &mut open {
            Some(block) if line == "```" => {
                found.push(std::mem::take(block));
                open = None;
            }
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line == fence => open = Some(String::new()),
            None => {}
        }
    }
    found
}

fn validate(yaml: &str, args: &[&str]) -> Output {
    stackctl(&[&["validate"], args].concat(), yaml)
}

/// Runs stackctl on this stack.yaml, without AWS.
fn stackctl(args: &[&str], yaml: &str) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("it can be written");
    };
    write("stack.yaml", yaml);
    // The files that the examples name must exist.
    ["Cargo.toml", "deploy/nginx.conf", "deploy/prepare.sh", "site/index.html"].iter().for_each(|path| write(path, ""));
    let mut command = Command::new(env!("CARGO_BIN_EXE_stackctl"));
    // The reference uses a variable that every user has.
    command.args(args).current_dir(folder.path()).env("USER", "ada");
    command.output().expect("the binary runs")
}

#[test]
fn every_stack_yaml_of_the_documentation_is_valid() {
    for page in ["README.md", "docs/reference/stack-yaml.md"] {
        let examples = blocks(&read(page), "```yaml stack.yaml");
        assert!(!examples.is_empty(), "{page} has no example");
        for example in examples {
            let output = validate(&example, &[]);
            assert!(output.status.success(), "{page}:\n{example}\n{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// Returns the keys that the decoder knows in a section. It lists them itself when it finds an unknown key.
fn keys(yaml: &str) -> Vec<String> {
    let output = validate(yaml, &["--output", "json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).expect("one document");
    let hints = answer["problems"].as_array().into_iter().flatten().filter_map(|problem| problem["hint"].as_str());
    let lists: Vec<&str> = hints.filter_map(|hint| hint.strip_prefix("use one of these keys: ")).collect();
    let [list] = lists.as_slice() else { panic!("{yaml}\n{answer:#}") };
    list.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_reference_has_every_key_that_the_decoder_knows() {
    let page = read("docs/reference/stack-yaml.md");
    let top = "name: demo\nregion: eu-west-1\n";
    let services = "services: { web: { build: app, port: 80 } }\n";
    let sections = [
        ("Top level", format!("{top}{services}qqqqqqqqqqqq: 1\n")),
        ("network", format!("{top}{services}network: {{ qqqqqqqqqqqq: 1 }}\n")),
        ("database", format!("{top}{services}database: {{ qqqqqqqqqqqq: 1 }}\n")),
        ("cache", format!("{top}{services}cache: {{ qqqqqqqqqqqq: 1 }}\n")),
        ("load_balancer", format!("{top}{services}load_balancer: {{ qqqqqqqqqqqq: 1 }}\n")),
        (
            "jobs",
            format!(
                "{top}{services}jobs: {{ report: {{ service: web, command: [x], schedule: rate(1 day), qqqqqqqqqqqq: 1 }} }}\n"
            ),
        ),
        ("buckets", format!("{top}{services}buckets: {{ uploads: {{ qqqqqqqqqqqq: 1 }} }}\n")),
        ("alarms", format!("{top}{services}alarms: {{ email: ops@example.com, qqqqqqqqqqqq: 1 }}\n")),
        ("services", format!("{top}services: {{ web: {{ build: app, port: 80, qqqqqqqqqqqq: 1 }} }}\n")),
        (
            "services",
            format!("{top}services: {{ web: {{ build: app, secrets: {{ A: {{ from: x, qqqqqqqqqqqq: 1 }} }} }} }}\n"),
        ),
        (
            "services",
            format!("{top}services: {{ web: {{ build: app, scale: {{ max: 2, cpu: 60, qqqqqqqqqqqq: 1 }} }} }}\n"),
        ),
    ];
    for (heading, yaml) in sections {
        let start = page.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("there is no section {heading}"));
        let section = page[start + 1..].split("\n## ").next().expect("a split has a first part");
        for key in keys(&yaml) {
            assert!(section.contains(&format!("\n| `{key}` |")), "{heading}: {key} is missing");
        }
    }
}

/// Returns the monthly total of `stackctl cost` for this stack.yaml, in US dollars with cents.
fn month(yaml: &str) -> String {
    let output = stackctl(&["cost", "--output", "json"], yaml);
    let estimate: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!(estimate["unknown"], serde_json::json!([]), "{estimate:#}");
    stackctl::cost::dollars(estimate["month"].as_f64().expect("it is a number"))
}

#[test]
fn costs_page_matches_the_command() {
    let page = read("docs/concepts/costs.md");
    let examples = blocks(&page, "```yaml stack.yaml");
    let [small, shop] = examples.as_slice() else { panic!("{} examples", examples.len()) };
    assert!(page.contains(&format!("| **together** | **{}** |", month(small))), "{}", month(small));
    let in_ireland = small.replace("us-east-1", "eu-west-1");
    assert!(page.contains(&format!("in eu-west-1: {}.", month(&in_ireland))), "{}", month(&in_ireland));
    let bare = small.replace("database: {}\n", "");
    assert!(page.contains(&format!("Without the database, {}.", month(&bare))), "{}", month(&bare));
    let worker = bare.replace(", port: 3000, health: /status", "");
    assert!(page.contains(&format!("alone {}.", month(&worker))), "{}", month(&worker));
    assert!(page.contains(&format!("counts** | **{}** |", month(shop))), "{}", month(shop));

    let demo = read("stack.yaml");
    let in_virginia = demo.replace("region: eu-west-1", "region: us-east-1");
    assert!(page.contains(&format!("| **together** | **{}** |", month(&in_virginia))), "{}", month(&in_virginia));
    assert!(page.contains(&format!("is written: {}.", month(&demo))), "{}", month(&demo));

    let prices = stackctl::cost::built_in().expect("it is well formed");
    for (region, of_region) in &prices.regions {
        for (part, price) in of_region {
            let cents = format!("{price:.2}");
            let is_there = page.contains(&price.to_string()) || page.contains(&cents);
            assert!(is_there, "{region}: {part}: {price} is not on the page");
        }
    }
}

/// Returns the links of `page` outside code blocks.
fn links(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        if !in_code {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            found.extend(targets.map(|(target, _)| target.to_owned()));
        }
    }
    found
}

/// Returns the heading anchors of `page`, as GitHub generates them.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_relative_link_has_a_target() {
    let mut dead = Vec::new();
    for page in pages() {
        let text = read(&page);
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { page.clone() } else { page.with_file_name("").join(path) };
            let reached = target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !reached {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let stackctl = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_stackctl")).args(args).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it is text")
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pages = folder.path().join("man1");
    stackctl(&["man", pages.to_str().expect("it is text")]);
    let help = stackctl(&["--help"]);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   ")).collect();
    let names = commands.iter().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let names: Vec<&str> = names.collect();
    assert!(names.contains(&"deploy") && names.contains(&"man"), "{help}");
    for name in names {
        let page = read(pages.join(format!("stackctl-{name}.1")));
        assert_eq!(page.contains("Examples:"), stackctl(&[name, "--help"]).contains("Examples:"), "{name}");
    }
}

#[test]
fn pages_list_every_exit_code_and_policy() {
    let page = read("docs/reference/exit-codes.md");
    let codes = [exit::DONE, exit::FAILED, exit::CHANGES, exit::USAGE, exit::LOCKED, exit::ROLLED_BACK];
    for code in codes.into_iter().chain([exit::HUNG_UP, exit::INTERRUPTED, exit::TERMINATED]) {
        assert!(page.contains(&format!("\n| {code} | ")), "exit code {code} is missing");
    }
    let page = read("docs/reference/permissions.md");
    let help = String::from_utf8(stackctl(&["policy", "--help"], WHOLE).stdout).expect("it is text");
    for commands in ["plan", "deploy", "destroy", "exec", "all"] {
        assert!(help.contains(&format!("- {commands}:")), "{help}");
        assert!(page.contains(&format!("`{commands}`")), "`policy --for {commands}` is missing");
    }
}

#[test]
fn documented_failure_has_the_real_format() {
    let page = read("docs/reference/output.md");
    let (_, section) = page.split_once("\n## A failure\n").expect("the page has a section of failures");
    let example = blocks(section, "```json").remove(0);
    let written: Value = serde_json::from_str(&example).expect("the example is JSON");
    let failure = Failure::deserialize(&written).expect("the example is a failure");
    // The example has all keys and no others, including derived ones such as `details`.
    assert_eq!(serde_json::to_value(&failure).expect("a failure is plain data"), written);
}

#[test]
fn documentation_lists_every_subject_and_evidence() {
    let page = read("docs/reference/output.md");
    let (_, section) = page.split_once("\n## A failure\n").expect("the page has a section of failures");
    let (name, lines) = (String::new(), Vec::new);
    let subjects = [
        Subject::Address(Address::new("service", "web")),
        Subject::Flag(name.clone()),
        Subject::Command(name.clone()),
        Subject::Key(name.clone()),
        Subject::File(name.clone()),
        Subject::Program(name.clone()),
        Subject::Activity(name.clone()),
    ];
    let check = HealthCheck { path: name.clone(), port: 80, expects: name.clone(), interval_seconds: 5, failures: 3 };
    let evidence = [
        Evidence::ServiceEvents { lines: lines() },
        Evidence::StoppedTask { task: name.clone(), end: TaskEnd::default() },
        Evidence::Log { task: name, lines: lines(), unreadable: None },
        Evidence::HealthCheck(check),
        Evidence::Output { lines: lines() },
        Evidence::Findings { lines: lines() },
        Evidence::Answer { service: String::new(), endpoint: String::new(), status: 302, line: None },
    ];
    let word = |value: Value, key: &str| value[key].as_str().expect("it has a word").to_owned();
    let plain = "they are plain data";
    let subjects = subjects.iter().map(|subject| word(serde_json::to_value(subject).expect(plain), "type"));
    let evidence = evidence.iter().map(|evidence| word(serde_json::to_value(evidence).expect(plain), "what"));
    for word in subjects.chain(evidence) {
        assert!(section.contains(&format!("`{word}`")), "the page has no `{word}`");
    }
}
