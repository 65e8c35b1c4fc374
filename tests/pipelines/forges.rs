//! Checks the workflows of this repository, and the pipelines that `stackctl init --ci` writes for GitHub, GitLab and
//! Jenkins.

use serde_json::Value;

use super::{
    Project, read, repository, said, shell_accepts,
    yaml::{all, keys, parse},
};

/// The keys of a GitLab job that the pipelines use. <https://docs.gitlab.com/ci/yaml/#job-keywords>
const GITLAB_JOB: &[&str] = &[
    "artifacts",
    "before_script",
    "cache",
    "extends",
    "id_tokens",
    "interruptible",
    "needs",
    "resource_group",
    "rules",
    "script",
    "stage",
    "variables",
];

/// The keys of a GitHub job that the workflows use.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax>
const GITHUB_JOB: &[&str] =
    &["concurrency", "env", "if", "needs", "permissions", "runs-on", "steps", "timeout-minutes"];

/// The keys of a GitHub step that the workflows use.
const GITHUB_STEP: &[&str] = &["env", "id", "if", "name", "run", "uses", "with"];

/// Checks a workflow that plans and deploys against GitHub's rules and stackctl's.
fn check_pipeline(text: &str) {
    let jobs = &check_workflow(text)["jobs"];
    assert_eq!(jobs["plan"]["permissions"]["id-token"], "write");
    assert_eq!(jobs["deploy"]["permissions"], serde_json::json!({ "contents": "read", "id-token": "write" }));
    assert_eq!(jobs["deploy"]["needs"], "test", "what fails its tests is not deployed");
    assert_eq!(jobs["deploy"]["concurrency"]["cancel-in-progress"], false);
    assert!(jobs["plan"]["if"].as_str().is_some_and(|text| text.contains("head.repo.full_name == github.repository")));
}

/// Checks any workflow against GitHub's rules and stackctl's, and returns it.
fn check_workflow(text: &str) -> Value {
    let workflow = parse(text);
    assert_eq!(
        workflow["permissions"],
        serde_json::json!({ "contents": "read" }),
        "by default a job may read the code"
    );
    let jobs = &workflow["jobs"];
    for name in keys(jobs) {
        let job = &jobs[name];
        assert!(keys(job).iter().all(|key| GITHUB_JOB.contains(key)), "{name}: {:?}", keys(job));
        let several = job["needs"].as_array().into_iter().flatten();
        for needed in several.chain([&job["needs"]]).filter_map(Value::as_str) {
            assert!(keys(jobs).contains(&needed), "{name} needs {needed}");
        }
        let steps = job["steps"].as_array().unwrap_or_else(|| panic!("{name} has no steps"));
        let ids: Vec<&str> = steps.iter().filter_map(|step| step["id"].as_str()).collect();
        for step in steps {
            assert!(keys(step).iter().all(|key| GITHUB_STEP.contains(key)), "{name}: {step}");
            assert!(step["uses"].is_string() != step["run"].is_string(), "{name}: {step} either uses or runs");
            for used in step["if"].as_str().into_iter().flat_map(|text| text.split("steps.").skip(1)) {
                assert!(ids.iter().any(|id| used.starts_with(&format!("{id}."))), "{name}: {step}");
            }
        }
    }
    for action in all(jobs, "uses") {
        let (_, pin) = action.split_once('@').unwrap_or_else(|| panic!("{action} has no version"));
        assert!(
            pin.len() == 40 && pin.chars().all(|c| c.is_ascii_hexdigit()),
            "{action} is not pinned by a full commit"
        );
        let line = text.lines().find(|line| line.contains(action)).expect("it was read from there");
        assert!(line.contains("# v"), "{line} does not say which version that is");
    }
    for script in all(jobs, "run") {
        shell_accepts("bash", &without_expressions(script));
        // GitHub pastes an expression into the script as text, so text from a stranger's pull request would be
        // executed.
        assert!(!script.contains("${{"), "{script}");
    }
    assert!(!text.contains("secrets."), "no key is stored");
    assert!(!text.contains("aws-access-key-id"), "no key is stored");
    workflow
}

fn without_expressions(script: &str) -> String {
    let mut parts = script.split("${{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "x" + part.split_once("}}").map_or("", |(_, rest)| rest))
}

#[test]
fn the_workflow_of_this_repository_is_valid_with_known_targets() {
    let text = read(repository().join(".github/workflows/ci.yml"));
    check_pipeline(&text);
    let makefile = read(repository().join("Makefile"));
    let workflow = parse(&text);
    let targets: Vec<&str> = all(&workflow, "run").into_iter().filter_map(|run| run.strip_prefix("make ")).collect();
    assert!(targets.contains(&"test"), "{targets:?}");
    for target in targets {
        assert!(makefile.lines().any(|line| line.starts_with(&format!("{target}:"))), "make {target}");
    }
    let region = parse(&read(repository().join("stack.yaml")))["region"].clone();
    for job in ["plan", "deploy"] {
        let steps = workflow["jobs"][job]["steps"].as_array().expect("it has steps");
        assert!(steps.iter().any(|step| step["with"]["aws-region"] == region), "{job} works in {region}");
    }
}

#[test]
fn release_workflow_builds_and_attests_the_tagged_version() {
    let text = read(repository().join(".github/workflows/release.yml"));
    let workflow = check_workflow(&text);
    let jobs = &workflow["jobs"];
    let writers: Vec<&str> =
        keys(jobs).into_iter().filter(|name| jobs[*name]["permissions"]["contents"] == "write").collect();
    assert_eq!(writers, ["publish"], "what compiles strangers' code cannot write to the repository");
    for job in ["build-x86-64", "build-aarch64"] {
        let steps = jobs[job]["steps"].as_array().expect("it has steps");
        let at = |what: &str| {
            let found = steps.iter().position(|step| step.to_string().contains(what));
            found.unwrap_or_else(|| panic!("{job} has no {what}"))
        };
        assert!(at("GITHUB_REF_NAME") < at("scripts/release"));
        assert!(at("scripts/release") < at("attest-build-provenance"));
        assert!(at("attest-build-provenance") < at("upload-artifact"));
    }
    shell_accepts("bash", &read(repository().join("scripts/release")));
}

#[test]
fn github_pipeline_is_valid_and_deploys_the_stack() {
    let project = Project::new();
    let arguments = ["--ci", "github", "--repository", "ada/shop", "--env", "production", "--branch", "trunk"];
    let text = project.pipeline(&arguments, ".github/workflows/stackctl.yml");
    check_pipeline(&text);
    let workflow = parse(&text);
    assert_eq!(workflow["env"]["STACKCTL_ENV"], "production");
    assert_eq!(workflow["env"]["STACKCTL_FILE"], "stack.yaml");
    assert_eq!(workflow["env"]["STACKCTL_REV"], "${{ vars.STACKCTL_REV }}");
    assert_eq!(workflow["on"]["push"]["branches"], serde_json::json!(["trunk"]));
    let runs = all(&workflow, "run");
    assert!(runs.contains(&"cargo test --workspace --locked"), "{runs:?}");
    assert!(runs.contains(&"stackctl deploy\n"), "{runs:?}");
    let roles = all(&workflow, "role-to-assume");
    let role = |what: &str| format!("arn:aws:iam::123456789012:role/stackctl-ci-shop-production-{what}");
    assert_eq!(roles, [role("plan"), role("deploy")]);
    assert!(all(&workflow, "aws-region").iter().all(|region| *region == "eu-central-1"));

    let rev = "0123456789abcdef0123456789abcdef01234567";
    let git = "https://git.example.com/stackctl.git";
    let more =
        ["--ci", "github", "--repository", "ada/shop", "--with-up", "--stackctl-git", git, "--stackctl-rev", rev];
    let text = project.pipeline(&more, ".github/workflows/stackctl.yml");
    check_pipeline(&text);
    let workflow = parse(&text);
    assert_eq!((&workflow["env"]["STACKCTL_GIT"], &workflow["env"]["STACKCTL_REV"]), (&git.into(), &rev.into()));
    assert!(all(&workflow, "run").contains(&"stackctl up --yes\nstackctl deploy\n"), "{text}");
}

#[test]
fn gitlab_pipeline_is_valid_and_has_no_key() {
    let project = Project::new();
    let text = project.pipeline(&["--ci", "gitlab", "--repository", "git.example.com/team/shop"], ".gitlab-ci.yml");
    let pipeline = parse(&text);
    let stages: Vec<&str> = pipeline["stages"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(stages, ["test", "plan", "deploy"]);
    let jobs: Vec<&str> =
        keys(&pipeline).into_iter().filter(|key| !["stages", "variables", "default"].contains(key)).collect();
    assert_eq!(jobs, [".stackctl", "test", "plan", "deploy"]);
    for name in jobs {
        let job = &pipeline[name];
        assert!(keys(job).iter().all(|key| GITLAB_JOB.contains(key)), "{name}: {:?}", keys(job));
        assert!(name.starts_with('.') || job["stage"] == name, "{name}");
        assert!(job["extends"].is_null() || job["extends"] == ".stackctl", "{name}");
        for part in ["script", "before_script"] {
            for line in job[part].as_array().into_iter().flatten() {
                shell_accepts("bash", line.as_str().unwrap_or_else(|| panic!("{name}: {line} is no text")));
            }
        }
        for rule in job["rules"].as_array().into_iter().flatten() {
            assert!(rule["if"].as_str().is_some_and(|text| text.contains("$CI_")), "{name}: {rule}");
        }
    }
    let shared = &pipeline[".stackctl"];
    assert_eq!(shared["id_tokens"]["AWS_TOKEN"]["aud"], "https://git.example.com");
    assert_eq!(pipeline["plan"]["variables"]["AWS_ROLE_ARN"], "arn:aws:iam::123456789012:role/stackctl-ci-shop-plan");
    assert_eq!(pipeline["deploy"]["script"], serde_json::json!(["stackctl deploy\n"]));
    assert!(!text.contains("AWS_SECRET_ACCESS_KEY"), "no key is stored");
}

/// Returns Groovy code without strings and comments, and the scripts of its `sh` steps.
fn groovy(text: &str) -> (String, Vec<String>) {
    let (mut code, mut scripts) = (String::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|quote| rest.starts_with(quote));
        if let Some(quote) = quote {
            let inside = &rest[quote.len()..];
            let end = inside.find(quote).unwrap_or_else(|| panic!("a string has no end: {rest}"));
            if code.ends_with("sh ") {
                scripts.push(inside[..end].to_owned());
            }
            code.push_str("''");
            rest = &inside[end + quote.len()..];
        } else if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else {
            let first = rest.chars().next().expect("it is not empty");
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    (code, scripts)
}

#[test]
fn jenkins_pipeline_has_its_sections_and_scripts() {
    let project = Project::new();
    let job = "https://jenkins.example.com/job/team/job/shop";
    let text = project.pipeline(&["--ci", "jenkins", "--repository", job], "Jenkinsfile");
    let (code, scripts) = groovy(&text);
    let mut open = Vec::new();
    for c in code.chars() {
        match c {
            '{' | '(' | '[' => open.push(c),
            '}' | ')' | ']' => {
                let begun = open.pop().unwrap_or_else(|| panic!("{c} closes nothing"));
                assert!(["{}", "()", "[]"].contains(&format!("{begun}{c}").as_str()), "{begun} is closed by {c}");
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?} is not closed");
    assert!(code.trim_start().starts_with("pipeline {"), "a declarative pipeline");
    let stages: Vec<&str> = text.split("stage('").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
    assert_eq!(stages, ["Test", "Compile stackctl", "Plan", "Deploy"]);
    assert_eq!(scripts.len(), stages.len(), "{scripts:?}");
    scripts.iter().for_each(|script| shell_accepts("sh", script));
    assert!(scripts[3].contains("stackctl deploy"), "{scripts:?}");
    assert!(text.contains("STACKCTL_GIT = \"${env.STACKCTL_GIT ?: ''}\""), "{text}");
    assert!(text.contains("credentials('aws-oidc')") && !text.contains("AWS_SECRET_ACCESS_KEY"));
}

#[test]
fn invalid_pipeline_is_refused_and_writes_nothing() {
    let project = Project::new();
    let account = ["--account", "123456789012"];
    let refused: &[(&[&str], &str)] = &[
        (&["--ci", "github"], "--repository owner/name"),
        (&["--ci", "github", "--repository", "ada/*"], "is not a repository of GitHub"),
        (&["--ci", "github", "--repository", "ada/shop", "--branch", "main' || true"], "branch"),
        (&["--ci", "github", "--repository", "ada/shop", "--stackctl-rev", "main"], "40 hexadecimal digits"),
        (&["--ci", "github", "--repository", "ada/shop", "--env", "nowhere"], "environment `nowhere` not found"),
        (&["--ci", "bitbucket", "--repository", "ada/shop"], "possible values: github, gitlab, jenkins"),
        (&["--repository", "ada/shop"], "--ci"),
    ];
    for (arguments, expected) in refused {
        let output = project.init(&[*arguments, &account].concat());
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(expected), "{arguments:?}: {}", said(&output));
    }
    let output = project.init(&["--ci", "github", "--repository", "ada/shop"]);
    assert!(output.status.code() == Some(3) && said(&output).contains("--account"), "{}", said(&output));
    assert!(!project.path(".github").exists() && !project.path("ci").exists());

    project.write("ci/plan-trust.json", "mine");
    let output = project.init(&["--ci", "github", "--repository", "ada/shop", "--account", "123456789012"]);
    assert!(output.status.code() == Some(3) && said(&output).contains("already exists"), "{}", said(&output));
    assert!(!project.path(".github").exists(), "all or nothing");
}
