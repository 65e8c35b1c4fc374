//! What IAM has of a role, in our own types.

use aws_sdk_iam::types::RoleDetail;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::policy::{self, Statement, read, statements_of};
use crate::aws;

/// The name of the inline policy.
pub(super) const POLICY: &str = "stackctl";

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The service that may assume it; the whole document, where that says anything else.
    pub principal: String,
    /// ARNs of the managed policies that are attached.
    pub managed: Vec<String>,
    /// The statements of our inline policy, one a line: actions on resources; the whole statement, where it says more.
    pub statements: Vec<String>,
    /// What those statements allow that allow something and do no more.
    #[serde(default)]
    pub allows: Vec<Statement>,
    /// Other inline policies, by name.
    pub other_policies: Vec<String>,
    /// The region of the stack that it was made for, as far as a tag says so: IAM itself has none.
    #[serde(default)]
    pub region: Option<String>,
    /// The region of the stack that was looked at.
    #[serde(default)]
    pub here: String,
}

impl Live {
    /// The region of the stack that it was made for, if that is another one.
    pub(super) fn elsewhere(&self) -> Option<&str> {
        self.region.as_deref().filter(|region| *region != self.here)
    }
}

pub(super) fn trust(principal: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": principal }, "Action": "sts:AssumeRole" }],
    })
}

pub(super) fn live(role: &RoleDetail, here: &str) -> Live {
    let policies = role.role_policy_list();
    let ours = policies.iter().find(|policy| policy.policy_name() == Some(POLICY));
    let document = ours.and_then(|policy| policy.policy_document()).map(decoded).unwrap_or_default();
    let others = policies.iter().filter_map(|policy| policy.policy_name()).filter(|name| *name != POLICY);
    Live {
        name: role.role_name().unwrap_or_default().to_owned(),
        arn: role.arn().unwrap_or_default().to_owned(),
        principal: trusted(&role.assume_role_policy_document().map(decoded).unwrap_or_default()),
        managed: role
            .attached_managed_policies()
            .iter()
            .filter_map(|policy| policy.policy_arn().map(str::to_owned))
            .collect(),
        statements: statements_of(&document).map(read).collect(),
        allows: statements_of(&document).filter_map(policy::allowed).collect(),
        other_policies: others.map(str::to_owned).collect(),
        region: aws::tag_value(role.tags(), aws::REGION).map(str::to_owned),
        here: here.to_owned(),
    }
}

/// The one service that a trust policy of ours lets in. One that says anything else is given whole, so that a plan shows what
/// somebody has added to it.
pub(super) fn trusted(document: &Value) -> String {
    let service = document["Statement"][0]["Principal"]["Service"].as_str();
    let service = service.filter(|service| *document == trust(service));
    service.map_or_else(|| document.to_string(), str::to_owned)
}

/// AWS answers policies URL-encoded (RFC 3986).
pub(super) fn decoded(document: &str) -> Value {
    serde_json::from_slice(&urlencoding::decode_binary(document.as_bytes())).unwrap_or_default()
}
