//! What IAM has of a role, in our own types.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::granted::Granted;
use crate::model::{Address, StackId};

/// What AWS has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The service that may assume it; the whole document, where that says anything else.
    pub principal: String,
    /// What its description says.
    pub description: String,
    /// What its description is to say.
    pub described: String,
    /// The policies that stackctl has given it.
    pub policies: Vec<Granted>,
    /// ARNs of other managed policies that are attached, where they were read.
    pub managed: Vec<String>,
    /// Other inline policies, by name, where they were read.
    pub inline: Vec<String>,
    /// Whether all of it was read: lists show neither what a policy says nor what somebody else has given a role.
    pub whole: bool,
    /// The region of the stack that it was made for, as far as it says so: IAM itself has none.
    pub region: Option<String>,
    /// The region of the stack that was looked at.
    pub here: String,
}

impl Live {
    /// The region of the stack that it was made for, if that is another one.
    pub(super) fn elsewhere(&self) -> Option<&str> {
        self.region.as_deref().filter(|region| *region != self.here)
    }
}

// A list of roles comes with their descriptions and without their tags, and a call for the tags of each would grow with the stack.
// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html>

/// The description of the role at `address`: it says whose it is.
pub(super) fn description(id: &StackId, address: &Address, region: &str) -> String {
    format!("{address} of {id} in {region}")
}

/// The address and the region that a description gives its role, if it is the stack's.
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

/// The one service that a trust policy of ours lets in. One that says anything else is given whole, so that a plan shows what
/// somebody has added to it.
pub(super) fn trusted(document: &Value) -> String {
    let service = document["Statement"][0]["Principal"]["Service"].as_str();
    let service = service.filter(|service| *document == trust(service));
    service.map_or_else(|| document.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_leads_back_to_its_own_stack_only() {
        let id = |stack: &str, environment: &str| StackId { stack: stack.into(), environment: environment.into() };
        let address = Address::new("role", "web-execution");
        let text = description(&id("shop", "eu-test"), &address, "eu-west-1");
        assert_eq!(origin(&id("shop", "eu-test"), &text), Some((address, "eu-west-1".to_owned())));
        // The two make the same names.
        assert_eq!(origin(&id("shop-eu", "test"), &text), None);
        // An older stackctl left the region out.
        for other in ["", "role.web of shop/test", "web of shop/test in eu-west-1", "role.web of a/b in eu-west-1"] {
            assert_eq!(origin(&id("shop", "test"), other), None, "{other:?}");
        }
    }

    #[test]
    fn other_trust_is_given_whole() {
        let mut document = trust("ecs-tasks.amazonaws.com");
        assert_eq!(trusted(&document), "ecs-tasks.amazonaws.com");
        let other = json!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" });
        document["Statement"].as_array_mut().expect("a list").push(other);
        assert!(trusted(&document).contains(r#""AWS":"*""#));
    }
}
