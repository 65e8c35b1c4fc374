//! The role as IAM reports it, in stackctl's types.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::granted::Granted;
use crate::model::{Address, StackId};

/// The role as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The service that may assume it, or the whole trust policy if it contains anything else.
    pub principal: String,
    /// Its description.
    pub description: String,
    /// The desired description.
    pub described: String,
    /// The policies that stackctl granted it.
    pub policies: Vec<Granted>,
    /// The ARNs of other attached managed policies, if they were read.
    pub managed: Vec<String>,
    /// The names of other inline policies, if they were read.
    pub inline: Vec<String>,
    /// Whether it was read completely. Lists contain neither the content of policies nor policies that others granted
    /// the role.
    pub whole: bool,
    /// The region of the stack that it was created for, according to its description. IAM has no regions.
    pub region: Option<String>,
    /// The region of the current stack.
    pub here: String,
}

impl Live {
    /// Returns the region of the stack that it was created for, if this is another region.
    pub(super) fn elsewhere(&self) -> Option<&str> {
        self.region.as_deref().filter(|region| *region != self.here)
    }
}

// `ListRoles` returns descriptions but no tags, and reading the tags of each role would take more calls for larger
// stacks.
// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>

/// Returns the description of the role at `address`, which names its owner.
pub(super) fn description(id: &StackId, address: &Address, region: &str) -> String {
    format!("{address} of {id} in {region}")
}

/// Returns the address and the region in a description, if the role belongs to the stack.
pub(super) fn origin(id: &StackId, description: &str) -> Option<(Address, String)> {
    let (address, rest) = description.split_once(" of ")?;
    let region = rest.strip_prefix(&format!("{id} in "))?;
    Some((address.parse().ok()?, region.to_owned()))
}

pub(super) fn trust(principal: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": principal }, "Action": "sts:AssumeRole" }],
    })
}

/// Returns the only service that a trust policy of stackctl allows. Any other trust policy is returned completely, so
/// that a plan shows what somebody added to it.
pub(super) fn trusted(document: &Value) -> String {
    let service = document["Statement"][0]["Principal"]["Service"].as_str();
    let service = service.filter(|service| *document == trust(service));
    service.map_or_else(|| document.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_is_recognized_only_by_its_own_stack() {
        let id = |stack: &str, environment: &str| StackId { stack: stack.into(), environment: environment.into() };
        let address = Address::new("role", "web-execution");
        let text = description(&id("shop", "eu-test"), &address, "eu-west-1");
        assert_eq!(origin(&id("shop", "eu-test"), &text), Some((address, "eu-west-1".to_owned())));
        // Both stacks have the same resource names.
        assert_eq!(origin(&id("shop-eu", "test"), &text), None);
        // An older stackctl omitted the region.
        for other in ["", "role.web of shop/test", "web of shop/test in eu-west-1", "role.web of a/b in eu-west-1"] {
            assert_eq!(origin(&id("shop", "test"), other), None, "{other:?}");
        }
    }

    #[test]
    fn other_trust_policies_are_shown_completely() {
        let mut document = trust("ecs-tasks.amazonaws.com");
        assert_eq!(trusted(&document), "ecs-tasks.amazonaws.com");
        let other = json!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" });
        document["Statement"].as_array_mut().expect("a list").push(other);
        assert!(trusted(&document).contains(r#""AWS":"*""#));
    }
}
