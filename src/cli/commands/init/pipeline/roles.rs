//! The two roles of a pipeline: `plan`, which may look, for every proposed change, and `deploy`, which may release, for the
//! branch that is deployed. Each trusts the place where the pipeline runs for exactly this, by OpenID Connect, and may do
//! no more than `stackctl policy` says of its commands.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html>

use serde_json::{Value, json};

use super::{Forge, Repository};
use crate::{
    kinds,
    model::{Failure, Subject},
    policy::{self, Commands, Policy},
    spec::{self, Stack},
};

/// How many managed policies a role may have.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MOST_MANAGED: usize = 10;

/// What a role may do.
pub(super) enum Policies {
    /// The role's inline policy.
    Inline(String),
    /// Managed policies: an inline one may not be that long.
    Managed(Vec<String>),
}

impl Policies {
    /// Their files for the role `what`, each with its text.
    pub(super) fn files(&self, what: &str) -> Vec<(String, String)> {
        match self {
            Self::Inline(text) => vec![(format!("{what}-policy.json"), text.clone())],
            Self::Managed(parts) => {
                let numbered = (1..).zip(parts);
                numbered.map(|(number, text)| (format!("{what}-policy-{number}.json"), text.clone())).collect()
            }
        }
    }

    /// How many managed policies they are.
    pub(super) fn managed(&self) -> usize {
        match self {
            Self::Inline(_) => 0,
            Self::Managed(parts) => parts.len(),
        }
    }
}

/// The roles of one stack's pipeline.
pub(super) struct Roles<'a> {
    pub(super) stack: &'a Stack,
    pub(super) account: &'a str,
    pub(super) forge: Forge,
    pub(super) repository: &'a Repository,
    pub(super) branch: &'a str,
}

impl Roles<'_> {
    /// What a role is called, within IAM's 64 characters.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
    pub(super) fn name(&self, what: &str) -> String {
        let Stack { name, environment, .. } = self.stack;
        if environment == spec::DEFAULT_ENVIRONMENT {
            return format!("stackctl-ci-{name}-{what}");
        }
        format!("stackctl-ci-{name}-{environment}-{what}")
    }

    /// The URL that the tokens name as their issuer, without `https://`; AWS names the provider so.
    pub(super) fn issuer(&self) -> String {
        match self.forge {
            Forge::Github => "token.actions.githubusercontent.com".to_owned(),
            Forge::Gitlab => self.repository.host.clone(),
            Forge::Jenkins => format!("{}/oidc", self.repository.host),
        }
    }

    /// Whom the tokens are for.
    pub(super) fn audience(&self) -> String {
        match self.forge {
            Forge::Github | Forge::Jenkins => "sts.amazonaws.com".to_owned(),
            Forge::Gitlab => format!("https://{}", self.repository.host),
        }
    }

    /// Who may plan: whoever may propose a change in the project itself. A fork's pipeline has another subject.
    pub(super) fn plan_trust(&self) -> Result<String, Failure> {
        let name = &self.repository.name;
        let (test, subject) = match self.forge {
            // <https://docs.github.com/en/actions/reference/security/oidc>
            Forge::Github => ("StringEquals", format!("repo:{name}:pull_request")),
            // A merge request's pipeline names the branch that it comes from.
            // <https://docs.gitlab.com/ci/secrets/id_token_authentication/>
            Forge::Gitlab => ("StringLike", format!("project_path:{name}:ref_type:branch:ref:*")),
            // <https://plugins.jenkins.io/oidc-provider/>
            Forge::Jenkins => ("StringLike", format!("https://{}/{name}/job/PR-*", self.repository.host)),
        };
        self.trust(test, &subject)
    }

    /// Who may deploy: the branch that is deployed, and nobody else.
    pub(super) fn deploy_trust(&self) -> Result<String, Failure> {
        let Repository { host, name } = self.repository;
        let branch = self.branch;
        let subject = match self.forge {
            Forge::Github => format!("repo:{name}:ref:refs/heads/{branch}"),
            Forge::Gitlab => format!("project_path:{name}:ref_type:branch:ref:{branch}"),
            // Jenkins writes a branch's slashes twice encoded into its job's URL.
            Forge::Jenkins => format!("https://{host}/{name}/job/{}/", branch.replace('/', "%252F")),
        };
        self.trust("StringEquals", &subject)
    }

    fn trust(&self, test: &str, subject: &str) -> Result<String, Failure> {
        let issuer = self.issuer();
        let mut condition = json!({ "StringEquals": { format!("{issuer}:aud"): self.audience() } });
        condition[test][format!("{issuer}:sub")] = subject.into();
        document(&json!([{
            "Effect": "Allow",
            "Principal": { "Federated": format!("arn:aws:iam::{}:oidc-provider/{issuer}", self.account) },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }]))
    }

    /// What the role for plans may do.
    pub(super) fn plan_policy(&self) -> Result<Policies, Failure> {
        self.policy(Commands::Plan)
    }

    /// What the role for deployments may do: release, or `with_up` all that stackctl does.
    pub(super) fn deploy_policy(&self, with_up: bool) -> Result<Policies, Failure> {
        self.policy(if with_up { Commands::All } else { Commands::Deploy })
    }

    fn policy(&self, commands: Commands) -> Result<Policies, Failure> {
        let policy = policy::of(&kinds::registry(), self.stack, commands, Some(self.account))?;
        let text = |policy: &Policy| Ok::<_, Failure>(policy::text(policy)? + "\n");
        if policy.length() <= policy::LONGEST_INLINE {
            return text(&policy).map(Policies::Inline);
        }
        let parts = policy.split(policy::LONGEST_MANAGED);
        let is_too_long = |part: &Policy| part.length() > policy::LONGEST_MANAGED;
        if parts.len() > MOST_MANAGED || parts.iter().any(is_too_long) {
            let message =
                format!("the policy of the role would have {} characters, which exceeds IAM's limit", policy.length());
            return Err(Failure::about(Subject::command("init"), message)
                .hint("omit --with-up, or write a policy for the role yourself"));
        }
        parts.iter().map(text).collect::<Result<_, _>>().map(Policies::Managed)
    }
}

fn document(statements: &Value) -> Result<String, Failure> {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    let text = serde_json::to_string_pretty(&document).map_err(|error| Failure::internal(error.to_string()))?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests;
