//! An IAM role, which allows an AWS service to act for the stack, and its managed policies.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html>

mod grant;
mod granted;
mod live;
mod look;
mod policy;
mod taken;

use std::collections::BTreeSet;

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind},
    kinds::iam::ROLE,
    model::{Address, Changed, Changes, Diff, Failure, Found, NoField, On, Outputs, Permission, Phase, Shown, fields},
};

use grant::{TAKEN, detach, remove_inline};
use granted::Granted;
pub use live::Live;
use live::{description, trust};
pub use policy::Statement;
use policy::{Document, documents};

/// The roles and the policies at the stack's path. IAM accepts no single pattern for both: the part before the path
/// cannot be a wildcard.
const ROLES_AND_POLICIES: On = On::Named(&[
    "iam::{account}:policy/stackctl/{stack}/{environment}/*",
    "iam::{account}:role/stackctl/{stack}/{environment}/*",
]);

/// An IAM role.
pub struct Role;

/// The role that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The service that may assume it, such as `ecs-tasks.amazonaws.com`.
    pub principal: String,
    /// The statements of its policies. Without statements, it has no policies.
    pub statements: Vec<Statement>,
    /// The names of additional granted policies that it keeps for now.
    #[serde(default)]
    pub keeps: Vec<String>,
    /// Whether an application uses it. Every plan then shows the policies that others granted it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub application: bool,
}

impl Desired {
    /// Returns a role that `principal` may assume and that allows `statements`.
    pub fn new(principal: &str, statements: Vec<Statement>) -> Self {
        Self { principal: principal.to_owned(), statements, keeps: Vec::new(), application: false }
    }

    /// Returns the same role for use by an application.
    #[must_use]
    pub fn of_application(self) -> Self {
        Self { application: true, ..self }
    }

    fn is_kept(&self, policy: &Granted) -> bool {
        self.keeps.contains(&policy.name)
    }
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Principal = "principal",
        Managed = "managed",
        Inline = "inline",
        Statements = "statements",
        Description = "description",
    }
}

impl Kind for Role {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = ROLE;
    const DOC: Doc = Doc {
        summary: "The AWS permissions of ECS, a task or a schedule.",
        page: "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html",
    };
    const USES: &'static [&'static str] = &[];
    const IN_TWO_STEPS: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges nothing for a role");
    /// The error codes for a new role, or a new policy for it, that is not visible yet.
    const NOT_YET: &'static [&'static str] = granted::ABSENT;
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["iam:ListPolicies", "iam:ListRoles"]),
        // A role that a plan changes is read completely.
        Permission::look_at(
            &[
                "iam:GetPolicyVersion",
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
            ],
            ROLES_AND_POLICIES,
        ),
        // An update removes surplus policies.
        Permission::make(
            &[
                "iam:AttachRolePolicy",
                "iam:CreatePolicy",
                "iam:CreateRole",
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:ListPolicyVersions",
                "iam:TagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
            ],
            ROLES_AND_POLICIES,
        ),
        Permission::delete(
            &[
                "iam:DeletePolicy",
                "iam:DeletePolicyVersion",
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:ListPolicyVersions",
            ],
            ROLES_AND_POLICIES,
        ),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        if cx.deletes_all() { taken::all(cx).await } else { look::listed(cx).await }
    }

    /// Lists the roles. A role that is waited for is in the list, or deleted.
    async fn look(cx: &Context, _waited_for: Vec<(Address, Live)>) -> Result<Vec<Found<Live>>, Failure> {
        if cx.deletes_all() { look::there(cx).await } else { look::listed(cx).await }
    }

    async fn whole(cx: &Context, live: &Live) -> Result<Option<Live>, Failure> {
        if live.whole { Ok(None) } else { look::whole(cx, live).await }
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        let mut diff = Diff::new();
        diff.field(Field::Principal, &live.principal, &desired.principal);
        diff.set(Field::Managed, &live.managed, &[]);
        diff.set(Field::Inline, &live.inline, &[]);
        compare(&mut diff, desired, live);
        diff.field(Field::Description, &live.description, &live.described);
        diff.finish()
    }

    /// Keeps the policies that tasks of the running revision need until other tasks replace them.
    fn wider(desired: &Desired, live: &Live) -> Option<Desired> {
        let wanted = documents(&desired.statements).unwrap_or_default();
        let attached = || live.policies.iter().filter(|policy| policy.attached);
        let surplus = attached().filter(|policy| !is_wanted(policy, &wanted));
        let is_more = |policy: &&Granted| {
            policy.lines.is_none() || !policy::beside(&policy.allows, &desired.statements).is_empty()
        };
        let kept: Vec<String> = surplus.filter(is_more).map(|policy| policy.name.clone()).collect();
        if kept.is_empty() {
            return None;
        }
        let allowed: Vec<Statement> = attached().flat_map(|policy| policy.allows.clone()).collect();
        if policy::beside(&desired.statements, &allowed).is_empty() {
            // The attached policies already allow everything that is desired, so nothing must be attached first.
            let keeps = live.policies.iter().map(|policy| policy.name.clone()).collect();
            return Some(Desired { statements: Vec::new(), keeps, ..desired.clone() });
        }
        Some(Desired { keeps: kept, ..desired.clone() })
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
            .description(description(&cx.id, address, &cx.aws.region))
            .assume_role_policy_document(trust(&desired.principal).to_string())
            .set_tags(Some(aws::tags(&cx.id, address)))
            .tags(aws::tag(aws::REGION, &cx.aws.region));
        let answer = match call.customize().once().send().await.during("CreateRole") {
            Err(refusal) if refusal.is(&[TAKEN]) => return taken::own(cx, address, &name, refusal).await,
            answer => answer?,
        };
        let role = given(answer.role, "CreateRole", "Role")?;
        let mut live = look::shown(cx, address, &role, Vec::new());
        // The values that were sent apply, even if IAM does not show them yet.
        live.principal.clone_from(&desired.principal);
        live.description.clone_from(&live.described);
        (live.region, live.whole) = (Some(live.here.clone()), true);
        Ok(live)
    }

    async fn update(
        cx: &Context,
        address: &Address,
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
                        detach(cx, &live.name, &policy).await?;
                    }
                }
                Field::Inline => {
                    for policy in std::mem::take(&mut live.inline) {
                        remove_inline(cx, &live.name, &policy).await?;
                    }
                }
                Field::Description => {
                    let call = cx.aws.iam.update_role().role_name(&live.name).description(&live.described);
                    call.customize().once().send().await.during("UpdateRole")?;
                    live.description.clone_from(&live.described);
                    live.region = Some(live.here.clone());
                }
                Field::Statements => live.policies = set_policies(cx, address, desired, &live).await?,
            }
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        match delete(cx, live).await {
            // The role has more policies, which others granted it.
            Err(failure) if failure.is(&[IN_USE]) && !live.whole => match look::whole(cx, live).await? {
                Some(whole) => delete(cx, &whole).await,
                None => Ok(()),
            },
            done => done,
        }
    }

    /// Rejects changes of a role that the same stack in another region created. Both stacks use the same role names, so
    /// permissions for that region would apply here too.
    fn by_hand(_address: &Address, _desired: &Desired, live: Option<&Live>) -> Option<String> {
        let region = live?.elsewhere()?;
        Some(format!(
            "belongs to this stack in {region}, whose tasks cannot start without it: first set `region: {region}` \
             and run `stackctl destroy`, or give the stack in the other region another `name` or `--env`"
        ))
    }

    fn guard(live: &Live) -> Option<String> {
        let region = live.elsewhere()?;
        Some(format!("it belongs to this stack in {region}, whose tasks cannot start without it"))
    }

    fn identifiers(live: &Live) -> Vec<String> {
        if live.arn.is_empty() { Vec::new() } else { vec![live.arn.clone()] }
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        if failure.is(&[taken::NOT_SHOWN]) {
            return Some("IAM to show the existing role");
        }
        failure.is(&["ConcurrentModification", IN_USE]).then_some("another change of the role to finish")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use super::model::Iam;
        let reads =
            || vec![Statement::new(&["s3:GetObject", "s3:ListBucket"], vec!["arn:one".into(), "arn:two".into()])];
        let writes = vec![Statement::new(&["s3:PutObject"], vec!["arn:one".into()])];
        let tasks = "ecs-tasks.amazonaws.com";
        let with = |principal: &str, statements| Desired::new(principal, statements).of_application();
        crate::kind::Sample::new(super::model::cloud, with(tasks, reads()))
            .variant(&["principal"], with("scheduler.amazonaws.com", reads()))
            .variant(&["statements"], with(tasks, writes))
            .variant(&["statements"], with(tasks, Vec::new()))
            .drift(&["managed"], |cloud| cloud.with(Iam::attach))
            .drift(&["inline"], |cloud| cloud.with(|iam: &mut Iam| iam.put("more", r#"{"Statement": []}"#)))
            .drift(&["principal"], |cloud| cloud.with(Iam::trust_everybody))
            .drift(&["description"], |cloud| cloud.with(|iam: &mut Iam| iam.describe("mine")))
            .drift(&["statements"], |cloud| cloud.with(Iam::detach_all))
            .drift(&["statements"], |cloud| {
                let denied = r#"{"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}"#;
                cloud.with(|iam: &mut Iam| iam.edit(denied));
            })
    }
}

/// The IAM error code for deleting a role or policy to which something is attached.
const IN_USE: &str = "DeleteConflict";

/// Compares the granted policies with the desired ones: by line if their content is known and differs, otherwise by
/// name.
fn compare(diff: &mut Diff<Field, NoField>, desired: &Desired, live: &Live) {
    let attached = || live.policies.iter().filter(|policy| policy.attached);
    let Some(wanted) = documents(&desired.statements) else {
        let now: Vec<String> = attached().flat_map(|policy| policy.lines.clone().unwrap_or_default()).collect();
        diff.push(Field::Statements, Shown::value(now.join("; ")), Shown::KnownAfterApply);
        return;
    };
    let missing: Vec<&Document> =
        wanted.iter().filter(|document| !attached().any(|policy| policy.says(document))).collect();
    let surplus: Vec<&Granted> = surplus(desired, live, &wanted).collect();
    if missing.is_empty() && surplus.is_empty() {
        return;
    }
    let said = |policy: &Granted| {
        let document = wanted.iter().find(|document| policy.says(document));
        document.map(Document::lines).or_else(|| policy.lines.clone())
    };
    let lines = |all: Option<Vec<Vec<String>>>| all.map(|all| all.into_iter().flatten().collect::<BTreeSet<String>>());
    let from = lines(attached().map(said).collect());
    let kept = lines(live.policies.iter().filter(|policy| desired.is_kept(policy)).map(said).collect());
    let to = kept.map(|kept| wanted.iter().flat_map(Document::lines).chain(kept).collect::<BTreeSet<String>>());
    match from.zip(to) {
        Some((from, to)) if from != to => {
            let sorted = |lines: BTreeSet<String>| lines.into_iter().collect::<Vec<String>>();
            diff.set(Field::Statements, &sorted(from), &sorted(to));
        }
        _ => {
            for policy in surplus {
                diff.push(Field::Statements, Shown::value(policy.described()), Shown::Absent);
            }
            for document in missing {
                let name = format!("policy {}-{}", live.name, document.digest);
                diff.push(Field::Statements, Shown::Absent, Shown::value(name));
            }
        }
    }
}

/// Returns the policies of `live` that are neither `wanted` nor kept.
fn surplus<'a>(desired: &'a Desired, live: &'a Live, wanted: &'a [Document]) -> impl Iterator<Item = &'a Granted> {
    live.policies.iter().filter(move |policy| !is_wanted(policy, wanted) && !desired.is_kept(policy))
}

fn is_wanted(policy: &Granted, wanted: &[Document]) -> bool {
    wanted.iter().any(|document| policy.says(document))
}

/// Attaches the missing policies, and only then removes the surplus ones.
async fn set_policies(
    cx: &Context,
    address: &Address,
    desired: &Desired,
    live: &Live,
) -> Result<Vec<Granted>, Failure> {
    let Some(wanted) = documents(&desired.statements) else {
        return Err(Failure::internal(format!("a policy of {address} refers to an unknown resource")));
    };
    let mut policies = Vec::new();
    for document in &wanted {
        policies.push(grant::give(cx, live, document).await?);
    }
    for policy in surplus(desired, live, &wanted) {
        grant::take(cx, &live.name, policy).await?;
    }
    policies.extend(live.policies.iter().filter(|policy| desired.is_kept(policy)).cloned());
    Ok(policies)
}

/// Removes all known policies of the role, and then deletes it.
async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
    let managed = try_join_all(live.managed.iter().map(|policy| detach(cx, &live.name, policy)));
    let inline = try_join_all(live.inline.iter().map(|policy| remove_inline(cx, &live.name, policy)));
    let ours = try_join_all(live.policies.iter().map(|policy| grant::take(cx, &live.name, policy)));
    futures::try_join!(managed, inline, ours)?;
    let call = cx.aws.iam.delete_role().role_name(&live.name).customize().once();
    call.send().await.or_absent("DeleteRole", granted::ABSENT).map(drop)
}

#[cfg(test)]
mod tests;
