//! Who a resource is: the stack and environment that own it, and its address within them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The identity of a stack in one environment; everything that stackctl owns carries both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StackId {
    /// `name:` of stack.yaml.
    pub stack: String,
    /// `--env`, or `default`.
    pub environment: String,
}

impl StackId {
    /// The environment of those who name none.
    pub const DEFAULT: &str = "default";

    /// Whether it is in the environment of those who name none.
    pub fn is_default(&self) -> bool {
        self.environment == Self::DEFAULT
    }
}

impl fmt::Display for StackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stack, self.environment)
    }
}

/// `<kind>.<name>`, such as `subnet.private-a`: what a plan prints and a tag records.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    kind: String,
    name: String,
}

impl Address {
    /// The address of resource `name` of the kind `kind`.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }

    /// The kind's name, as in `src/kinds/<kind>.rs`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The name within the kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)
    }
}

/// A text that is not `<kind>.<name>`.
#[derive(Debug, thiserror::Error)]
#[error("invalid address `{0}`: expected <kind>.<name>, such as service.web")]
pub struct NotAnAddress(String);

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        match text.split_once('.') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() => Ok(Self::new(kind, name)),
            _ => Err(NotAnAddress(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = NotAnAddress;

    fn try_from(text: String) -> Result<Self, NotAnAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}
