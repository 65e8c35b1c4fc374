//! Finds roles that IAM does not list. IAM shows new roles only after a while. If IAM rejects a creation because the
//! name exists, or a deletion does not see a role, it may be a role of the stack that a killed run created.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::Role as SdkRole;
use futures::future::try_join_all;

use super::{
    granted::Granted,
    live::Live,
    look::{self, named, shown},
};
use crate::{
    aws,
    kind::Context,
    kinds::iam::ROLE,
    model::{Address, Cause, Failure, Found},
};

/// The maximum length of a role name, in characters.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
const LONGEST_NAME: usize = 64;

/// The code of the error for a role that exists but that IAM does not show yet. IAM has no such code.
pub(super) const NOT_SHOWN: &str = "RoleIsNotShownYet";

/// Returns the stack's role `name` for `address`, which exists according to `refusal`. Does not read its policies: the
/// update after the creation sets them.
///
/// # Errors
/// Returns `refusal` if the role belongs to somebody else.
pub(super) async fn own(cx: &Context, address: &Address, name: &str, refusal: Failure) -> Result<Live, Failure> {
    let role = match named(cx, name).await {
        // The caller may only read the roles at the stack's path.
        Err(failure) if failure.cause == Cause::Refused => return Err(of_another(refusal, name, "somebody else")),
        answer => answer?,
    };
    let Some(role) = role else {
        return Err(Failure { code: Some(NOT_SHOWN.to_owned()), ..refusal });
    };
    let live = shown(cx, address, &role, Vec::new());
    if is_own(cx, address, &role) && live.elsewhere().is_none() {
        return Ok(live);
    }
    Err(of_another(refusal, &live.arn, &owner(&role)))
}

/// Returns the stack's roles, including those that IAM does not list yet and the remaining policies of roles that
/// somebody deleted.
pub(super) async fn all(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
    let (mut found, mut policies) = look::with_policies(cx).await?;
    found.extend(unlisted(cx, &found, &mut policies).await?);
    found.extend(policies.into_iter().map(|left| left_over(cx, left)));
    Ok(found)
}

/// Returns the stack's roles in stack.yaml that are not in `listed`, for a run that deletes them, and moves their
/// policies there from `policies`, which are grouped by role.
///
/// # Errors
/// Returns an error if a call to IAM fails.
async fn unlisted(
    cx: &Context,
    listed: &[Found<Live>],
    policies: &mut BTreeMap<String, Vec<Granted>>,
) -> Result<Vec<Found<Live>>, Failure> {
    let listed: BTreeSet<&Address> = listed.iter().map(|found| &found.address).collect();
    let missing = cx.expected(ROLE).map(|(address, _)| address).filter(|address| !listed.contains(address));
    let looks = missing.map(|address| {
        let name = name(cx, address);
        let policies = policies.remove(&name).unwrap_or_default();
        async move {
            let role = match named(cx, &name).await {
                // The role is not at the stack's path.
                Err(failure) if failure.cause == Cause::Refused => None,
                answer => answer?.filter(|role| is_own(cx, address, role)),
            };
            Ok::<_, Failure>((address, name, role, policies))
        }
    });
    let looks: Vec<_> = looks.collect();
    let mut found = Vec::new();
    for (address, name, role, of_role) in try_join_all(looks).await? {
        match role {
            Some(role) => {
                let live = shown(cx, address, &role, of_role);
                found.push(Found { address: address.clone(), id: name, live });
            }
            None if of_role.is_empty() => {}
            None => drop(policies.insert(name, of_role)),
        }
    }
    Ok(found)
}

/// Returns the name of the role at `address`.
pub(super) fn name(cx: &Context, address: &Address) -> String {
    aws::derived(&cx.id, address, LONGEST_NAME)
}

/// Returns the policies of a role that somebody deleted. IAM detached them but kept them.
fn left_over(cx: &Context, (role, policies): (String, Vec<Granted>)) -> Found<Live> {
    let address = Address::new(ROLE, role.strip_prefix(&aws::stack_prefix(&cx.id)).unwrap_or(&role));
    let live = Live {
        name: role.clone(),
        arn: String::new(),
        principal: String::new(),
        description: String::new(),
        described: String::new(),
        policies,
        managed: Vec::new(),
        inline: Vec::new(),
        whole: true,
        region: None,
        here: cx.aws.region.clone(),
    };
    Found { address, id: role, live }
}

/// Whether the role belongs to the stack and to `address`, according to its path and tags.
fn is_own(cx: &Context, address: &Address, role: &SdkRole) -> bool {
    role.path() == aws::iam_path(&cx.id) && aws::address_of(&cx.id, role.tags()).as_ref() == Some(address)
}

fn of_another(refusal: Failure, role: &str, owner: &str) -> Failure {
    refusal.hint(format!(
        "the role {role} belongs to {owner}: rename this stack or its environment, or delete the role if it is unused"
    ))
}

/// Returns the owner in the tags of the role.
fn owner(role: &SdkRole) -> String {
    let tag = |key| aws::tag_value(role.tags(), key);
    match (tag(aws::STACK), tag(aws::ENVIRONMENT), tag(aws::REGION)) {
        (Some(stack), Some(environment), Some(region)) => format!("the stack {stack}/{environment} in {region}"),
        (Some(stack), Some(environment), None) => format!("the stack {stack}/{environment}"),
        _ => "no stackctl stack".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::{
        aws::model,
        kind::{Kind, NoImages},
        kinds::iam::{
            model::{Iam, cloud},
            role::{Desired, Field, Role, Statement},
        },
        model::{Changed, StackId},
    };

    fn context(cloud: &model::Cloud, environment: &str) -> Context {
        let id = StackId { stack: "shop".into(), environment: environment.into() };
        Context::new(id, Arc::new(model::session(cloud)), Arc::new(NoImages))
    }

    fn desired() -> Desired {
        let statements = vec![Statement::new(&["s3:GetObject"], vec!["arn:one".into()])];
        Desired::new("ecs-tasks.amazonaws.com", statements)
    }

    #[tokio::test]
    async fn role_of_a_killed_run_is_reused() {
        let cloud = cloud();
        let cx = context(&cloud, "test");
        let address = Address::new("role", "main");
        let made = Role::create(&cx, &address, &desired()).await.expect("the name is free");
        let taken = Role::create(&cx, &address, &desired()).await.map(|live| (live.arn, live.region));
        assert_eq!(taken, Ok((made.arn, made.region)), "it is the same");
        assert_eq!(cloud.with(Iam::count), (2, 0), "with the one of nobody");
    }

    #[tokio::test]
    async fn deletion_finds_a_role_that_iam_does_not_list_yet() {
        let cloud = cloud();
        let address = Address::new("role", "main");
        let wanted = ["main", "given"].map(|name| (Address::new("role", name), Value::Null));
        let cx = context(&cloud, "test").expecting(wanted);
        let made = Role::create(&cx, &address, &desired()).await.expect("the name is free");
        let fields: Changed<Field> = [Field::Statements].into_iter().collect();
        Role::update(&cx, &address, &desired(), &made, &fields).await.expect("it gets its policy");
        cloud.with(Iam::unlist);
        assert_eq!(Role::list(&cx).await.map(|found| found.len()), Ok(0), "a plan asks for no role by name");
        let found = Role::list(&cx.clone().deleting_all()).await.expect("it is asked for by its name");
        assert_eq!(found.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["shop-test-main"], "and no other's");
        let looked = Role::look(&cx.deleting_all(), Vec::new()).await.map(|found| found.len());
        assert_eq!(looked, Ok(0), "who waits until it is gone does not ask by name");
        let cx = context(&cloud, "test");
        Role::delete(&cx, &found[0].live).await.expect("its policy goes first");
        assert_eq!(cloud.with(Iam::count), (1, 0), "the one of nobody");
    }

    #[tokio::test]
    async fn error_for_a_taken_role_name_contains_the_owner() {
        let cloud = cloud();
        let refused = async |environment: &str, name: &str| {
            let cx = context(&cloud, environment);
            let refused = Role::create(&cx, &Address::new("role", name), &desired()).await;
            let failure = refused.expect_err("its name is taken");
            assert_eq!((failure.code.as_deref(), Role::passing(&failure)), (Some("EntityAlreadyExists"), None));
            failure.hint.expect("it says whose it is")
        };
        assert!(refused("test", "given").await.contains("belongs to no stackctl stack"));
        // `a` in `b-c` and `b-a` in `c` have roles of the same name.
        let address = Address::new("role", "one-main");
        Role::create(&context(&cloud, "test"), &address, &desired()).await.expect("the name is free");
        assert!(refused("test-one", "main").await.contains("belongs to the stack shop/test in eu-west-1"));
    }

    #[tokio::test(start_paused = true)]
    async fn role_that_iam_does_not_show_yet_is_waited_for() {
        let cloud = cloud();
        let cx = context(&cloud, "test");
        let address = Address::new("role", "main");
        cloud.lag(std::time::Duration::from_secs(5));
        Role::create(&cx, &address, &desired()).await.expect("the name is free");
        let failure = Role::create(&cx, &address, &desired()).await.expect_err("IAM does not show it");
        assert_eq!(Role::passing(&failure), Some("IAM to show the existing role"));
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
        Role::create(&cx, &address, &desired()).await.expect("it is shown");
    }
}
