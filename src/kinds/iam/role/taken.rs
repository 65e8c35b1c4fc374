//! A role whose name is taken. IAM shows what was just made only after a while: it may be the stack's own, of a run that was killed.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>

use aws_sdk_iam::types::Role as SdkRole;

use super::live::{Live, decoded, trusted};
use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::{Address, Cause, Failure},
};

/// IAM's code for a name that is taken.
pub(super) const TAKEN: &str = "EntityAlreadyExists";

/// The code of the failure that says that IAM has the role and does not show it. IAM has none.
pub(super) const NOT_SHOWN: &str = "RoleIsNotShownYet";

/// The stack's own role `name` for `address`, which `refusal` says is there. Its policies are not read: the update after the
/// creation puts the stack's own.
///
/// # Errors
/// `refusal`, if the role is somebody else's.
pub(super) async fn own(cx: &Context, address: &Address, name: &str, refusal: Failure) -> Result<Live, Failure> {
    let answer = match cx.aws.iam.get_role().role_name(name).send().await.or_absent("GetRole", &["NoSuchEntity"]) {
        // The caller may read the roles at the stack's path, and no others.
        Err(failure) if failure.cause == Cause::Refused => return Err(of_another(refusal, name, "somebody else")),
        answer => answer?,
    };
    let Some(role) = answer.and_then(|answer| answer.role) else {
        return Err(Failure { code: Some(NOT_SHOWN.to_owned()), ..refusal });
    };
    let ours = role.path() == aws::iam_path(&cx.id) && aws::address_of(&cx.id, role.tags()).as_ref() == Some(address);
    let region = aws::tag_value(role.tags(), aws::REGION).map(str::to_owned);
    let live = Live {
        name: role.role_name().to_owned(),
        arn: role.arn().to_owned(),
        principal: trusted(&role.assume_role_policy_document().map(decoded).unwrap_or_default()),
        managed: Vec::new(),
        statements: Vec::new(),
        allows: Vec::new(),
        other_policies: Vec::new(),
        region,
        here: cx.aws.region.clone(),
    };
    if ours && live.elsewhere().is_none() {
        return Ok(live);
    }
    Err(of_another(refusal, &live.arn, &owner(&role)))
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

    use super::*;
    use crate::{
        aws::model,
        kind::{Kind, NoImages},
        kinds::iam::{
            model::{Iam, cloud},
            role::{Desired, Role, Statement},
        },
        model::StackId,
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
