//! The files for pipeline roles: the script that creates them, tested with a fake AWS CLI.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

use serde_json::Value;

use super::{Project, read, said};

/// A fake `aws` that stores its input in a folder and finds only what it stored.
const AWS: &str = r#"#!/bin/sh
cd "$ACCOUNT_FOLDER"
service=$1 operation=$2
shift 2
echo "$service $operation" >> calls
case "$service $operation" in
  'sts get-caller-identity') echo 123456789012 ;;
  'iam get-open-id-connect-provider') [ -e provider ] ;;
  'iam create-open-id-connect-provider') [ ! -e provider ] && echo "$@" > provider ;;
  'iam get-role') [ -e "$2-trust" ] ;;
  'iam create-role') [ ! -e "$2-trust" ] && cat "$OLDPWD/${4#file://}" > "$2-trust" ;;
  'iam update-assume-role-policy') [ -e "$2-trust" ] && cat "$OLDPWD/${4#file://}" > "$2-trust" ;;
  'iam put-role-policy') [ -e "$2-trust" ] && cat "$OLDPWD/${6#file://}" > "$2-policy" ;;
  'iam delete-role-policy') rm "$2-policy" ;;
  'iam get-policy') [ -e "policy-${2##*/}" ] ;;
  'iam create-policy') [ ! -e "policy-$2" ] && cat "$OLDPWD/${4#file://}" > "policy-$2" ;;
  'iam list-policy-versions') cat "versions-${2##*/}" 2>/dev/null || true ;;
  'iam delete-policy-version') [ "$4" = v1 ] && rm "versions-${2##*/}" ;;
  'iam create-policy-version')
    [ ! -e "versions-${2##*/}" ] && [ "$5" = --set-as-default ] && echo v1 > "versions-${2##*/}" && cat "$OLDPWD/${4#file://}" > "policy-${2##*/}" ;;
  'iam attach-role-policy') [ -e "policy-${4##*/}" ] && : > "attached-${4##*/}" ;;
  'iam detach-role-policy') rm "attached-${4##*/}" ;;
  'iam delete-policy') [ ! -e "attached-${2##*/}" ] && [ ! -e "versions-${2##*/}" ] && rm "policy-${2##*/}" ;;
  *) echo "there is no $service $operation" >&2; exit 2 ;;
esac
"#;

/// Installs the fake `aws` next to the project.
fn with_account(project: &Project, aws: &str) {
    project.write("bin/aws", aws);
    fs::set_permissions(project.path("bin/aws"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    fs::create_dir(project.path("account")).expect("a folder");
}

/// Runs the script that creates the roles.
fn create_roles(project: &Project) -> Output {
    let path = format!("{}:{}", project.path("bin").display(), std::env::var("PATH").expect("there is one"));
    let mut command = Command::new(project.path("ci/create-roles.sh"));
    command.env("PATH", &path).env("ACCOUNT_FOLDER", project.path("account")).current_dir("/");
    command.output().expect("it is executable")
}

/// Returns a stack whose policy is too long for an inline policy of a role.
fn large() -> String {
    let domain = format!("shop.{}.example.com", "a".repeat(47));
    format!(
        "name: a-name-of-20-letters
region: ap-southeast-1
network: {{ nat: per-zone }}
database: {{ users: {{ app: owner }} }}
cache: {{}}
buckets: {{ uploads: {{}} }}
load_balancer: {{ tls: acm, domain: {domain} }}
bastion: {{ users: {{ ada: {{ ssh_key: \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\" }} }}, allow: [192.0.2.1/32] }}
services:
  web: {{ build: ., port: 3000, scale: {{ min: 1, max: 2, cpu: 60 }}, release: [migrate], exec: true, secrets: {{ KEY: generate }}, buckets: [uploads] }}
jobs: {{ report: {{ service: web, command: [report], schedule: rate(1 day) }} }}
alarms: {{ email: ops@example.com }}
"
    )
}

/// Returns the account's files with this prefix, without the prefix.
fn with_prefix(project: &Project, prefix: &str) -> Vec<String> {
    let names = fs::read_dir(project.path("account")).expect("a folder").flatten().map(|entry| entry.file_name());
    let names = names.filter_map(|name| name.to_string_lossy().strip_prefix(prefix).map(str::to_owned));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_policy_too_long_for_a_role_becomes_managed_policies() {
    let project = Project::new();
    let arguments = ["--ci", "github", "--repository", "ada/shop", "--with-up"];
    let small = read(project.path("stack.yaml")).replace("name: shop\n", "name: a-name-of-20-letters\n");
    let role = "stackctl-ci-a-name-of-20-letters-deploy";
    with_account(&project, AWS);
    // From an inline policy to managed ones and back, then both again over the existing roles.
    for (stack, is_long) in [(&small, false), (&large(), true), (&large(), true), (&large(), true), (&small, false)] {
        project.write("stack.yaml", stack);
        project.pipeline(&arguments, "ci/create-roles.sh");
        let output = create_roles(&project);
        assert!(output.status.success(), "{}\n{}", said(&output), read(project.path("account/calls")));
        let expected: Vec<String> =
            if is_long { (1..=2).map(|number| format!("{role}-{number}")).collect() } else { Vec::new() };
        assert_eq!(with_prefix(&project, "policy-"), expected);
        assert_eq!(with_prefix(&project, "attached-"), expected);
        assert_eq!(project.path(&format!("account/{role}-policy")).exists(), !is_long, "the inline policy");
        for name in &expected {
            let number = name.rsplit('-').next().expect("it has parts");
            let kept = read(project.path(&format!("account/policy-{name}")));
            assert_eq!(kept, read(project.path(&format!("ci/deploy-policy-{number}.json"))));
            let length = kept.chars().filter(|c| !c.is_whitespace()).count();
            assert!(length <= 6144, "{name} has {length} characters");
        }
    }
}

#[test]
fn script_creates_two_roles_and_can_run_again() {
    let project = Project::new();
    project.pipeline(&["--ci", "github", "--repository", "ada/shop"], "ci/create-roles.sh");
    with_account(&project, AWS);
    for round in ["first", "second"] {
        let output = create_roles(&project);
        assert!(output.status.success(), "{round}: {}", said(&output));
        assert!(said(&output).contains("made the role stackctl-ci-shop-deploy"), "{round}: {}", said(&output));
    }
    let kept = |name: &str| read(project.path("account").join(name));
    assert!(
        kept("provider")
            .contains("--url https://token.actions.githubusercontent.com --client-id-list sts.amazonaws.com")
    );
    for role in ["plan", "deploy"] {
        for part in ["trust", "policy"] {
            let kept: Value =
                serde_json::from_str(&kept(&format!("stackctl-ci-shop-{role}-{part}"))).expect("it is JSON");
            let written = read(project.path(&format!("ci/{role}-{part}.json")));
            assert_eq!(kept, serde_json::from_str::<Value>(&written).expect("it is JSON"), "{role} {part}");
        }
    }
    let calls = kept("calls");
    let count = |operation: &str| calls.lines().filter(|line| line.ends_with(operation)).count();
    assert_eq!((count("create-role"), count("update-assume-role-policy")), (2, 2), "{calls}");
    assert_eq!(count("create-open-id-connect-provider"), 1, "{calls}");
}

#[test]
fn script_does_nothing_in_another_account() {
    let project = Project::new();
    let arguments = ["--ci", "gitlab", "--repository", "team/shop"];
    project.pipeline(&arguments, "ci/create-roles.sh");
    with_account(&project, &AWS.replace("123456789012", "210987654321"));
    let output = create_roles(&project);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("210987654321"), "{}", said(&output));
    assert_eq!(read(project.path("account/calls")), "sts get-caller-identity\n");
}
