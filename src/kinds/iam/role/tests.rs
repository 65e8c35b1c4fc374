use std::sync::Arc;

use super::*;
use crate::{
    aws::model,
    kind::NoImages,
    kinds::iam::model::{Iam, cloud},
    model::{Input, StackId},
};

const TASKS: &str = "ecs-tasks.amazonaws.com";

fn id() -> StackId {
    StackId { stack: "shop".into(), environment: "test".into() }
}

fn context(cloud: &model::Cloud) -> Context {
    Context::new(id(), Arc::new(model::session(cloud)), Arc::new(NoImages))
}

fn address() -> Address {
    Address::new("role", "main")
}

fn may(actions: &[&str]) -> Desired {
    Desired::new(TASKS, vec![Statement::new(actions, vec!["arn:one".into()])])
}

/// Returns the only role, as a plan reads it before a change.
async fn found(cx: &Context) -> Live {
    let found = Role::list(cx).await.expect("IAM answers").remove(0).live;
    Role::whole(cx, &found).await.expect("IAM answers").unwrap_or(found)
}

/// Updates the role to `desired`, and returns it.
async fn set(cx: &Context, desired: &Desired, live: &Live) -> Live {
    let changes = Role::diff(desired, live);
    let fields: Changed<Field> = changes.iter().map(|change| field(&change.field)).collect();
    Role::update(cx, &address(), desired, live, &fields).await.expect("IAM takes it")
}

fn field(name: &str) -> Field {
    *Field::ALL.iter().find(|field| field.name() == name).expect("it is a field")
}

async fn made(cx: &Context, desired: &Desired) -> Live {
    let bare = Role::create(cx, &address(), desired).await.expect("its name is free");
    set(cx, desired, &bare).await
}

/// Returns the plan for the only role.
async fn planned(cx: &Context, desired: &Desired) -> Vec<String> {
    Role::diff(desired, &found(cx).await).iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn two_calls_list_all_roles_of_the_stack() {
    let cloud = cloud();
    let cx = context(&cloud);
    let desired = may(&["s3:Get"]);
    made(&cx, &desired).await;
    let listed = Role::list(&cx).await.expect("IAM answers");
    assert_eq!((listed.len(), listed[0].address.clone()), (1, address()));
    assert_eq!(Role::diff(&desired, &listed[0].live), [], "without a call for the role");
    let more = may(&["s3:Get", "s3:Put"]);
    assert_eq!(Role::diff(&more, &listed[0].live)[0].field, "statements");
    let (from, to) = ("s3:Get on arn:one → (none)", "(none) → s3:Get, s3:Put on arn:one");
    assert_eq!(planned(&cx, &more).await, [format!("statements: {from}"), format!("statements: {to}")]);
}

#[tokio::test]
async fn edited_or_detached_policy_is_restored() {
    let cloud = cloud();
    let cx = context(&cloud);
    let desired = may(&["s3:Get"]);
    made(&cx, &desired).await;
    let whole = cloud.with(Iam::has);
    cloud.with(Iam::detach_all);
    assert_eq!(planned(&cx, &desired).await, ["statements: (none) → s3:Get on arn:one"]);
    set(&cx, &desired, &found(&cx).await).await;
    assert_eq!((cloud.with(Iam::has), cloud.with(Iam::count)), (whole, (2, 1)), "the same policy");
    let everything = r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    cloud.with(|iam: &mut Iam| iam.edit(everything));
    let mended = ["statements: * on * → (none)", "statements: (none) → s3:Get on arn:one"];
    assert_eq!(planned(&cx, &desired).await, mended);
    // Permissions that running tasks may need are removed only after other tasks replaced them.
    let edited = found(&cx).await;
    let wider = Role::wider(&desired, &edited).expect("it takes something away");
    let both = set(&cx, &wider, &edited).await;
    assert_eq!(cloud.with(Iam::has).len(), 2);
    set(&cx, &desired, &both).await;
    assert_eq!((cloud.with(Iam::has).len(), cloud.with(Iam::count)), (1, (2, 1)));
    assert_eq!(planned(&cx, &desired).await, [""; 0]);
    // Somebody edited the policy without changing its content.
    cloud.with(|iam: &mut Iam| {
        iam.edit(r#"{"Statement": [{"Effect": "Allow", "Action": "s3:Get", "Resource": "arn:one"}]}"#);
    });
    let plan = planned(&cx, &desired).await;
    assert!(plan[0].contains(", edited by hand → (none)") && plan[1].contains("(none) → policy"), "{plan:?}");
}

#[tokio::test]
async fn removed_permissions_stay_until_the_role_is_narrowed() {
    let cloud = cloud();
    let cx = context(&cloud);
    let (reads, writes) = (may(&["s3:Get"]), may(&["s3:Put"]));
    let live = made(&cx, &reads).await;
    let wider = Role::wider(&writes, &live).expect("it takes reading away");
    let both = set(&cx, &wider, &live).await;
    assert_eq!(cloud.with(Iam::has).len(), 2);
    assert_eq!(Role::diff(&wider, &both), []);
    let narrow = set(&cx, &writes, &both).await;
    assert_eq!((cloud.with(Iam::has).len(), cloud.with(Iam::count)), (1, (2, 1)));
    // Added permissions are granted immediately. If permissions are only removed, nothing has to be granted first.
    let more = may(&["s3:Get", "s3:Put"]);
    assert_eq!(Role::wider(&more, &narrow), None);
    let all = set(&cx, &more, &narrow).await;
    let first = Role::wider(&writes, &all).expect("it takes reading away");
    assert_eq!(Role::diff(&first, &all), []);
    assert_eq!(set(&cx, &writes, &all).await.policies.len(), 1);
}

#[tokio::test]
async fn role_of_an_older_stackctl_gets_a_managed_policy() {
    let cloud = cloud();
    let cx = context(&cloud);
    let desired = may(&["s3:Get"]);
    made(&cx, &desired).await;
    let document = documents(&desired.statements).expect("all is known")[0].text().expect("all is known");
    cloud.with(|iam: &mut Iam| iam.make_old(&id(), &address(), &document));
    let live = found(&cx).await;
    let plan = planned(&cx, &desired).await;
    assert!(plan[0].contains("policy stackctl, inline → (none)") && plan[1].contains("(none) → policy"), "{plan:?}");
    assert_eq!(plan[2], "description: role.main of shop/test → role.main of shop/test in eu-west-1");
    // The permissions are the same, so one step is enough.
    assert_eq!(Role::wider(&desired, &live), None);
    set(&cx, &desired, &live).await;
    assert_eq!(planned(&cx, &desired).await, [""; 0]);
    assert_eq!((cloud.with(Iam::has).len(), cloud.with(Iam::count)), (1, (2, 1)));
}

#[tokio::test]
async fn policies_granted_by_others_are_found_when_a_role_changes() {
    let cloud = cloud();
    let cx = context(&cloud);
    let (reads, writes) = (may(&["s3:Get"]), may(&["s3:Put"]));
    made(&cx, &reads).await;
    cloud.with(Iam::attach);
    cloud.with(|iam: &mut Iam| iam.put("more", r#"{"Statement": []}"#));
    let live = found(&cx).await;
    let fields: Vec<String> = Role::diff(&writes, &live).iter().map(|change| change.field.clone()).collect();
    assert_eq!(fields, ["managed", "inline", "statements", "statements"]);
    set(&cx, &writes, &live).await;
    assert_eq!(cloud.with(Iam::has).len(), 1);
    cloud.with(Iam::attach);
    cloud.with(|iam: &mut Iam| iam.put("more", r#"{"Statement": []}"#));
    let listed = Role::list(&cx).await.expect("IAM answers").remove(0).live;
    Role::delete(&cx, &listed).await.expect("it is read whole where IAM refuses to delete it");
    assert_eq!(cloud.with(Iam::count), (1, 0), "the one of nobody");
}

#[tokio::test]
async fn policies_of_a_manually_deleted_role_are_deleted() {
    let cloud = cloud();
    let cx = context(&cloud);
    let desired = may(&["s3:Get"]);
    made(&cx, &desired).await;
    cloud.with(|iam: &mut Iam| iam.edit(r#"{"Statement": []}"#));
    cloud.with(Iam::lose);
    assert_eq!(Role::list(&cx).await, Ok(Vec::new()), "it has to be made again");
    let left = Role::list(&cx.deleting_all()).await.expect("IAM answers").remove(0);
    assert_eq!(left.address, address());
    Role::delete(&context(&cloud), &left.live).await.expect("its policies go, with all their versions");
    assert_eq!(cloud.with(Iam::count), (1, 0), "the one of nobody");
}

#[test]
fn statement_with_an_unknown_resource_is_known_after_apply() {
    let resources = vec![Input::output(&Address::new("secret", "s"), "arn")];
    let desired = Desired::new("p", vec![Statement { actions: vec!["a:b".into()], resources }]);
    assert_eq!(Role::diff(&desired, &bare(Some("a"), "a"))[0].to, Shown::KnownAfterApply);
}

/// Returns a role without policies for the stack in `region`, read by the stack in `here`.
fn bare(region: Option<&str>, here: &str) -> Live {
    let described = |region: &str| description(&id(), &address(), region);
    Live {
        name: "n".into(),
        arn: "arn".into(),
        principal: "p".into(),
        description: region.map_or_else(|| "role.main of shop/test".to_owned(), described),
        described: described(here),
        policies: Vec::new(),
        managed: Vec::new(),
        inline: Vec::new(),
        whole: true,
        region: region.map(str::to_owned),
        here: here.into(),
    }
}

#[test]
fn role_of_the_stack_in_another_region_is_not_changed() {
    let (desired, address) = (Desired::new("p", Vec::new()), address());
    let by_hand = |live: &Live| Role::by_hand(&address, &desired, Some(live));
    let elsewhere = bare(Some("eu-central-1"), "eu-west-1");
    assert_eq!(Role::diff(&desired, &elsewhere).len(), 1, "the plan has a step that tells of it");
    assert!(by_hand(&elsewhere).is_some_and(|told| told.contains("in eu-central-1") && told.contains("`--env`")));
    assert!(Role::guard(&elsewhere).is_some());
    for own in [bare(Some("eu-west-1"), "eu-west-1"), bare(None, "eu-west-1")] {
        assert_eq!((by_hand(&own), Role::guard(&own)), (None, None));
    }
    assert_eq!(Role::diff(&desired, &bare(None, "eu-west-1"))[0].field, "description", "an older stackctl's gets it");
}
