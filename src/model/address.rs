//! The identity of resources: the stack and environment that own them, and their address within these.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A stack in one environment. Everything that stackctl owns is tagged with both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StackId {
    /// The `name:` in stack.yaml.
    pub stack: String,
    /// The value of `--env`, or `default`.
    pub environment: String,
}

impl StackId {
    /// The environment if none is given.
    pub const DEFAULT: &str = "default";

    /// Returns whether this is the default environment.
    pub fn is_default(&self) -> bool {
        self.environment == Self::DEFAULT
    }
}

impl fmt::Display for StackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stack, self.environment)
    }
}

/// The address of a resource: `<kind>.<name>`, such as `subnet.private-a`. Plans print it and a tag records it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    kind: String,
    name: String,
}

impl Address {
    /// Creates the address of the resource `name` of the kind `kind`.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into() }
    }

    /// Returns the name of the kind, as in `src/kinds/<kind>.rs`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the name within the kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)
    }
}

/// The error for a text that is not `<kind>.<name>`.
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
