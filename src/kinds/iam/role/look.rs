//! Lists the stack's roles. Two calls return all of them, however many the stack and the account have.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicies.html>

use std::collections::BTreeMap;

use aws_sdk_iam::types::{AttachedPolicy, Role as SdkRole};
use futures::future::try_join_all;

use super::{
    granted::{self, ABSENT, Granted, INLINE},
    live::{Live, description, origin, trusted},
    policy::decoded,
};
use crate::{
    aws::{self, Outcome},
    kind::Context,
    kinds::iam::{self, ROLE},
    model::{Address, Failure, Found},
};

/// Returns the stack's roles that IAM lists.
pub(super) async fn listed(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
    Ok(with_policies(cx).await?.0)
}

/// Returns the stack's roles that IAM lists, without their policies. This is enough to wait for their deletion.
pub(super) async fn there(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
    let roles = iam::roles(cx).await?;
    let reads = try_join_all(roles.iter().map(|role| found(cx, role, Vec::new()))).await?;
    Ok(reads.into_iter().flatten().collect())
}

/// Returns the stack's roles that IAM lists, and the policies at its path whose roles are not among them, by role.
pub(super) async fn with_policies(cx: &Context) -> Result<(Vec<Found<Live>>, BTreeMap<String, Vec<Granted>>), Failure> {
    let (roles, policies) = futures::try_join!(iam::roles(cx), granted::listed(cx))?;
    let mut policies = by_role(policies);
    let reads = roles.iter().map(|role| {
        let policies = policies.remove(role.role_name()).unwrap_or_default();
        found(cx, role, policies)
    });
    let reads: Vec<_> = reads.collect();
    Ok((try_join_all(reads).await?.into_iter().flatten().collect(), policies))
}

/// Returns the role with the policies that others granted it and the content of its own policies, or `None` if it does
/// not exist.
pub(super) async fn whole(cx: &Context, live: &Live) -> Result<Option<Live>, Failure> {
    let policies = try_join_all(live.policies.iter().map(|policy| granted::with_lines(cx, policy))).await?;
    let live = with_others(cx, Live { policies, ..live.clone() }).await?;
    Ok(live.map(|live| Live { whole: true, ..live }))
}

/// Returns the role with the policies that others granted it, or `None` if it does not exist.
async fn with_others(cx: &Context, mut live: Live) -> Result<Option<Live>, Failure> {
    let attached = async {
        let pages = cx.aws.iam.list_attached_role_policies().role_name(&live.name).into_paginator().items().send();
        let policies: Option<Vec<AttachedPolicy>> =
            pages.try_collect().await.or_absent("ListAttachedRolePolicies", ABSENT)?;
        let arns = policies.map(|all| all.into_iter().filter_map(|policy| policy.policy_arn).collect::<Vec<_>>());
        Ok::<_, Failure>(arns)
    };
    let inline = async {
        let pages = cx.aws.iam.list_role_policies().role_name(&live.name).into_paginator().items().send();
        let names: Option<Vec<String>> = pages.try_collect().await.or_absent("ListRolePolicies", ABSENT)?;
        Ok::<_, Failure>(names)
    };
    let (Some(mut managed), Some(mut inline)) = futures::try_join!(attached, inline)? else { return Ok(None) };
    live.policies.retain(|policy| policy.arn.is_some());
    for policy in &mut live.policies {
        policy.attached = managed.iter().any(|arn| Some(arn) == policy.arn.as_ref());
    }
    managed.retain(|arn| live.policies.iter().all(|policy| policy.arn.as_ref() != Some(arn)));
    if inline.iter().any(|name| name == INLINE) {
        inline.retain(|name| name != INLINE);
        let call = cx.aws.iam.get_role_policy().role_name(&live.name).policy_name(INLINE);
        let answer = call.send().await.or_absent("GetRolePolicy", ABSENT)?;
        live.policies.extend(answer.map(|answer| granted::of_an_older_stackctl(&answer.policy_document)));
    }
    Ok(Some(Live { managed, inline, ..live }))
}

/// Returns the role of this name, or `None` if IAM shows none.
pub(super) async fn named(cx: &Context, name: &str) -> Result<Option<SdkRole>, Failure> {
    let answer = cx.aws.iam.get_role().role_name(name).send().await.or_absent("GetRole", ABSENT)?;
    Ok(answer.and_then(|answer| answer.role))
}

/// Converts `role` at `address`, from a list or from `GetRole`.
pub(super) fn shown(cx: &Context, address: &Address, role: &SdkRole, policies: Vec<Granted>) -> Live {
    let says = role.description().unwrap_or_default();
    let region = origin(&cx.id, says).map(|(_, region)| region);
    Live {
        name: role.role_name().to_owned(),
        arn: role.arn().to_owned(),
        principal: trusted(&role.assume_role_policy_document().map(decoded).unwrap_or_default()),
        description: says.to_owned(),
        described: description(&cx.id, address, &cx.aws.region),
        policies,
        managed: Vec::new(),
        inline: Vec::new(),
        whole: false,
        region: region.or_else(|| aws::tag_value(role.tags(), aws::REGION).map(str::to_owned)),
        here: cx.aws.region.clone(),
    }
}

fn by_role(policies: Vec<Granted>) -> BTreeMap<String, Vec<Granted>> {
    let mut by_role: BTreeMap<String, Vec<Granted>> = BTreeMap::new();
    for policy in policies {
        if let Some(role) = granted::role_of(&policy.name) {
            by_role.entry(role.to_owned()).or_default().push(policy);
        }
    }
    by_role
}

/// Converts a listed role, if it belongs to the stack. A role that an older stackctl created, or whose description
/// somebody changed, is read completely: its tags show the owner, and its policy is an inline one.
async fn found(cx: &Context, role: &SdkRole, policies: Vec<Granted>) -> Result<Option<Found<Live>>, Failure> {
    let found = |address, live: Live| Found { address, id: live.name.clone(), live };
    if let Some((address, _)) = origin(&cx.id, role.description().unwrap_or_default()) {
        let live = shown(cx, &address, role, policies);
        let live = if is_of_application(cx, &address) { with_others(cx, live).await? } else { Some(live) };
        return Ok(live.map(|live| found(address, live)));
    }
    let Some(role) = named(cx, role.role_name()).await? else { return Ok(None) };
    let Some(address) = aws::address_of(&cx.id, role.tags()) else { return Ok(None) };
    let live = whole(cx, &shown(cx, &address, &role, policies)).await?;
    Ok(live.map(|live| found(address, live)))
}

/// Whether an application uses the role. Detecting permissions beyond those in stack.yaml is worth two more calls.
fn is_of_application(cx: &Context, address: &Address) -> bool {
    let mut expected = cx.expected(ROLE);
    !cx.deletes_all() && expected.any(|(other, desired)| other == address && desired["application"] == true)
}
