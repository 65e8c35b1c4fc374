//! The comment on a pull request, made by the steps of the workflow that `init --ci github` writes.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use crate::support::{World, text};

/// A stack that needs no build and runs no task.
const STACK: &str = "name: demo
region: eu-west-1
network: { nat: none }
services:
  web: { image: \"example:1\", port: 80, replicas: 0, secrets: { KEY: generate } }
";

/// A fake `gh` that records its input.
const GH: &str = "#!/bin/sh
echo \"$@\" > posted.arguments
while [ $# -gt 1 ]; do
  if [ \"$1\" = --body-file ]; then cp \"$2\" posted.md; fi
  shift
done
";

/// Returns the script of the step `name` of the workflow.
fn script(workflow: &str, name: &str) -> String {
    let (_, step) = workflow.split_once(&format!("- name: {name}\n")).unwrap_or_else(|| panic!("no step {name}"));
    let (_, run) = step.split_once("run: |\n").expect("it runs a script");
    let indent = run.len() - run.trim_start().len();
    let lines = run.lines().take_while(|line| line.len() - line.trim_start().len() >= indent && !line.is_empty());
    lines.map(|line| format!("{}\n", &line[indent..])).collect()
}

/// Runs the steps like GitHub's runner and returns the posted comment.
fn comment(world: &World, workflow: &str) -> String {
    for step in ["Plan", "Comment"] {
        let mut bash = Command::new("bash");
        // <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell>
        bash.args(["-e", "-c", &script(workflow, step)]).current_dir(world.project());
        for (name, value) in world.command(&[]).get_envs() {
            match value {
                Some(value) => bash.env(name, value),
                None => bash.env_remove(name),
            };
        }
        let path = std::env::var("PATH").expect("there is one");
        bash.env("PATH", format!("{}:{path}", world.project().join("bin").display()));
        bash.env("PULL_REQUEST", "7").env("GITHUB_REPOSITORY", "ada/shop").env("GH_TOKEN", "none");
        let ended = bash.output().expect("bash runs");
        assert!(ended.status.success(), "{step}: {}", text(&ended));
    }
    let arguments = fs::read_to_string(world.project().join("posted.arguments")).expect("something was posted");
    assert!(arguments.starts_with("pr comment 7 --repo ada/shop --edit-last --create-if-none"), "{arguments}");
    fs::read_to_string(world.project().join("posted.md")).expect("something was posted")
}

#[tokio::test(flavor = "multi_thread")]
async fn pull_request_comment_folds_the_plan_without_secrets() {
    let world = World::start();
    fs::write(world.project().join("stack.yaml"), STACK).expect("it can be written");
    world.must(&["init", "--ci", "github", "--account", "123456789012", "--repository", "ada/shop", "--force"]);
    let workflow = fs::read_to_string(world.project().join(".github/workflows/stackctl.yml")).expect("it is there");
    let bin = world.project().join("bin");
    fs::create_dir(&bin).expect("a folder");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_stackctl"), bin.join("stackctl")).expect("a link");
    fs::write(bin.join("gh"), GH).expect("it can be written");
    fs::set_permissions(bin.join("gh"), fs::Permissions::from_mode(0o755)).expect("it is ours");

    let first = comment(&world, &workflow);
    assert!(first.starts_with("**`demo/default`**: ") && first.contains(" to create.\n"), "{first}");
    let (_, plan) = first.split_once("<details>\n<summary>The plan</summary>\n\n```text\n").expect("it folds");
    assert!(plan.contains("  + secret.web/KEY\n") && plan.ends_with("\n```\n\n</details>\n"), "{first}");
    assert!(first.chars().count() <= 65_536);

    world.must(&["up", "--yes"]);
    assert_eq!(comment(&world, &workflow), "**`demo/default`**: no changes. The stack matches stack.yaml.\n");

    let secrets = aws_sdk_secretsmanager::Client::new(&world.sdk().await);
    let kept = secrets.get_secret_value().secret_id("demo/default/web/KEY").send().await.expect("it is there");
    world.edit(", secrets: { KEY: generate }", ", cpu: 512, memory: 1024");
    let changed = comment(&world, &workflow);
    assert!(changed.contains("\n- Deleted: `secret.web/KEY`\n"), "{changed}");
    assert!(!changed.contains(kept.secret_string().expect("it has a value")), "{changed}");
}
