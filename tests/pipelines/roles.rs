//! The roles' files: the script that creates them, tried with a command that stands in for the AWS CLI.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use serde_json::Value;

use super::{Project, read, said};

/// An account in a folder: it keeps what it is given, and finds only that.
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
  *) echo "there is no $service $operation" >&2; exit 2 ;;
esac
"#;

#[test]
fn the_script_makes_two_roles_and_may_run_again() {
    let project = Project::new();
    project.pipeline(&["--ci", "github", "--repository", "ada/shop"], "ci/create-roles.sh");
    project.write("bin/aws", AWS);
    fs::set_permissions(project.path("bin/aws"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    fs::create_dir(project.path("account")).expect("a folder");
    let path = format!("{}:{}", project.path("bin").display(), std::env::var("PATH").expect("there is one"));
    for round in ["first", "second"] {
        let script = project.path("ci/create-roles.sh");
        let mut command = Command::new(script);
        command.env("PATH", &path).env("ACCOUNT_FOLDER", project.path("account")).current_dir("/");
        let output = command.output().expect("it is executable");
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
fn in_another_account_the_script_does_nothing() {
    let project = Project::new();
    let arguments = ["--ci", "gitlab", "--repository", "team/shop"];
    project.pipeline(&arguments, "ci/create-roles.sh");
    project.write("bin/aws", &AWS.replace("123456789012", "210987654321"));
    fs::set_permissions(project.path("bin/aws"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    fs::create_dir(project.path("account")).expect("a folder");
    let path = format!("{}:{}", project.path("bin").display(), std::env::var("PATH").expect("there is one"));
    let mut command = Command::new(project.path("ci/create-roles.sh"));
    let output = command.env("PATH", &path).env("ACCOUNT_FOLDER", project.path("account")).output();
    let output = output.expect("it is executable");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("210987654321"), "{}", said(&output));
    assert_eq!(read(project.path("account/calls")), "sts get-caller-identity\n");
}
