//! Attaches policies to a role and detaches them.

use super::{
    granted::{ABSENT, FIRST, Granted},
    live::Live,
    policy::Document,
};
use crate::{
    aws::{self, Once, Outcome, given},
    kind::Context,
    model::Failure,
};

/// The IAM error code for a name that already exists.
pub(super) const TAKEN: &str = "EntityAlreadyExists";

/// Grants `document` to the role of `live`: creates the policy if necessary, and attaches it.
pub(super) async fn give(cx: &Context, live: &Live, document: &Document) -> Result<Granted, Failure> {
    let there = live.policies.iter().find(|policy| policy.says(document));
    let mut policy = match there {
        Some(policy) => policy.clone(),
        None => make(cx, live, document).await?,
    };
    if !policy.attached {
        let call = cx.aws.iam.attach_role_policy().role_name(&live.name).set_policy_arn(policy.arn.clone());
        call.customize().once().send().await.during("AttachRolePolicy")?;
        policy.attached = true;
    }
    policy.lines = Some(document.lines());
    policy.allows.clone_from(&document.statements);
    Ok(policy)
}

async fn make(cx: &Context, live: &Live, document: &Document) -> Result<Granted, Failure> {
    let name = free(live, &document.digest);
    let path = aws::iam_path(&cx.id);
    let call = cx
        .aws
        .iam
        .create_policy()
        .policy_name(&name)
        .path(&path)
        .description(&live.described)
        .policy_document(document.text()?);
    let answer = call.customize().once().send().await;
    let arn = match answer.during("CreatePolicy") {
        Ok(answer) => given(answer.policy.and_then(|policy| policy.arn), "CreatePolicy", "Policy.Arn")?,
        // A killed run created it, and lists do not contain it yet. Its name contains the digest of its content.
        Err(refusal) if refusal.is(&[TAKEN]) => arn_beside(&live.arn, &path, &name),
        Err(refusal) => return Err(refusal),
    };
    let (arn, version) = (Some(arn), FIRST.to_owned());
    Ok(Granted { name, arn, version, attached: false, lines: None, allows: Vec::new() })
}

/// Returns a policy name with this digest that no policy of the role has. An edited policy keeps its name until it is
/// deleted.
fn free(live: &Live, digest: &str) -> String {
    let base = format!("{}-{digest}", live.name);
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    let mut names = std::iter::once(base.clone()).chain(numbered);
    names.find(|name| live.policies.iter().all(|policy| policy.name != *name)).unwrap_or(base)
}

/// Returns the ARN of the policy `name` at `path`, in the account of the role with the ARN `role`.
fn arn_beside(role: &str, path: &str, name: &str) -> String {
    let account = role.split_once(":role/").map_or(role, |(account, _)| account);
    format!("{account}:policy{path}{name}")
}

/// Detaches a policy of stackctl from the role, and deletes it.
pub(super) async fn take(cx: &Context, role: &str, policy: &Granted) -> Result<(), Failure> {
    let Some(arn) = policy.arn.as_deref() else { return remove_inline(cx, role, &policy.name).await };
    if policy.attached {
        detach(cx, role, arn).await?;
    }
    if policy.version != FIRST {
        delete_versions(cx, arn, &policy.version).await?;
    }
    let call = cx.aws.iam.delete_policy().policy_arn(arn);
    call.customize().once().send().await.or_absent("DeletePolicy", ABSENT).map(drop)
}

/// Deletes all versions but the default one. IAM does not delete a policy that has several.
async fn delete_versions(cx: &Context, arn: &str, holds: &str) -> Result<(), Failure> {
    let pages = cx.aws.iam.list_policy_versions().policy_arn(arn).into_paginator().items().send();
    let versions: Option<Vec<_>> = pages.try_collect().await.or_absent("ListPolicyVersions", ABSENT)?;
    let ids = versions.into_iter().flatten().filter_map(|version| version.version_id);
    for id in ids.filter(|id| id != holds) {
        let call = cx.aws.iam.delete_policy_version().policy_arn(arn).version_id(id);
        call.customize().once().send().await.or_absent("DeletePolicyVersion", ABSENT)?;
    }
    Ok(())
}

/// Detaches a managed policy from the role.
pub(super) async fn detach(cx: &Context, role: &str, arn: &str) -> Result<(), Failure> {
    let call = cx.aws.iam.detach_role_policy().role_name(role).policy_arn(arn);
    let answer = call.customize().once().send().await;
    answer.or_absent("DetachRolePolicy", ABSENT).map(drop)
}

/// Deletes an inline policy of the role.
pub(super) async fn remove_inline(cx: &Context, role: &str, name: &str) -> Result<(), Failure> {
    let call = cx.aws.iam.delete_role_policy().role_name(role).policy_name(name);
    let answer = call.customize().once().send().await;
    answer.or_absent("DeleteRolePolicy", ABSENT).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_arn_has_the_account_and_partition_of_the_role() {
        let role = "arn:aws-cn:iam::123456789012:role/stackctl/shop/test/shop-test-web";
        let arn = arn_beside(role, "/stackctl/shop/test/", "p");
        assert_eq!(arn, "arn:aws-cn:iam::123456789012:policy/stackctl/shop/test/p");
    }
}
