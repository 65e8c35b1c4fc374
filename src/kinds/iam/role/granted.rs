//! The policies that stackctl grants a role. They are managed policies at the stack's path. The name of each contains
//! the digest of its content, which never changes. So a list by path shows which policies a role has, and whether they
//! were edited or are attached, without a call for each role.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html>

use aws_sdk_iam::types::{Policy as SdkPolicy, PolicyScopeType};
use serde::{Deserialize, Serialize};

use super::policy::{self, DIGITS, Document, Statement, decoded, read, statements_of};
use crate::{
    aws::{self, Outcome},
    kind::Context,
    kinds::iam::PAGE,
    model::Failure,
};

/// The name of the inline policy that an older stackctl gave a role.
pub(super) const INLINE: &str = "stackctl";

/// The version of an unedited policy.
pub(super) const FIRST: &str = "v1";

/// The IAM error codes for a missing policy or role.
pub(super) const ABSENT: &[&str] = &["NoSuchEntity"];

/// A policy that stackctl granted a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Granted {
    /// Its name.
    pub name: String,
    /// Its ARN. `None` for the inline policy of an older stackctl.
    pub arn: Option<String>,
    /// The default version.
    pub version: String,
    /// Whether it is attached to the role.
    pub attached: bool,
    /// Its statements, one per line: actions on resources, or the whole statement if it contains more. `None` if it was
    /// not read.
    pub lines: Option<Vec<String>>,
    /// Its statements that only allow actions on resources.
    pub allows: Vec<Statement>,
}

impl Granted {
    /// Whether its content is `document`: it is unedited, and its name has the digest.
    pub(super) fn says(&self, document: &Document) -> bool {
        let is_named = parts(&self.name).is_some_and(|(_, digest)| digest == document.digest);
        self.arn.is_some() && self.version == FIRST && is_named
    }

    /// Returns the policy as a plan shows it.
    pub(super) fn described(&self) -> String {
        let state = match self {
            Self { arn: None, .. } => ", inline",
            Self { attached: false, .. } => ", not attached",
            Self { version, .. } if version != FIRST => ", edited by hand",
            _ => "",
        };
        format!("policy {}{state}", self.name)
    }

    /// Returns the policy with the content of `document` from IAM.
    pub(super) fn reading(self, document: &str) -> Self {
        let document = decoded(document);
        let lines = Some(statements_of(&document).map(read).collect());
        Self { lines, allows: statements_of(&document).filter_map(policy::allowed).collect(), ..self }
    }
}

/// Returns the inline policy of an older stackctl.
pub(super) fn of_an_older_stackctl(document: &str) -> Granted {
    let bare = Granted {
        name: INLINE.to_owned(),
        arn: None,
        version: String::new(),
        attached: true,
        lines: None,
        allows: Vec::new(),
    };
    bare.reading(document)
}

/// Returns the policies at the stack's path, by name.
pub(super) async fn listed(cx: &Context) -> Result<Vec<Granted>, Failure> {
    let call = cx.aws.iam.list_policies().scope(PolicyScopeType::Local).path_prefix(aws::iam_path(&cx.id));
    let pages = call.max_items(PAGE).into_paginator().items().send();
    let policies: Vec<SdkPolicy> = pages.try_collect().await.during("ListPolicies")?;
    let mut policies: Vec<Granted> = policies.into_iter().filter_map(of_list).collect();
    policies.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(policies)
}

fn of_list(policy: SdkPolicy) -> Option<Granted> {
    Some(Granted {
        name: policy.policy_name?,
        arn: policy.arn,
        version: policy.default_version_id?,
        attached: policy.attachment_count.unwrap_or_default() > 0,
        lines: None,
        allows: Vec::new(),
    })
}

/// Returns the role for which stackctl created the policy `policy`.
pub(super) fn role_of(policy: &str) -> Option<&str> {
    parts(policy).map(|(role, _)| role)
}

/// Splits a policy name into the role and the digest. A number follows if stackctl created the policy next to an edited
/// one.
fn parts(policy: &str) -> Option<(&str, &str)> {
    let is_digest = |part: &str| part.len() == DIGITS && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (rest, last) = policy.rsplit_once('-')?;
    if is_digest(last) {
        return Some((rest, last));
    }
    let (role, digest) = rest.rsplit_once('-')?;
    (is_digest(digest) && last.bytes().all(|byte| byte.is_ascii_digit())).then_some((role, digest))
}

/// Returns the policy with its content from `GetPolicyVersion`. An inline policy already contains it.
pub(super) async fn with_lines(cx: &Context, policy: &Granted) -> Result<Granted, Failure> {
    if policy.arn.is_none() {
        return Ok(policy.clone());
    }
    let call = cx.aws.iam.get_policy_version().set_policy_arn(policy.arn.clone()).version_id(&policy.version);
    let answer = call.send().await.or_absent("GetPolicyVersion", ABSENT)?;
    let document = answer.and_then(|answer| answer.policy_version?.document);
    Ok(match document {
        Some(document) => policy.clone().reading(&document),
        None => policy.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_is_read_from_the_policy_name() {
        assert_eq!(role_of("shop-test-web-0123456789abcdef"), Some("shop-test-web"));
        assert_eq!(role_of("shop-test-web-task-0123456789abcdef-2"), Some("shop-test-web-task"));
        for other in ["shop-test-web", "shop-test-web-0123", "shop-test-web-2", "", "shop-test-0123456789abcdef-x"] {
            assert_eq!(role_of(other), None, "{other:?}");
        }
    }
}
