//! What a service of AWS may do for the stack: an IAM role with one inline policy.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html>

mod live;
mod policy;
mod taken;

use aws_sdk_iam::types::EntityType;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind},
    model::{Address, Changed, Changes, Diff, Failure, Found, NoField, On, Outputs, Permission, Phase, Shown, fields},
};

pub use live::Live;
use live::{POLICY, live, trust};
pub use policy::Statement;
use policy::{document, line};

/// How many roles a page of the account's authorization details holds at most.
const PAGE: i32 = 1000;

/// An IAM role.
pub struct Role;

/// What stack.yaml asks of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The service that may assume it, such as `ecs-tasks.amazonaws.com`.
    pub principal: String,
    /// The inline policy; none without statements.
    pub statements: Vec<Statement>,
}

fields! {
    /// What is changed in place.
    pub enum Field {
        Principal = "principal",
        Managed = "managed",
        Policies = "policies",
        Statements = "statements",
        Region = "region",
    }
}

impl Kind for Role {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "role";
    const DOC: Doc = Doc {
        summary: "What ECS, a task or a schedule may do on AWS.",
        page: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html",
    };
    const USES: &'static [&'static str] = &[];
    const IN_TWO_STEPS: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a role");
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["iam:GetAccountAuthorizationDetails"]),
        // Whose a role is that is there and is not listed yet.
        Permission::make(&["iam:GetRole"], On::Named(&["iam::{account}:role/stackctl/{stack}/{environment}/*"])),
        // What a role has too much is taken away in an update.
        Permission::make(
            &[
                "iam:CreateRole",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:PutRolePolicy",
                "iam:TagRole",
                "iam:UpdateAssumeRolePolicy",
            ],
            On::Named(&["iam::{account}:role/stackctl/{stack}/{environment}/*"]),
        ),
        Permission::delete(
            &["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:GetRole"],
            On::Named(&["iam::{account}:role/stackctl/{stack}/{environment}/*"]),
        ),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let mut found = listed(cx).await?;
        if cx.deletes_all() {
            found.extend(taken::unlisted(cx, Self::NAME, &found).await?);
        }
        Ok(found)
    }

    /// What is waited for is on the list, or gone.
    async fn look(cx: &Context, _waited_for: Vec<(Address, Live)>) -> Result<Vec<Found<Live>>, Failure> {
        listed(cx).await
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        diff.field(Field::Principal, &live.principal, &desired.principal);
        diff.set(Field::Managed, &live.managed, &[]);
        diff.set(Field::Policies, &live.other_policies, &[]);
        let known: Option<Vec<String>> = desired.statements.iter().map(line).collect();
        if let Some(lines) = known {
            diff.set(Field::Statements, &live.statements, &lines);
        } else {
            let now = Shown::value(live.statements.join("; "));
            diff.push(Field::Statements, now, Shown::KnownAfterApply);
        }
        if live.region.as_ref() != Some(&live.here) && !live.here.is_empty() {
            let from = live.region.as_ref().map_or(Shown::Absent, Shown::value);
            diff.push(Field::Region, from, Shown::value(&live.here));
        }
        diff.finish()
    }

    /// Tasks of the revision that runs need what it was given until others take their place.
    fn wider(desired: &Desired, live: &Live) -> Option<Desired> {
        let kept = policy::beside(&live.allows, &desired.statements);
        if kept.is_empty() {
            return None;
        }
        let is_new = !policy::beside(&desired.statements, &live.allows).is_empty();
        let both = || desired.statements.iter().cloned().chain(kept).collect();
        let statements = if is_new { both() } else { live.allows.clone() };
        Some(Desired { statements, ..desired.clone() })
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("arn", &live.arn).with("name", &live.name)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let name = taken::name(cx, address);
        let call = cx
            .aws
            .iam
            .create_role()
            .role_name(&name)
            .path(aws::iam_path(&cx.id))
            .description(format!("{address} of {}", cx.id))
            .assume_role_policy_document(trust(&desired.principal).to_string())
            .set_tags(Some(aws::tags(&cx.id, address)))
            .tags(aws::tag(aws::REGION, &cx.aws.region));
        let answer = match call.customize().once().send().await.during("CreateRole") {
            Err(refusal) if refusal.is(&[taken::TAKEN]) => return taken::own(cx, address, &name, refusal).await,
            answer => answer?,
        };
        let role = given(answer.role, "CreateRole", "Role")?;
        let (managed, statements, other_policies) = (Vec::new(), Vec::new(), Vec::new());
        let (principal, allows, here) = (desired.principal.clone(), Vec::new(), cx.aws.region.clone());
        let (name, arn, region) = (role.role_name, role.arn, Some(here.clone()));
        Ok(Live { name, arn, principal, managed, statements, allows, other_policies, region, here })
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        for field in changes {
            match field {
                Field::Principal => {
                    let call = cx.aws.iam.update_assume_role_policy().role_name(&live.name);
                    let call = call.policy_document(trust(&desired.principal).to_string());
                    call.customize().once().send().await.during("UpdateAssumeRolePolicy")?;
                    live.principal.clone_from(&desired.principal);
                }
                Field::Managed => {
                    for policy in std::mem::take(&mut live.managed) {
                        detach(cx, &live, &policy).await?;
                    }
                }
                Field::Policies => {
                    for policy in std::mem::take(&mut live.other_policies) {
                        remove_policy(cx, &live, &policy).await?;
                    }
                }
                Field::Region => {
                    let call = cx.aws.iam.tag_role().role_name(&live.name).tags(aws::tag(aws::REGION, &live.here));
                    call.customize().once().send().await.during("TagRole")?;
                    live.region = Some(live.here.clone());
                }
                Field::Statements => {
                    live.statements = set_statements(cx, desired, &live).await?;
                    live.allows.clone_from(&desired.statements);
                }
            }
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        for policy in &live.managed {
            detach(cx, live, policy).await?;
        }
        let own = (!live.statements.is_empty()).then_some(POLICY);
        for policy in live.other_policies.iter().map(String::as_str).chain(own) {
            remove_policy(cx, live, policy).await?;
        }
        let call = cx.aws.iam.delete_role().role_name(&live.name).customize().once();
        call.send().await.or_absent("DeleteRole", &["NoSuchEntity"]).map(drop)
    }

    /// The stack of this name in the other region has the roles of these names: what they allow there, they would allow here.
    fn by_hand(_address: &Address, _desired: &Desired, live: Option<&Live>) -> Option<String> {
        let region = live?.elsewhere()?;
        Some(format!(
            "belongs to this stack in {region}, which could start no task without it: set `region: {region}` and run `stackctl \
             destroy` first, or give the stack in the other region another `name` or `--env`"
        ))
    }

    fn guard(live: &Live) -> Option<String> {
        let region = live.elsewhere()?;
        Some(format!("it belongs to this stack in {region}, which could start no task without it"))
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        if failure.is(&[taken::NOT_SHOWN]) {
            return Some("IAM to show the role that it has");
        }
        failure.is(&["ConcurrentModification", "DeleteConflict"]).then_some("another change of it to end")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use super::model::Iam;
        let with = |principal: &str, statements| Desired { principal: principal.to_owned(), statements };
        let reads =
            || vec![Statement::new(&["s3:GetObject", "s3:ListBucket"], vec!["arn:one".into(), "arn:two".into()])];
        let writes = vec![Statement::new(&["s3:PutObject"], vec!["arn:one".into()])];
        let tasks = "ecs-tasks.amazonaws.com";
        crate::kind::Sample::new(super::model::cloud, with(tasks, reads()))
            .variant(&["principal"], with("scheduler.amazonaws.com", reads()))
            .variant(&["statements"], with(tasks, writes))
            .variant(&["statements"], with(tasks, Vec::new()))
            .drift(&["principal"], |cloud| cloud.with(Iam::trust_everybody))
            .drift(&["managed"], |cloud| cloud.with(Iam::attach))
            .drift(&["region"], |cloud| cloud.with(Iam::forget_regions))
            .drift(&["policies"], |cloud| cloud.with(|iam: &mut Iam| iam.put("more", r#"{"Statement": []}"#)))
            .drift(&["statements"], |cloud| cloud.with(Iam::take_policies))
            .drift(&["statements"], |cloud| {
                let denied = r#"{"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}"#;
                cloud.with(|iam: &mut Iam| iam.put(POLICY, denied));
            })
    }
}

/// The stack's roles that IAM lists. `ListRoles` has neither tags nor policies, and a call a role for each would grow with the
/// stack; this call has all of them for a thousand roles a page.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>
async fn listed(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let call = cx.aws.iam.get_account_authorization_details().filter(EntityType::Role).max_items(PAGE);
        let page = call.set_marker(marker).send().await.during("GetAccountAuthorizationDetails")?;
        for role in page.role_detail_list() {
            let address = aws::address_of(&cx.id, role.tags());
            if let Some(address) = address.filter(|_| role.path() == Some(&aws::iam_path(&cx.id))) {
                let live = live(role, &cx.aws.region);
                found.push(Found { address, id: live.name.clone(), live });
            }
        }
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

async fn set_statements(cx: &Context, desired: &Desired, live: &Live) -> Result<Vec<String>, Failure> {
    let lines: Vec<String> = desired.statements.iter().filter_map(line).collect();
    if lines.is_empty() {
        remove_policy(cx, live, POLICY).await?;
    } else {
        let document = document(&desired.statements)?.to_string();
        let call = cx.aws.iam.put_role_policy().role_name(&live.name).policy_name(POLICY).policy_document(document);
        call.customize().once().send().await.during("PutRolePolicy")?;
    }
    Ok(lines)
}

async fn detach(cx: &Context, live: &Live, policy: &str) -> Result<(), Failure> {
    let call = cx.aws.iam.detach_role_policy().role_name(&live.name).policy_arn(policy);
    let answer = call.customize().once().send().await;
    answer.or_absent("DetachRolePolicy", &["NoSuchEntity"]).map(drop)
}

async fn remove_policy(cx: &Context, live: &Live, policy: &str) -> Result<(), Failure> {
    let call = cx.aws.iam.delete_role_policy().role_name(&live.name).policy_name(policy);
    let answer = call.customize().once().send().await;
    answer.or_absent("DeleteRolePolicy", &["NoSuchEntity"]).map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        live::{decoded, trusted},
        policy::{read, statements_of},
        *,
    };
    use crate::model::Input;

    /// A role without policies, made for the stack in `region` and looked at `here`.
    fn live(region: Option<&str>, here: &str) -> Live {
        Live {
            name: "n".into(),
            arn: "arn".into(),
            principal: "p".into(),
            managed: Vec::new(),
            statements: Vec::new(),
            allows: Vec::new(),
            other_policies: Vec::new(),
            region: region.map(str::to_owned),
            here: here.into(),
        }
    }

    #[test]
    fn a_policy_reads_the_same_however_aws_writes_it() {
        let encoded = "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22a%3Ab%22%2C\
                       %22Resource%22%3A%5B%22y%22%2C%22x%22%5D%7D%7D";
        let document = decoded(encoded);
        assert_eq!(read(statements_of(&document).next().expect("it has one")), "a:b on x, y");
    }

    #[test]
    fn other_trust_and_other_parts_of_a_statement_are_seen() {
        let mut document = trust("ecs-tasks.amazonaws.com");
        assert_eq!(trusted(&document), "ecs-tasks.amazonaws.com");
        let other = json!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" });
        document["Statement"].as_array_mut().expect("a list").push(other);
        assert!(trusted(&document).contains(r#""AWS":"*""#));
        let denies = json!({ "Effect": "Deny", "Action": "a:b", "Resource": "x" });
        let on_condition = json!({ "Effect": "Allow", "Action": "a:b", "Resource": "x", "Condition": {} });
        for more in [denies, on_condition] {
            assert_ne!(read(&more), "a:b on x");
            assert_eq!(policy::allowed(&more), None);
        }
    }

    #[test]
    fn a_statement_with_an_unknown_resource_is_known_after_apply() {
        let resources = vec![Input::output(&Address::new("secret", "s"), "arn")];
        let statements = vec![Statement { actions: vec!["a:b".into()], resources }];
        let desired = Desired { principal: "p".into(), statements };
        assert_eq!(Role::diff(&desired, &live(None, ""))[0].to, Shown::KnownAfterApply);
    }

    #[test]
    fn a_role_of_the_stack_in_another_region_is_left_alone() {
        let live = |region| live(region, "eu-west-1");
        let (desired, address) = (Desired { principal: "p".into(), statements: Vec::new() }, Address::new("role", "r"));
        let by_hand = |live: &Live| Role::by_hand(&address, &desired, Some(live));
        let elsewhere = live(Some("eu-central-1"));
        assert_eq!(Role::diff(&desired, &elsewhere).len(), 1, "the plan has a step that tells of it");
        assert!(by_hand(&elsewhere).is_some_and(|told| told.contains("in eu-central-1") && told.contains("`--env`")));
        assert!(Role::guard(&elsewhere).is_some());
        for own in [live(Some("eu-west-1")), live(None)] {
            assert_eq!((by_hand(&own), Role::guard(&own)), (None, None));
        }
        assert_eq!(Role::diff(&desired, &live(None))[0].field, "region", "one of an older stackctl gets the tag");
    }
}
