//! Tests `arch`, `files` and `env_file`: what a service uses in addition to its source.

use std::{collections::BTreeMap, path::Path};

use super::*;

/// A project folder with these files.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        std::fs::write(path, text).expect("it can be written");
    }
    folder
}

fn read_in(folder: &Path, text: &str, environment: &str) -> Result<Stack, Vec<String>> {
    let variables = |name: &str| (name == "LEVEL").then(|| "debug".to_owned());
    let around = Surroundings { variables: &variables, folder: Some(folder) };
    parse_in(&around, "stack.yaml", text, environment).map_err(|found| {
        found.list().iter().map(|one| format!("{}:{} {}", one.line, one.column, one.message)).collect()
    })
}

fn env(stack: &Stack, service: &str) -> BTreeMap<String, String> {
    let env = &stack.services[service].env;
    env.iter().map(|(name, value)| (name.clone(), value.as_text().expect("it is plain"))).collect()
}

#[test]
fn env_files_are_added_to_the_environment() {
    let folder = project(&[
        ("web.env", "A=file\nB=file\nC=\"${LEVEL}\"\nSHARED=one\nTOKEN=file\n"),
        ("deploy/more.env", "SHARED=two\n"),
        ("staging.env", "A=staging\n"),
    ]);
    let text = format!(
        "{ONE_SERVICE}    env_file: [web.env, ./deploy/more.env]\n    env: {{ A: own }}\n    secrets: {{ TOKEN: generate }}\n\
         environments: {{ staging: {{ services: {{ web: {{ env_file: staging.env, env: null }} }} }} }}\n"
    );
    let stack = read_in(folder.path(), &text, DEFAULT_ENVIRONMENT).expect("it is valid");
    let expected = [("A", "own"), ("B", "file"), ("C", "debug"), ("SHARED", "two")];
    assert_eq!(env(&stack, "web"), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let staging = read_in(folder.path(), &text, "staging").expect("it is valid");
    assert_eq!(env(&staging, "web"), BTreeMap::from([("A".to_owned(), "staging".to_owned())]));
}

#[test]
fn unreadable_env_files_are_reported_with_a_position() {
    let folder = project(&[("bad.env", "A=1\nB\n"), ("secret.env", "URL=((database.url))\n")]);
    let wrong = |file: &str| {
        let text = format!("{ONE_SERVICE}    env_file: {file}\ndatabase: {{}}\n");
        read_in(folder.path(), &text, DEFAULT_ENVIRONMENT).expect_err("it is wrong")
    };
    assert_eq!(wrong("none.env"), ["7:15 none.env not found"]);
    assert_eq!(wrong("bad.env"), ["7:15 bad.env:2: missing `=` in `B`"]);
    assert_eq!(wrong("../x.env"), ["7:15 the path `../x.env` is not inside the folder of stack.yaml"]);
    let secret = wrong("secret.env");
    assert!(secret[0].starts_with("7:15 URL contains a secret"), "{secret:?}");
}

#[test]
fn files_are_decoded_with_their_mode() {
    let folder = project(&[("deploy/nginx.conf", "server {}"), ("deploy/start.sh", "#!/bin/sh")]);
    let text = format!(
        "{ONE_SERVICE}    files:\n      /etc/nginx/conf.d/default.conf: deploy/nginx.conf\n      \
         /start.sh: {{ from: deploy/start.sh, mode: 0755 }}\n      /opt: deploy\n"
    );
    let stack = read_in(folder.path(), &text, DEFAULT_ENVIRONMENT).expect("it is valid");
    let files = &stack.services["web"].files;
    assert_eq!(files["/start.sh"], FileFrom { path: "deploy/start.sh".into(), mode: Some(0o755) });
    assert_eq!(files["/opt"], FileFrom { path: "deploy".into(), mode: None });
    assert_eq!(files.len(), 3);
}

#[test]
fn jobs_can_have_files_and_env_files() {
    let folder = project(&[("job.env", "A=file\nB=file\n"), ("report.sql", "SELECT 1")]);
    let read = |job: &str| {
        let jobs = format!("jobs: {{ report: {{ {job}, command: [report], schedule: rate(1 day) }} }}\n");
        read_in(folder.path(), &format!("{ONE_SERVICE}{jobs}"), DEFAULT_ENVIRONMENT)
    };
    let variables = |env: &BTreeMap<String, Template>| {
        env.iter().map(|(name, value)| format!("{name}={}", value.as_text().expect("it is plain"))).collect::<Vec<_>>()
    };
    let own = "image: psql, env_file: job.env, env: { A: own }, files: { /srv/report.sql: report.sql }";
    let stack = read(own).expect("it is valid");
    let own = stack.program("report").expect("it has its own image");
    assert_eq!(variables(&own.env), ["A=own", "B=file"]);
    assert_eq!(own.files["/srv/report.sql"], FileFrom { path: "report.sql".into(), mode: None });
    assert_eq!(own.repository("demo", "report").as_deref(), Some("psql-with-files-of-report"));
    let stack = read("service: web, env_file: [job.env]").expect("it is valid");
    let Runs::Service { env, .. } = &stack.jobs["report"].runs else { panic!("it runs the service") };
    assert_eq!(variables(env), ["A=file", "B=file"]);
    assert!(stack.jobs["report"].has_definition(), "its environment is not that of the service");

    assert_eq!(read("service: web, env_file: no.env").expect_err("it is wrong"), ["7:43 no.env not found"]);
    assert_eq!(read("image: psql, files: { /srv/a.sql: a.sql }").expect_err("it is wrong"), ["7:53 a.sql not found"]);
    let refused = read("service: web, files: { /srv/report.sql: report.sql }").expect_err("it is wrong");
    assert_eq!(refused, ["7:40 `files` is not allowed in a job with `service`"]);
}

#[test]
fn invalid_files_are_reported_with_a_position() {
    let folder = project(&[("a.conf", "a")]);
    let wrong = |files: &str| {
        let text = format!("{ONE_SERVICE}    files: {files}\n");
        read_in(folder.path(), &text, DEFAULT_ENVIRONMENT).expect_err("it is wrong")
    };
    assert_eq!(wrong("{ /etc/a.conf: b.conf }"), ["7:27 b.conf not found"]);
    assert_eq!(
        wrong("{ /etc/a.conf: ../a.conf }"),
        ["7:27 the path `../a.conf` is not inside the folder of stack.yaml"]
    );
    assert_eq!(wrong("{ etc/a.conf: a.conf }"), ["7:14 `etc/a.conf` is not an absolute path"]);
    assert_eq!(
        wrong("{ /proc/a: a.conf }"),
        ["7:14 `/proc/a` is below /dev, /proc or /sys, which the kernel provides"]
    );
    assert_eq!(wrong("{ /a: { from: a.conf, mode: rw } }"), ["7:40 invalid mode `rw`"]);
    assert_eq!(wrong("{ /a: { from: a.conf, mode: 4755 } }"), ["7:40 invalid mode `4755`"]);
}

#[test]
fn arch_can_be_arm64() {
    let arch = |arch: &str| read(&format!("{ONE_SERVICE}{arch}")).map(|stack| stack.services["web"].arch);
    assert_eq!(arch("").expect("it is valid"), Arch::Amd64);
    assert_eq!(arch("    arch: arm64\n").expect("it is valid"), Arch::Arm64);
    let found = problems(&format!("{ONE_SERVICE}    platform: linux/arm64\n"));
    assert_eq!(found, ["7:5 unknown key `platform` [use `arch`: amd64 or arm64, such as `arch: arm64`]"]);
}

#[test]
fn each_arch_and_set_of_files_has_its_repository() {
    let text = "name: demo\nregion: eu-west-1\nservices:\n  aa: { build: app }\n  bb: { build: app, arch: arm64 }\n  \
                cc: { build: app, files: { /x: x } }\n  dd: { build: app, files: { /x: x } }\n  \
                ee: { image: \"nginx:1.27\", files: { /x: x } }\n  ff: { image: \"nginx:1.27\" }\n";
    let stack = read(text).expect("it is valid");
    let name = |service: &str, first: &str| stack.services[service].repository("demo", first);
    assert_eq!(name("aa", "aa").as_deref(), Some("app"));
    assert_eq!(name("bb", "bb").as_deref(), Some("app-arm64"));
    assert_eq!(name("dd", "cc").as_deref(), Some("app-with-files-of-cc"));
    assert_eq!(name("ee", "ee").as_deref(), Some("nginx-with-files-of-ee"));
    assert_eq!(name("ff", "ff"), None);
}

#[test]
fn build_rejects_a_folder_without_a_cargo_package() {
    let folder = project(&[("api/Dockerfile", "FROM scratch"), ("app/Cargo.toml", ""), ("site/index.html", "")]);
    let with = |build: &str| ONE_SERVICE.replace("build: app", &format!("build: {build}"));
    let around = Surroundings { variables: &none, folder: Some(folder.path()) };
    let of = |build: &str| parse_in(&around, "stack.yaml", &with(build), DEFAULT_ENVIRONMENT);
    assert!(of("app").is_ok() && of("later").is_ok());
    let found = of("./api").expect_err("it is no package");
    let [problem] = found.list() else { panic!("{found:?}") };
    assert_eq!((problem.line, problem.column, problem.message.as_str()), (5, 12, "Cargo.toml not found in ./api"));
    assert!(problem.hint.as_deref().is_some_and(|hint| hint.contains("dockerfile: ./api/Dockerfile")), "{problem:?}");
    assert!(of("site").is_err());
}

#[test]
fn read_only_is_decoded_and_excludes_exec() {
    let said = |more: &str| read(&format!("{ONE_SERVICE}{more}")).map(|stack| stack.services["web"].read_only);
    assert_eq!(said("").expect("it is valid"), None);
    assert_eq!(said("    read_only: true\n").expect("it is valid"), Some(true));
    let found = problems(&format!("{ONE_SERVICE}    exec: true\n    read_only: true\n"));
    assert!(found[0].contains("`read_only` cannot be used with `exec`"), "{found:?}");
}
