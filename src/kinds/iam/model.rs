//! An in-memory model of IAM with the operations that the role kind calls, as the API reference describes them.
//!
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html>

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::{
    operation::{
        attach_role_policy::{AttachRolePolicyError, AttachRolePolicyInput, AttachRolePolicyOutput},
        create_policy::{CreatePolicyError, CreatePolicyInput, CreatePolicyOutput},
        create_role::{CreateRoleError, CreateRoleInput, CreateRoleOutput},
        delete_policy::{DeletePolicyError, DeletePolicyInput, DeletePolicyOutput},
        delete_policy_version::{DeletePolicyVersionError, DeletePolicyVersionInput, DeletePolicyVersionOutput},
        delete_role::{DeleteRoleError, DeleteRoleInput, DeleteRoleOutput},
        delete_role_policy::{DeleteRolePolicyError, DeleteRolePolicyInput, DeleteRolePolicyOutput},
        detach_role_policy::{DetachRolePolicyError, DetachRolePolicyInput, DetachRolePolicyOutput},
        get_policy_version::{GetPolicyVersionError, GetPolicyVersionInput, GetPolicyVersionOutput},
        get_role::{GetRoleError, GetRoleInput, GetRoleOutput},
        get_role_policy::{GetRolePolicyError, GetRolePolicyInput, GetRolePolicyOutput},
        list_attached_role_policies::{
            ListAttachedRolePoliciesError, ListAttachedRolePoliciesInput, ListAttachedRolePoliciesOutput,
        },
        list_policies::{ListPoliciesError, ListPoliciesInput, ListPoliciesOutput},
        list_policy_versions::{ListPolicyVersionsError, ListPolicyVersionsInput, ListPolicyVersionsOutput},
        list_role_policies::{ListRolePoliciesError, ListRolePoliciesInput, ListRolePoliciesOutput},
        list_roles::{ListRolesError, ListRolesInput, ListRolesOutput},
        update_assume_role_policy::{
            UpdateAssumeRolePolicyError, UpdateAssumeRolePolicyInput, UpdateAssumeRolePolicyOutput,
        },
        update_role::{UpdateRoleError, UpdateRoleInput, UpdateRoleOutput},
    },
    primitives::DateTime,
    types::{AttachedPolicy, Policy, PolicyVersion, Role, Tag},
};
use serde_json::Value;

use crate::{
    aws::model::{Cloud, Refusal, Service, line},
    model::{Address, StackId},
};

/// The roles of the account by name, and its customer managed policies by ARN.
#[derive(Clone, Default)]
pub(super) struct Iam {
    roles: BTreeMap<String, OneRole>,
    policies: BTreeMap<String, OnePolicy>,
}

#[derive(Clone, Debug, Default)]
struct OneRole {
    path: String,
    description: String,
    tags: Vec<Tag>,
    /// The trust policy, as JSON.
    trust: String,
    /// The inline policies as JSON, by name.
    inline: BTreeMap<String, String>,
    /// The ARNs of the attached managed policies.
    attached: BTreeSet<String>,
    /// Whether lists do not contain it yet.
    unlisted: bool,
}

#[derive(Clone, Debug, Default)]
struct OnePolicy {
    name: String,
    path: String,
    description: String,
    /// The documents as JSON, by version.
    versions: BTreeMap<String, String>,
    /// The default version.
    holds: String,
}

impl Service for Iam {
    fn present(&self) -> Vec<String> {
        let roles = self.roles.values().map(|role| {
            let others: Vec<_> = role.attached.iter().filter(|arn| !self.policies.contains_key(*arn)).collect();
            let (trust, description, inline) = (&role.trust, &role.description, &role.inline);
            format!("{} {} {description} {trust} {inline:?} {others:?}", line("role", &role.tags), role.path)
        });
        // Leaves out the names of policies, which do not matter.
        let policies = self.policies.iter().map(|(arn, policy)| {
            let (attached, says) = (self.attachments(arn), &policy.versions[&policy.holds]);
            format!("policy of {} says {says}, attached: {attached}", policy.description)
        });
        roles.chain(policies).collect()
    }
}

/// Returns an AWS with IAM and a role that belongs to no stack but has a name that the stack could use.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(AttachRolePolicyError::generic, attach);
    cloud.on(CreatePolicyError::generic, create_policy);
    cloud.on(CreateRoleError::generic, create);
    cloud.on(DeletePolicyError::generic, delete_policy);
    cloud.on(DeletePolicyVersionError::generic, delete_version);
    cloud.on(DeleteRoleError::generic, delete);
    cloud.on(DeleteRolePolicyError::generic, delete_inline);
    cloud.on(DetachRolePolicyError::generic, detach);
    cloud.on(GetPolicyVersionError::generic, get_version);
    cloud.on(GetRoleError::generic, get);
    cloud.on(GetRolePolicyError::generic, get_inline);
    cloud.on(ListAttachedRolePoliciesError::generic, list_attached);
    cloud.on(ListPoliciesError::generic, list_policies);
    cloud.on(ListPolicyVersionsError::generic, list_versions);
    cloud.on(ListRolePoliciesError::generic, list_inline);
    cloud.on(ListRolesError::generic, list);
    cloud.on(UpdateAssumeRolePolicyError::generic, update_trust);
    cloud.on(UpdateRoleError::generic, update);
    let of_nobody = OneRole { path: "/".to_owned(), ..OneRole::default() };
    cloud.with(|iam: &mut Iam| iam.roles.insert("shop-test-given".to_owned(), of_nobody));
    cloud
}

impl Iam {
    /// Attaches a managed policy to the roles of stacks, as a user of the console would.
    pub(super) fn attach(&mut self) {
        self.of_stacks().for_each(|role| {
            role.attached.insert("arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned());
        });
    }

    /// Detaches all managed policies from the roles of stacks.
    pub(super) fn detach_all(&mut self) {
        self.of_stacks().for_each(|role| role.attached.clear());
    }

    /// Makes `document` the default version of every policy of a stack.
    pub(super) fn edit(&mut self, document: &str) {
        for policy in self.policies.values_mut() {
            policy.holds = format!("v{}", policy.versions.len() + 1);
            policy.versions.insert(policy.holds.clone(), document.to_owned());
        }
    }

    /// Adds an inline policy to the roles of stacks.
    pub(super) fn put(&mut self, name: &str, document: &str) {
        self.of_stacks().for_each(|role| {
            role.inline.insert(name.to_owned(), document.to_owned());
        });
    }

    /// Changes the roles of stacks to the form of an older stackctl: with an inline policy, and a description without
    /// the region.
    pub(super) fn make_old(&mut self, id: &StackId, address: &Address, document: &str) {
        self.policies.clear();
        self.detach_all();
        self.put("stackctl", document);
        self.describe(&format!("{address} of {id}"));
    }

    /// Changes the description of the roles of stacks.
    pub(super) fn describe(&mut self, description: &str) {
        self.of_stacks().for_each(|role| description.clone_into(&mut role.description));
    }

    /// Allows everybody to assume the roles of stacks.
    pub(super) fn trust_everybody(&mut self) {
        let everybody = r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}"#;
        self.of_stacks().for_each(|role| everybody.clone_into(&mut role.trust));
    }

    /// Hides the roles of stacks from lists, as IAM does for a while after a creation.
    pub(super) fn unlist(&mut self) {
        self.of_stacks().for_each(|role| role.unlisted = true);
    }

    /// Deletes the roles of stacks as the console does: it detaches their policies, and keeps them.
    pub(super) fn lose(&mut self) {
        self.roles.retain(|_, role| role.tags.is_empty());
    }

    /// Returns the number of roles and the number of policies.
    pub(super) fn count(&mut self) -> (usize, usize) {
        (self.roles.len(), self.policies.len())
    }

    /// Returns the names of the attached customer managed policies and of the inline policies of the roles of stacks.
    pub(super) fn has(&mut self) -> Vec<String> {
        let policies = self.policies.clone();
        let has = self.of_stacks().flat_map(|role| {
            let attached = role.attached.iter().filter_map(|arn| policies.get(arn)).map(|policy| policy.name.clone());
            attached.chain(role.inline.keys().cloned()).collect::<Vec<_>>()
        });
        has.collect()
    }

    fn of_stacks(&mut self) -> impl Iterator<Item = &mut OneRole> {
        self.roles.values_mut().filter(|role| !role.tags.is_empty())
    }

    fn role(&mut self, name: Option<&str>) -> Result<&mut OneRole, Refusal> {
        self.roles.get_mut(name.unwrap_or_default()).ok_or_else(|| absent("role"))
    }

    fn policy(&mut self, arn: Option<&str>) -> Result<&mut OnePolicy, Refusal> {
        self.policies.get_mut(arn.unwrap_or_default()).ok_or_else(|| absent("policy"))
    }

    fn attachments(&self, arn: &str) -> i32 {
        let count = self.roles.values().filter(|role| role.attached.contains(arn)).count();
        i32::try_from(count).unwrap_or(i32::MAX)
    }
}

fn absent(what: &str) -> Refusal {
    Refusal::new("NoSuchEntity", format!("The {what} cannot be found."))
}

fn arn(path: &str, name: &str) -> String {
    format!("arn:aws:iam::123456789012:role{path}{name}")
}

/// Checks that a policy is valid JSON, and returns it.
fn checked(document: Option<&str>) -> Result<String, Refusal> {
    let document = document.unwrap_or_default();
    let valid = serde_json::from_str::<Value>(document).is_ok_and(|document| document["Statement"].is_array());
    let malformed = || Refusal::new("MalformedPolicyDocument", "Syntax errors in policy.");
    valid.then(|| document.to_owned()).ok_or_else(malformed)
}

fn create(iam: &mut Iam, input: &CreateRoleInput) -> Result<CreateRoleOutput, Refusal> {
    let (name, path) = (input.role_name().unwrap_or_default(), input.path().unwrap_or("/"));
    if iam.roles.contains_key(name) {
        return Err(Refusal::new("EntityAlreadyExists", format!("Role with name {name} already exists.")));
    }
    let trust = checked(input.assume_role_policy_document())?;
    let (path, description) = (path.to_owned(), input.description().unwrap_or_default().to_owned());
    let role = OneRole { path, description, tags: input.tags().to_vec(), trust, ..OneRole::default() };
    iam.roles.insert(name.to_owned(), role);
    Ok(CreateRoleOutput::builder().role(shown(name, &iam.roles[name])).build())
}

fn shown(name: &str, role: &OneRole) -> Role {
    let shown = Role::builder().path(&role.path).role_name(name).role_id(name).arn(arn(&role.path, name));
    let shown = shown.create_date(DateTime::from_secs(0)).set_tags(Some(role.tags.clone()));
    let shown = shown.description(&role.description);
    shown.assume_role_policy_document(encoded(&role.trust)).build().expect("all of it is given")
}

fn encoded(document: &str) -> String {
    urlencoding::encode(document).into_owned()
}

fn get(iam: &mut Iam, input: &GetRoleInput) -> Result<GetRoleOutput, Refusal> {
    let name = input.role_name().unwrap_or_default();
    Ok(GetRoleOutput::builder().role(shown(name, iam.role(Some(name))?)).build())
}

/// Lists the roles at a path, without their tags.
#[expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and this operation is never refused")]
fn list(iam: &mut Iam, input: &ListRolesInput) -> Result<ListRolesOutput, Refusal> {
    let path = input.path_prefix().unwrap_or("/");
    let listed = iam.roles.iter().filter(|(_, role)| !role.unlisted && role.path.starts_with(path));
    let roles = listed.map(|(name, role)| {
        let mut role = shown(name, role);
        role.tags = None;
        role
    });
    let roles = Some(roles.collect());
    Ok(ListRolesOutput::builder().set_roles(roles).is_truncated(false).build().expect("all of it is given"))
}

/// Lists the customer managed policies at a path, without their tags and descriptions.
#[expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and this operation is never refused")]
fn list_policies(iam: &mut Iam, input: &ListPoliciesInput) -> Result<ListPoliciesOutput, Refusal> {
    let path = input.path_prefix().unwrap_or("/");
    let listed = iam.policies.iter().filter(|(_, policy)| policy.path.starts_with(path));
    let policies = listed.map(|(arn, policy)| {
        let shown = Policy::builder().policy_name(&policy.name).arn(arn).default_version_id(&policy.holds);
        shown.attachment_count(iam.attachments(arn)).build()
    });
    let policies = Some(policies.collect());
    Ok(ListPoliciesOutput::builder().set_policies(policies).is_truncated(false).build())
}

fn create_policy(iam: &mut Iam, input: &CreatePolicyInput) -> Result<CreatePolicyOutput, Refusal> {
    let (name, path) = (input.policy_name().unwrap_or_default().to_owned(), input.path().unwrap_or("/").to_owned());
    let arn = format!("arn:aws:iam::123456789012:policy{path}{name}");
    if iam.policies.contains_key(&arn) {
        return Err(Refusal::new("EntityAlreadyExists", format!("A policy called {name} already exists.")));
    }
    let description = input.description().unwrap_or_default().to_owned();
    let versions = BTreeMap::from([("v1".to_owned(), checked(input.policy_document())?)]);
    iam.policies.insert(arn.clone(), OnePolicy { name, path, description, versions, holds: "v1".to_owned() });
    Ok(CreatePolicyOutput::builder().policy(Policy::builder().arn(arn).build()).build())
}

fn get_version(iam: &mut Iam, input: &GetPolicyVersionInput) -> Result<GetPolicyVersionOutput, Refusal> {
    let policy = iam.policy(input.policy_arn())?;
    let document = policy.versions.get(input.version_id().unwrap_or_default()).ok_or_else(|| absent("version"))?;
    let version = PolicyVersion::builder().document(encoded(document)).build();
    Ok(GetPolicyVersionOutput::builder().policy_version(version).build())
}

fn list_versions(iam: &mut Iam, input: &ListPolicyVersionsInput) -> Result<ListPolicyVersionsOutput, Refusal> {
    let policy = iam.policy(input.policy_arn())?;
    let versions = policy.versions.keys().map(|id| PolicyVersion::builder().version_id(id).build());
    Ok(ListPolicyVersionsOutput::builder().set_versions(Some(versions.collect())).is_truncated(false).build())
}

/// Deletes a version of a policy, but not the default version.
fn delete_version(iam: &mut Iam, input: &DeletePolicyVersionInput) -> Result<DeletePolicyVersionOutput, Refusal> {
    let policy = iam.policy(input.policy_arn())?;
    if input.version_id() == Some(policy.holds.as_str()) {
        return Err(Refusal::new("DeleteConflict", "Cannot delete the default version of a policy."));
    }
    let removed = policy.versions.remove(input.version_id().unwrap_or_default());
    removed.map(|_| DeletePolicyVersionOutput::builder().build()).ok_or_else(|| absent("version"))
}

/// Deletes a policy that is not attached and has a single version.
fn delete_policy(iam: &mut Iam, input: &DeletePolicyInput) -> Result<DeletePolicyOutput, Refusal> {
    let arn = input.policy_arn().unwrap_or_default();
    if iam.attachments(arn) > 0 {
        return Err(Refusal::new("DeleteConflict", "Cannot delete a policy attached to entities."));
    }
    if iam.policy(Some(arn))?.versions.len() > 1 {
        return Err(Refusal::new("DeleteConflict", "This policy has more than one version."));
    }
    iam.policies.remove(arn);
    Ok(DeletePolicyOutput::builder().build())
}

fn attach(iam: &mut Iam, input: &AttachRolePolicyInput) -> Result<AttachRolePolicyOutput, Refusal> {
    iam.policy(input.policy_arn())?;
    iam.role(input.role_name())?.attached.insert(input.policy_arn().unwrap_or_default().to_owned());
    Ok(AttachRolePolicyOutput::builder().build())
}

fn list_attached(
    iam: &mut Iam,
    input: &ListAttachedRolePoliciesInput,
) -> Result<ListAttachedRolePoliciesOutput, Refusal> {
    let attached = iam.role(input.role_name())?.attached.iter();
    let policies = attached.map(|arn| AttachedPolicy::builder().policy_arn(arn).build()).collect();
    let answer = ListAttachedRolePoliciesOutput::builder().set_attached_policies(Some(policies));
    Ok(answer.is_truncated(false).build())
}

fn list_inline(iam: &mut Iam, input: &ListRolePoliciesInput) -> Result<ListRolePoliciesOutput, Refusal> {
    let names = iam.role(input.role_name())?.inline.keys().cloned().collect();
    let answer = ListRolePoliciesOutput::builder().set_policy_names(Some(names)).is_truncated(false);
    Ok(answer.build().expect("all of it is given"))
}

fn get_inline(iam: &mut Iam, input: &GetRolePolicyInput) -> Result<GetRolePolicyOutput, Refusal> {
    let (role, name) = (input.role_name().unwrap_or_default(), input.policy_name().unwrap_or_default());
    let document = iam.role(Some(role))?.inline.get(name).ok_or_else(|| absent("role policy"))?;
    let answer = GetRolePolicyOutput::builder().role_name(role).policy_name(name).policy_document(encoded(document));
    Ok(answer.build().expect("all of it is given"))
}

/// Sets the description.
fn update(iam: &mut Iam, input: &UpdateRoleInput) -> Result<UpdateRoleOutput, Refusal> {
    input.description().unwrap_or_default().clone_into(&mut iam.role(input.role_name())?.description);
    Ok(UpdateRoleOutput::builder().build())
}

fn update_trust(iam: &mut Iam, input: &UpdateAssumeRolePolicyInput) -> Result<UpdateAssumeRolePolicyOutput, Refusal> {
    let trust = checked(input.policy_document())?;
    iam.role(input.role_name())?.trust = trust;
    Ok(UpdateAssumeRolePolicyOutput::builder().build())
}

fn delete_inline(iam: &mut Iam, input: &DeleteRolePolicyInput) -> Result<DeleteRolePolicyOutput, Refusal> {
    let removed = iam.role(input.role_name())?.inline.remove(input.policy_name().unwrap_or_default());
    removed.map(|_| DeleteRolePolicyOutput::builder().build()).ok_or_else(|| absent("role policy"))
}

fn detach(iam: &mut Iam, input: &DetachRolePolicyInput) -> Result<DetachRolePolicyOutput, Refusal> {
    let removed = iam.role(input.role_name())?.attached.remove(input.policy_arn().unwrap_or_default());
    removed.then(|| DetachRolePolicyOutput::builder().build()).ok_or_else(|| absent("policy"))
}

/// Deletes a role that has no policies.
fn delete(iam: &mut Iam, input: &DeleteRoleInput) -> Result<DeleteRoleOutput, Refusal> {
    let role = iam.role(input.role_name())?;
    if !role.inline.is_empty() || !role.attached.is_empty() {
        return Err(Refusal::new("DeleteConflict", "Cannot delete entity, must detach all policies first."));
    }
    iam.roles.remove(input.role_name().unwrap_or_default());
    Ok(DeleteRoleOutput::builder().build())
}
