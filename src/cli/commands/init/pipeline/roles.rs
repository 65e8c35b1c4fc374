//! The two IAM roles of a pipeline: `plan`, which may only read, for every proposed change, and `deploy`, which may
//! release, for the deployed branch. Each trusts only the pipeline service for this purpose, by OpenID Connect, and has
//! only the permissions that `stackctl policy` prints for its commands.
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

/// The maximum number of managed policies of a role.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const MOST_MANAGED: usize = 10;

/// The policies of a role.
pub(super) enum Policies {
    /// An inline policy.
    Inline(String),
    /// Managed policies, because an inline policy would be too long.
    Managed(Vec<String>),
}

impl Policies {
    /// Returns the names and texts of their files, for the role `what`.
    pub(super) fn files(&self, what: &str) -> Vec<(String, String)> {
        match self {
            Self::Inline(text) => vec![(format!("{what}-policy.json"), text.clone())],
            Self::Managed(parts) => {
                let numbered = (1..).zip(parts);
                numbered.map(|(number, text)| (format!("{what}-policy-{number}.json"), text.clone())).collect()
            }
        }
    }

    /// Returns the number of managed policies.
    pub(super) fn managed(&self) -> usize {
        match self {
            Self::Inline(_) => 0,
            Self::Managed(parts) => parts.len(),
        }
    }
}

/// The roles of a stack's pipeline.
pub(super) struct Roles<'a> {
    pub(super) stack: &'a Stack,
    pub(super) account: &'a str,
    pub(super) forge: Forge,
    pub(super) repository: &'a Repository,
    pub(super) branch: &'a str,
}

impl Roles<'_> {
    /// Returns the name of a role, which IAM limits to 64 characters.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
    pub(super) fn name(&self, what: &str) -> String {
        let Stack { name, environment, .. } = self.stack;
        if environment == spec::DEFAULT_ENVIRONMENT {
            return format!("stackctl-ci-{name}-{what}");
        }
        format!("stackctl-ci-{name}-{environment}-{what}")
    }

    /// Returns the issuer URL of the tokens without `https://`, which is also the name of the provider in IAM.
    pub(super) fn issuer(&self) -> String {
        match self.forge {
            Forge::Github => "token.actions.githubusercontent.com".to_owned(),
            Forge::Gitlab => self.repository.host.clone(),
            Forge::Jenkins => format!("{}/oidc", self.repository.host),
        }
    }

    /// Returns the audience of the tokens.
    pub(super) fn audience(&self) -> String {
        match self.forge {
            Forge::Github | Forge::Jenkins => "sts.amazonaws.com".to_owned(),
            Forge::Gitlab => format!("https://{}", self.repository.host),
        }
    }

    /// Returns the trust policy of the plan role: any pipeline for a proposed change in the project itself. The
    /// pipeline of a fork has another subject.
    pub(super) fn plan_trust(&self) -> Result<String, Failure> {
        let name = &self.repository.name;
        let (test, subject) = match self.forge {
            // <https://docs.github.com/en/actions/reference/security/oidc>
            Forge::Github => ("StringEquals", format!("repo:{name}:pull_request")),
            // The pipeline of a merge request has the source branch in its subject.
            // <https://docs.gitlab.com/ci/secrets/id_token_authentication/>
            Forge::Gitlab => ("StringLike", format!("project_path:{name}:ref_type:branch:ref:*")),
            // <https://plugins.jenkins.io/oidc-provider/>
            Forge::Jenkins => ("StringLike", format!("https://{}/{name}/job/PR-*", self.repository.host)),
        };
        self.trust(test, &subject)
    }

    /// Returns the trust policy of the deploy role: only pipelines for the deployed branch.
    pub(super) fn deploy_trust(&self) -> Result<String, Failure> {
        let Repository { host, name } = self.repository;
        let branch = self.branch;
        let subject = match self.forge {
            Forge::Github => format!("repo:{name}:ref:refs/heads/{branch}"),
            Forge::Gitlab => format!("project_path:{name}:ref_type:branch:ref:{branch}"),
            // Jenkins encodes the slashes of a branch twice in the URL of its job.
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

    /// Returns the policies of the plan role.
    pub(super) fn plan_policy(&self) -> Result<Policies, Failure> {
        self.policy(Commands::Plan)
    }

    /// Returns the policies of the deploy role: releases or, `with_up`, everything that stackctl does.
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
