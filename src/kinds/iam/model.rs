//! IAM in memory: what the kind of roles calls, as its API reference describes it.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>

use std::collections::BTreeMap;

use aws_sdk_iam::{
    operation::{
        create_role::{CreateRoleError, CreateRoleInput, CreateRoleOutput},
        delete_role::{DeleteRoleError, DeleteRoleInput, DeleteRoleOutput},
        delete_role_policy::{DeleteRolePolicyError, DeleteRolePolicyInput, DeleteRolePolicyOutput},
        detach_role_policy::{DetachRolePolicyError, DetachRolePolicyInput, DetachRolePolicyOutput},
        get_account_authorization_details::{
            GetAccountAuthorizationDetailsError, GetAccountAuthorizationDetailsInput,
            GetAccountAuthorizationDetailsOutput,
        },
        get_role::{GetRoleError, GetRoleInput, GetRoleOutput},
        put_role_policy::{PutRolePolicyError, PutRolePolicyInput, PutRolePolicyOutput},
        tag_role::{TagRoleError, TagRoleInput, TagRoleOutput},
        update_assume_role_policy::{
            UpdateAssumeRolePolicyError, UpdateAssumeRolePolicyInput, UpdateAssumeRolePolicyOutput,
        },
    },
    primitives::DateTime,
    types::{AttachedPolicy, PolicyDetail, Role, RoleDetail, Tag},
};
use serde_json::Value;

use crate::aws::{
    self,
    model::{Cloud, Refusal, Service, line},
};

/// The roles of the account, by name.
#[derive(Clone, Default)]
pub(super) struct Iam(BTreeMap<String, OneRole>);

#[derive(Clone, Debug, Default)]
struct OneRole {
    path: String,
    tags: Vec<Tag>,
    /// Who may assume it, as JSON.
    trust: String,
    /// Inline policies as JSON, by name.
    policies: BTreeMap<String, String>,
    /// The ARNs of managed policies.
    attached: Vec<String>,
    /// Whether lists do not show it yet.
    unlisted: bool,
}

impl Service for Iam {
    fn present(&self) -> Vec<String> {
        self.0.values().map(|role| format!("{} {role:?}", line("role", &role.tags))).collect()
    }
}

/// An AWS with IAM and a role that no stack owns, whose name could be one of the stack's.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(CreateRoleError::generic, create);
    cloud.on(GetAccountAuthorizationDetailsError::generic, details);
    cloud.on(GetRoleError::generic, get);
    cloud.on(UpdateAssumeRolePolicyError::generic, update_trust);
    cloud.on(PutRolePolicyError::generic, put_policy);
    cloud.on(DeleteRolePolicyError::generic, delete_policy);
    cloud.on(DetachRolePolicyError::generic, detach);
    cloud.on(DeleteRoleError::generic, delete);
    cloud.on(TagRoleError::generic, tag);
    let of_nobody = OneRole { path: "/".to_owned(), ..OneRole::default() };
    cloud.with(|iam: &mut Iam| iam.0.insert("shop-test-given".to_owned(), of_nobody));
    cloud
}

impl Iam {
    /// Attaches a managed policy to the roles of stacks, as somebody at the console does.
    pub(super) fn attach(&mut self) {
        self.of_stacks().for_each(|role| role.attached.push("arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()));
    }

    /// Puts this inline policy on the roles of stacks.
    pub(super) fn put(&mut self, name: &str, document: &str) {
        self.of_stacks().for_each(|role| {
            role.policies.insert(name.to_owned(), document.to_owned());
        });
    }

    /// Takes all inline policies from the roles of stacks.
    pub(super) fn take_policies(&mut self) {
        self.of_stacks().for_each(|role| role.policies.clear());
    }

    /// Takes the tag with the region from the roles of stacks: an older stackctl gave none.
    pub(super) fn forget_regions(&mut self) {
        self.of_stacks().for_each(|role| role.tags.retain(|tag| tag.key() != aws::REGION));
    }

    /// Lets everybody assume the roles of stacks.
    pub(super) fn trust_everybody(&mut self) {
        let everybody = r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}"#;
        self.of_stacks().for_each(|role| everybody.clone_into(&mut role.trust));
    }

    /// Lets lists leave out the roles of stacks, as they do for a while after a creation.
    pub(super) fn unlist(&mut self) {
        self.of_stacks().for_each(|role| role.unlisted = true);
    }

    /// How many there are.
    pub(super) fn count(&mut self) -> usize {
        self.0.len()
    }

    fn of_stacks(&mut self) -> impl Iterator<Item = &mut OneRole> {
        self.0.values_mut().filter(|role| !role.tags.is_empty())
    }

    fn role(&mut self, name: Option<&str>) -> Result<&mut OneRole, Refusal> {
        self.0.get_mut(name.unwrap_or_default()).ok_or_else(|| absent("role"))
    }
}

fn absent(what: &str) -> Refusal {
    Refusal::new("NoSuchEntity", format!("The {what} cannot be found."))
}

fn arn(path: &str, name: &str) -> String {
    format!("arn:aws:iam::123456789012:role{path}{name}")
}

/// A policy as it is sent: JSON.
fn checked(document: Option<&str>) -> Result<String, Refusal> {
    let document = document.unwrap_or_default();
    let valid = serde_json::from_str::<Value>(document).is_ok_and(|document| document["Statement"].is_array());
    let malformed = || Refusal::new("MalformedPolicyDocument", "Syntax errors in policy.");
    valid.then(|| document.to_owned()).ok_or_else(malformed)
}

fn create(iam: &mut Iam, input: &CreateRoleInput) -> Result<CreateRoleOutput, Refusal> {
    let (name, path) = (input.role_name().unwrap_or_default(), input.path().unwrap_or("/"));
    if iam.0.contains_key(name) {
        return Err(Refusal::new("EntityAlreadyExists", format!("Role with name {name} already exists.")));
    }
    let trust = checked(input.assume_role_policy_document())?;
    let role = OneRole { path: path.to_owned(), tags: input.tags().to_vec(), trust, ..OneRole::default() };
    iam.0.insert(name.to_owned(), role);
    Ok(CreateRoleOutput::builder().role(shown(name, &iam.0[name])).build())
}

fn shown(name: &str, role: &OneRole) -> Role {
    let shown = Role::builder().path(&role.path).role_name(name).role_id(name).arn(arn(&role.path, name));
    let shown = shown.create_date(DateTime::from_secs(0)).set_tags(Some(role.tags.clone()));
    shown.assume_role_policy_document(urlencoding::encode(&role.trust)).build().expect("all of it is given")
}

fn get(iam: &mut Iam, input: &GetRoleInput) -> Result<GetRoleOutput, Refusal> {
    let name = input.role_name().unwrap_or_default();
    Ok(GetRoleOutput::builder().role(shown(name, iam.role(Some(name))?)).build())
}

/// All roles, with their policies URL-encoded.
#[expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and this operation is never refused")]
fn details(
    iam: &mut Iam,
    _: &GetAccountAuthorizationDetailsInput,
) -> Result<GetAccountAuthorizationDetailsOutput, Refusal> {
    let encoded = |document: &str| urlencoding::encode(document).into_owned();
    let listed = iam.0.iter().filter(|(_, role)| !role.unlisted);
    let roles = listed.map(|(name, role)| {
        let policies = role.policies.iter().map(|(name, document)| {
            PolicyDetail::builder().policy_name(name).policy_document(encoded(document)).build()
        });
        let attached = role.attached.iter().map(|arn| AttachedPolicy::builder().policy_arn(arn).build());
        RoleDetail::builder()
            .path(&role.path)
            .role_name(name)
            .arn(arn(&role.path, name))
            .assume_role_policy_document(encoded(&role.trust))
            .set_role_policy_list(Some(policies.collect()))
            .set_attached_managed_policies(Some(attached.collect()))
            .set_tags(Some(role.tags.clone()))
            .build()
    });
    let roles = Some(roles.collect());
    Ok(GetAccountAuthorizationDetailsOutput::builder().set_role_detail_list(roles).is_truncated(false).build())
}

fn update_trust(iam: &mut Iam, input: &UpdateAssumeRolePolicyInput) -> Result<UpdateAssumeRolePolicyOutput, Refusal> {
    let trust = checked(input.policy_document())?;
    iam.role(input.role_name())?.trust = trust;
    Ok(UpdateAssumeRolePolicyOutput::builder().build())
}

/// Adds an inline policy, or overwrites the one of this name.
fn put_policy(iam: &mut Iam, input: &PutRolePolicyInput) -> Result<PutRolePolicyOutput, Refusal> {
    let document = checked(input.policy_document())?;
    let name = input.policy_name().unwrap_or_default().to_owned();
    iam.role(input.role_name())?.policies.insert(name, document);
    Ok(PutRolePolicyOutput::builder().build())
}

fn delete_policy(iam: &mut Iam, input: &DeleteRolePolicyInput) -> Result<DeleteRolePolicyOutput, Refusal> {
    let removed = iam.role(input.role_name())?.policies.remove(input.policy_name().unwrap_or_default());
    removed.map(|_| DeleteRolePolicyOutput::builder().build()).ok_or_else(|| absent("role policy"))
}

fn detach(iam: &mut Iam, input: &DetachRolePolicyInput) -> Result<DetachRolePolicyOutput, Refusal> {
    let attached = &mut iam.role(input.role_name())?.attached;
    let at = attached.iter().position(|arn| Some(arn.as_str()) == input.policy_arn());
    attached.remove(at.ok_or_else(|| absent("policy"))?);
    Ok(DetachRolePolicyOutput::builder().build())
}

/// Adds tags, or overwrites those of the same keys.
fn tag(iam: &mut Iam, input: &TagRoleInput) -> Result<TagRoleOutput, Refusal> {
    let tags = &mut iam.role(input.role_name())?.tags;
    tags.retain(|tag| input.tags().iter().all(|new| new.key() != tag.key()));
    tags.extend_from_slice(input.tags());
    Ok(TagRoleOutput::builder().build())
}

/// One that has policies is not deleted.
fn delete(iam: &mut Iam, input: &DeleteRoleInput) -> Result<DeleteRoleOutput, Refusal> {
    let role = iam.role(input.role_name())?;
    if !role.policies.is_empty() || !role.attached.is_empty() {
        return Err(Refusal::new("DeleteConflict", "Cannot delete entity, must detach all policies first."));
    }
    iam.0.remove(input.role_name().unwrap_or_default());
    Ok(DeleteRoleOutput::builder().build())
}
