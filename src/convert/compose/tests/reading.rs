//! Compose's rules for reading.

use super::project::Project;
use crate::convert::ledger::Fate;

#[test]
fn a_second_file_is_laid_over_the_first() {
    let converted = Project::empty()
        .with(
            "a.yaml",
            "services:\n  web:\n    image: web:1\n    command: run it\n    environment: [A=1, B=2]\n    ports: [\"8080:80\"]\n    volumes: [\"data:/data\", \"old:/x\"]\nvolumes: { data: {}, old: {} }\n",
        )
        .with(
            "b.yaml",
            "services:\n  web:\n    image: web:2\n    command: [other]\n    environment: { B: 3, C: 4 }\n    volumes: [\"new:/x\"]\n    ports: !reset []\n    expose: [3000]\nvolumes: { new: {} }\n",
        )
        .file("a.yaml")
        .file("b.yaml")
        .answer("services.web.port", "3000")
        .valid();
    converted.has("image: \"web:2\"");
    converted.has("command: [other]");
    converted.has("A: \"1\"");
    converted.has("B: \"3\"");
    converted.has("C: \"4\"");
    converted.has("port: 3000");
    converted.has("new: /x");
    converted.has_not("8080");
    assert!(converted.fate("services.web.command").1.contains("overrides this value"));
}

#[test]
fn a_service_extends_another_of_another_file() {
    let converted = Project::new(
        "services:\n  web:\n    extends: { file: base/common.yaml, service: base }\n    environment: { B: 2 }\n    ports: [3000]\n",
    )
    .with("base/common.yaml", "services:\n  base:\n    build: .\n    environment: { A: 1 }\n  other: { image: x }\n")
    .valid();
    converted.has("dockerfile: base/Dockerfile");
    converted.has("A: \"1\"");
    converted.has("B: \"2\"");
    assert_eq!(converted.fate("services.web.extends").0, Fate::Carried);
}

#[test]
fn included_files_keep_their_own_folder() {
    let converted =
        Project::new("include:\n  - path: [api/compose.yaml]\nservices:\n  web: { image: web, ports: [80] }\n")
            .with(
                "api/compose.yaml",
                "services:\n  api: { build: ., expose: [9000], volumes: [\"./conf/a.conf:/etc/a.conf\"] }\n",
            )
            .with("api/conf/a.conf", "x")
            .valid();
    converted.has("dockerfile: api/Dockerfile");
    converted.has("/etc/a.conf: api/conf/a.conf");
}

#[test]
fn variables_come_from_the_caller_and_the_env_file() {
    let compose = "services:\n  web:\n    image: web:${TAG:-1}\n    environment:\n      - MODE=${MODE}\n      - GIVEN\n      - NOBODY\n      - PRICE=$$5\n    ports: [\"80\"]\n";
    let converted = Project::new(compose).with(".env", "TAG=2\nMODE=a\nGIVEN=yes it is\n").caller("MODE", "b").valid();
    converted.has("image: \"web:2\"");
    converted.has("MODE: b");
    converted.has("GIVEN: \"yes it is\"");
    converted.has("PRICE: \"$5\"");
    converted.has_not("NOBODY:");
}

#[test]
fn what_nobody_has_set_is_asked_for() {
    let compose =
        "services:\n  web:\n    image: ${IMAGE:?which one}\n    environment: { MODE: \"${MODE}\" }\n    ports: [80]\n";
    let converted = Project::new(compose).valid();
    converted.has("image: \"${IMAGE}\"");
    assert!(converted.open().contains(&"variables.IMAGE"), "{:?}", converted.open());
    let answered = Project::new(compose).answer("variables.IMAGE", "web:3").answer("variables.MODE", "x").valid();
    answered.has("image: \"web:3\"");
    answered.has("MODE: x");
}

#[test]
fn services_of_a_profile_are_left_out_unless_asked_for() {
    let compose = "services:\n  web: { image: web, ports: [80] }\n  extra: { image: extra, profiles: [more] }\n";
    let without = Project::new(compose).valid();
    without.has_not("  extra:");
    assert!(without.fate("services.extra").1.contains("--profile"));
    Project::new(compose).profile("more").valid().has("  extra:");
}

#[test]
fn the_override_file_is_read_where_no_file_is_named() {
    let converted = Project::new("services:\n  web: { image: web:1, ports: [80] }\n")
        .with("compose.override.yaml", "services:\n  web: { environment: { A: 1 } }\n")
        .valid();
    converted.has("A: \"1\"");
}

#[test]
fn bad_input_is_told_at_its_place() {
    for (text, told) in [
        ("services: [a]\n", "compose.yaml:1:"),
        ("- a\n", "expected a mapping, found a list"),
        ("name: x\n", "the file contains no services"),
        ("services:\n  web: text\n", "compose.yaml:2:"),
        ("services:\n  web:\n    image: a\n    environment: 3\n", "compose.yaml:4:"),
        ("services:\n  web:\n    image: a$(b)\n", "`$` does not start a variable"),
        ("services:\n  web:\n    image: a\n    ports: 80\n", "expected a list"),
        ("services:\n  web:\n    extends: { service: web }\n", "`web` extends itself"),
        ("services:\n  web:\n    extends: { file: no.yaml, service: a }\n", "compose.yaml:3:"),
        ("include: [no.yaml]\nservices: {}\n", "compose.yaml:1:"),
        ("a: b: c\n", "compose.yaml:1:"),
    ] {
        let message = Project::new(text).converted().map(|converted| converted.page).expect_err(text);
        assert!(message.contains(told), "{text}: {message}");
    }
    let nothing = Project::empty().with("docker-compose.prod.yml", "services: {}\n").converted();
    let message = nothing.map(|converted| converted.page).expect_err("there is none");
    assert!(message.contains("docker-compose.prod.yml"), "{message}");
}
