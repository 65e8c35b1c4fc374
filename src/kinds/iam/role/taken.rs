//! A role that IAM does not list. IAM shows what was just made only after a while: one by whose name it refuses a creation, or that a
//! deletion does not see, may be the stack's own, of a run that was killed.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>

use std::collections::BTreeSet;

use aws_sdk_iam::types::Role as SdkRole;
use futures::future::try_join_all;

use super::live::{Live, decoded, trusted};
use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::{Address, Cause, Failure, Found},
};

/// The longest name of a role, in characters.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
const LONGEST_NAME: usize = 64;

/// IAM's code for a name that is taken.
pub(super) const TAKEN: &str = "EntityAlreadyExists";

/// The code of the failure that says that IAM has the role and does not show it. IAM has none.
pub(super) const NOT_SHOWN: &str = "RoleIsNotShownYet";

/// What stands for the statements of a policy that was not read: the deletion of the role removes that too.
const UNREAD: &str = "not read";

/// The stack's own role `name` for `address`, which `refusal` says is there. Its policies are not read: the update after the
/// creation puts the stack's own.
///
/// # Errors
/// `refusal`, if the role is somebody else's.
pub(super) async fn own(cx: &Context, address: &Address, name: &str, refusal: Failure) -> Result<Live, Failure> {
    let role = match named(cx, name).await {
        // The caller may read the roles at the stack's path, and no others.
        Err(failure) if failure.cause == Cause::Refused => return Err(of_another(refusal, name, "somebody else")),
        answer => answer?,
    };
    let Some(role) = role else {
        return Err(Failure { code: Some(NOT_SHOWN.to_owned()), ..refusal });
    };
    let live = unread(cx, &role);
    if is_own(cx, address, &role) && live.elsewhere().is_none() {
        return Ok(live);
    }
    Err(of_another(refusal, &live.arn, &owner(&role)))
}

/// The stack's own roles that stack.yaml asks for and that are not among those `listed`, for a run that deletes them.
///
/// # Errors
/// If IAM fails.
pub(super) async fn unlisted(cx: &Context, kind: &str, listed: &[Found<Live>]) -> Result<Vec<Found<Live>>, Failure> {
    let listed: BTreeSet<&Address> = listed.iter().map(|found| &found.address).collect();
    let missing = cx.expected(kind).map(|(address, _)| address).filter(|address| !listed.contains(address));
    let looks = missing.map(|address| async move {
        let role = match named(cx, &name(cx, address)).await {
            // It is not at the stack's path.
            Err(failure) if failure.cause == Cause::Refused => None,
            answer => answer?.filter(|role| is_own(cx, address, role)),
        };
        let live = role.map(|role| Live { statements: vec![UNREAD.to_owned()], ..unread(cx, &role) });
        Ok::<_, Failure>(live.map(|live| Found { address: address.clone(), id: live.name.clone(), live }))
    });
    Ok(try_join_all(looks).await?.into_iter().flatten().collect())
}

/// The name of the role at `address`.
pub(super) fn name(cx: &Context, address: &Address) -> String {
    aws::derived(&cx.id, address, LONGEST_NAME)
}

/// The role of this name; none if IAM shows none.
async fn named(cx: &Context, name: &str) -> Result<Option<SdkRole>, Failure> {
    let answer = cx.aws.iam.get_role().role_name(name).send().await.or_absent("GetRole", &["NoSuchEntity"])?;
    Ok(answer.and_then(|answer| answer.role))
}

/// Whether it is the stack's at `address`, by its path and its tags.
fn is_own(cx: &Context, address: &Address, role: &SdkRole) -> bool {
    role.path() == aws::iam_path(&cx.id) && aws::address_of(&cx.id, role.tags()).as_ref() == Some(address)
}

/// It without its policies.
fn unread(cx: &Context, role: &SdkRole) -> Live {
    Live {
        name: role.role_name().to_owned(),
        arn: role.arn().to_owned(),
        principal: trusted(&role.assume_role_policy_document().map(decoded).unwrap_or_default()),
        managed: Vec::new(),
        statements: Vec::new(),
        allows: Vec::new(),
        other_policies: Vec::new(),
        region: aws::tag_value(role.tags(), aws::REGION).map(str::to_owned),
        here: cx.aws.region.clone(),
    }
}

fn of_another(refusal: Failure, role: &str, owner: &str) -> Failure {
    refusal.hint(format!(
        "the role {role} belongs to {owner}: give this stack or its environment another name, or delete the role if nobody uses it"
    ))
}

/// Whose it is, as far as its tags say.
fn owner(role: &SdkRole) -> String {
    let tag = |key| aws::tag_value(role.tags(), key);
    match (tag(aws::STACK), tag(aws::ENVIRONMENT), tag(aws::REGION)) {
        (Some(stack), Some(environment), Some(region)) => format!("the stack {stack}/{environment} in {region}"),
        (Some(stack), Some(environment), None) => format!("the stack {stack}/{environment}"),
        _ => "no stack of stackctl".to_owned(),
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
        Desired { principal: "ecs-tasks.amazonaws.com".into(), statements }
    }

    #[tokio::test]
    async fn a_role_of_a_killed_run_is_taken_over() {
        let cloud = cloud();
        let cx = context(&cloud, "test");
        let address = Address::new("role", "main");
        let made = Role::create(&cx, &address, &desired()).await.expect("the name is free");
        assert_eq!(Role::create(&cx, &address, &desired()).await, Ok(made), "it is the same");
        assert_eq!(cloud.with(Iam::count), 2, "with the one of nobody");
    }

    #[tokio::test]
    async fn a_deletion_finds_a_role_that_is_not_listed_yet() {
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
        assert_eq!(cloud.with(Iam::count), 1, "the one of nobody");
    }

    #[tokio::test]
    async fn a_role_of_somebody_else_is_named_with_its_owner() {
        let cloud = cloud();
        let refused = async |environment: &str, name: &str| {
            let cx = context(&cloud, environment);
            let refused = Role::create(&cx, &Address::new("role", name), &desired()).await;
            let failure = refused.expect_err("its name is taken");
            assert_eq!((failure.code.as_deref(), Role::passing(&failure)), (Some(TAKEN), None));
            failure.hint.expect("it says whose it is")
        };
        assert!(refused("test", "given").await.contains("belongs to no stack of stackctl"));
        // `a` in `b-c` and `b-a` in `c` have roles of one name.
        let address = Address::new("role", "one-main");
        Role::create(&context(&cloud, "test"), &address, &desired()).await.expect("the name is free");
        assert!(refused("test-one", "main").await.contains("belongs to the stack shop/test in eu-west-1"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_that_iam_does_not_show_yet_is_waited_for() {
        let cloud = cloud();
        let cx = context(&cloud, "test");
        let address = Address::new("role", "main");
        cloud.lag(std::time::Duration::from_secs(5));
        Role::create(&cx, &address, &desired()).await.expect("the name is free");
        let failure = Role::create(&cx, &address, &desired()).await.expect_err("IAM does not show it");
        assert_eq!(Role::passing(&failure), Some("IAM to show the role that it has"));
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
        Role::create(&cx, &address, &desired()).await.expect("it is shown");
    }
}
