//! `stackctl init --ci`: writes a pipeline for GitHub, GitLab or Jenkins (test, plan as a comment, deploy) and the two
//! IAM roles that it assumes by OpenID Connect. `roles` creates the roles, `forge` knows the pipeline services, and the
//! texts are templates in this folder. Makes no calls: a generated script creates the roles.

mod forge;
mod roles;
mod template;

use std::path::Path;

use clap::Args;

use super::files::Files;
use crate::{
    cli::{error::Stop, global::Global, project},
    output::Output,
    spec::{self, ImageFrom, Stack},
};
use forge::{Forge, Repository};
use roles::Roles;

/// The folder for the files of the roles.
const FOLDER: &str = "ci";

const GITHUB: &str = include_str!("github.yml");
const GITLAB: &str = include_str!("gitlab.yml");
const JENKINS: &str = include_str!("Jenkinsfile");
const SCRIPT: &str = include_str!("create-roles.sh");

/// Arguments of `stackctl init --ci`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pipelines")]
pub(super) struct PipelineArgs {
    /// Write a pipeline that tests, plans and deploys this project, and the IAM roles that it assumes.
    #[arg(long, value_enum, value_name = "WHERE")]
    ci: Option<Forge>,
    /// AWS account of the stack.
    #[arg(long, requires = "ci", value_name = "ID", value_parser = account)]
    account: Option<String>,
    /// OWNER/NAME on GitHub, GROUP/PROJECT on GitLab, or the URL of the multibranch job on Jenkins [default: from the git remote `origin`].
    #[arg(long, requires = "ci", value_name = "NAME")]
    repository: Option<String>,
    /// Branch to deploy.
    #[arg(long, requires = "ci", value_name = "NAME", default_value = "main", value_parser = branch)]
    branch: String,
    /// Run `up` before `deploy`, so that the pipeline also applies changes of stack.yaml. Its role then gets all of
    /// stackctl's permissions.
    #[arg(long, requires = "ci")]
    with_up: bool,
    /// Git repository to build stackctl from [default: the pipeline's variable `STACKCTL_GIT`].
    #[arg(long, requires = "ci", value_name = "URL", value_parser = git_url)]
    stackctl_git: Option<String>,
    /// Commit of that repository [default: the pipeline's variable `STACKCTL_REV`].
    #[arg(long, requires = "ci", value_name = "COMMIT", value_parser = commit)]
    stackctl_rev: Option<String>,
}

/// How the project is tested, as far as stack.yaml and the folder tell.
enum Tests {
    /// With cargo.
    Cargo { locked: bool },
    /// Unknown to stackctl.
    Unknown,
}

impl PipelineArgs {
    /// Returns whether `--ci` was given.
    pub(super) fn is_asked_for(&self) -> bool {
        self.ci.is_some()
    }

    /// Returns the files of the pipeline for `stack`.
    pub(super) fn files(&self, stack: &Stack, global: &Global, output: &Output) -> Result<Files, Stop> {
        let forge = self.ci.ok_or_else(|| Stop::usage("--ci is missing", "choose one: github, gitlab, jenkins"))?;
        let account = match &self.account {
            Some(account) => account.clone(),
            None => ask_account(output)?,
        };
        let repository = match &self.repository {
            Some(name) => forge.repository(name),
            None => forge.origin(),
        };
        let repository = repository.ok_or_else(|| {
            let message = match &self.repository {
                Some(name) => format!("--repository {name} is not a repository of {}", forge.name()),
                None => format!("the git remote `origin` is not a repository of {}", forge.name()),
            };
            Stop::usage(message, format!("pass it, such as --repository {}", forge.example()))
        })?;
        let folder = project::folder(&global.file);
        let roles = Roles { stack, account: &account, forge, repository: &repository, branch: &self.branch };
        let (plan, deploy) = (roles.plan_policy()?, roles.deploy_policy(self.with_up)?);
        let managed = (plan.managed().to_string(), deploy.managed().to_string());
        let texts = Texts { args: self, global, stack, roles: &roles, managed, tests: Tests::of(stack, &folder) };
        let pipeline = match forge {
            Forge::Github => (".github/workflows/stackctl.yml", texts.fill(GITHUB)?),
            Forge::Gitlab => (".gitlab-ci.yml", texts.fill(GITLAB)?),
            Forge::Jenkins => ("Jenkinsfile", texts.fill(JENKINS)?),
        };
        let own = Path::new(FOLDER);
        let next = format!(
            "Next: run {FOLDER}/create-roles.sh once, as an administrator of account {account}, to create the \
             roles. Then commit these files.\ndocs/guides/pipelines.md of stackctl explains each file."
        );
        let files = Files::new(next)
            .with(pipeline.0.into(), pipeline.1)
            .with(own.join("plan-trust.json"), roles.plan_trust()?)
            .with(own.join("deploy-trust.json"), roles.deploy_trust()?)
            .with_script(own.join("create-roles.sh"), texts.fill(SCRIPT)?);
        let policies = plan.files("plan").into_iter().chain(deploy.files("deploy"));
        Ok(policies.fold(files, |files, (name, text)| files.with(own.join(name), text)))
    }
}

/// The values for the placeholders in the templates.
struct Texts<'a> {
    args: &'a PipelineArgs,
    global: &'a Global,
    stack: &'a Stack,
    roles: &'a Roles<'a>,
    /// The number of managed policies of the plan role and of the deploy role.
    managed: (String, String),
    tests: Tests,
}

impl Texts<'_> {
    fn fill(&self, template: &str) -> Result<String, Stop> {
        let Repository { host, name } = self.roles.repository;
        let variable = |given: &Option<String>, name: &str| {
            given.clone().unwrap_or_else(|| match self.roles.forge {
                Forge::Github => format!("${{{{ vars.{name} }}}}"),
                Forge::Gitlab => String::new(),
                Forge::Jenkins => format!("${{env.{name} ?: ''}}"),
            })
        };
        let deploy = if self.args.with_up { "up --yes\n@INDENT@stackctl deploy" } else { "deploy" };
        let environment = &self.stack.environment;
        let file = self.file()?;
        let shown = if environment == spec::DEFAULT_ENVIRONMENT { "" } else { environment };
        let values = [
            ("STACK", self.stack.name.as_str()),
            ("ENVIRONMENT", environment),
            ("OF", &if shown.is_empty() { String::new() } else { format!(" in {shown}") }),
            ("FILE", &file),
            ("REGION", &self.stack.region),
            ("BRANCH", &self.args.branch),
            ("ACCOUNT", self.roles.account),
            ("HOST", host),
            ("REPOSITORY", name),
            ("ISSUER", &self.roles.issuer()),
            ("AUDIENCE", &self.roles.audience()),
            ("PLAN_ROLE", &self.roles.name("plan")),
            ("DEPLOY_ROLE", &self.roles.name("deploy")),
            ("PLAN_POLICIES", &self.managed.0),
            ("DEPLOY_POLICIES", &self.managed.1),
            ("GIT", &variable(&self.args.stackctl_git, "STACKCTL_GIT")),
            ("REV", &variable(&self.args.stackctl_rev, "STACKCTL_REV")),
            ("TEST", self.tests.command()),
            ("DEPLOY", deploy),
        ];
        Ok(template::fill(template, &values)?)
    }

    /// Returns the path of stack.yaml, which must need no quoting in YAML, Groovy and a shell.
    fn file(&self) -> Result<String, Stop> {
        let file = self.global.file.display().to_string();
        if file.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c)) && !file.starts_with(['/', '-']) {
            return Ok(file);
        }
        let hint = "run the command in the repository's folder, and pass --file as a relative path without spaces";
        Err(Stop::usage(format!("invalid path for a pipeline: {file}"), hint))
    }
}

impl Tests {
    fn of(stack: &Stack, folder: &Path) -> Self {
        let is_built = |service: &spec::Service| matches!(service.image, ImageFrom::Package(_));
        if stack.services.values().any(is_built) {
            return Self::Cargo { locked: folder.join("Cargo.lock").is_file() };
        }
        Self::Unknown
    }

    fn command(&self) -> &'static str {
        match self {
            Self::Cargo { locked: true } => "cargo test --workspace --locked",
            Self::Cargo { locked: false } => "cargo test --workspace",
            Self::Unknown => "echo 'Add the tests of this project here.'",
        }
    }
}

fn ask_account(output: &Output) -> Result<String, Stop> {
    loop {
        let Some(answer) = output.ask("AWS account ID (12 digits)") else {
            let message = "--account is missing; cannot ask without a terminal";
            return Err(Stop::usage(
                message,
                "pass it, such as --account 123456789012; `aws sts get-caller-identity` \
             shows it",
            ));
        };
        match account(answer.trim()) {
            Ok(account) => return Ok(account),
            Err(problem) => output.status(&problem),
        }
    }
}

/// Parses the id of an AWS account.
/// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html>
pub(in crate::cli) fn account(text: &str) -> Result<String, String> {
    let is_account = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    is_account.then(|| text.to_owned()).ok_or_else(|| "expected an AWS account ID of 12 digits".to_owned())
}

/// Parses a branch that is valid in git and literal in a trust policy: no wildcards, no white space.
fn branch(text: &str) -> Result<String, String> {
    let is_branch = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
    is_branch
        .then(|| text.to_owned())
        .ok_or_else(|| "expected a branch of letters, digits, `.`, `_`, `/` and `-`".to_owned())
}

fn git_url(text: &str) -> Result<String, String> {
    let is_url = ["https://", "ssh://"].iter().any(|scheme| text.starts_with(scheme))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ":/._@~-".contains(c));
    is_url.then(|| text.to_owned()).ok_or_else(|| "expected an https:// or ssh:// URL".to_owned())
}

fn commit(text: &str) -> Result<String, String> {
    let is_commit = text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit());
    is_commit.then(|| text.to_owned()).ok_or_else(|| "expected a full commit: 40 hexadecimal digits".to_owned())
}
