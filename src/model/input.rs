//! Values that flow between resources: what one needs, what another gives.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Address, Failure};

/// A string that a resource needs: known when it is written, or an output of another resource.
///
/// A kind's `Desired` holds these; the engine replaces every [`Input::Output`] it knows by its value
/// before `diff` sees it, and all of them before `create` or `update` does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// The value itself.
    Known(String),
    /// Output `output` of the resource at `from`; unknown until that one is made.
    Output {
        /// The resource that gives it.
        #[serde(rename = "$from")]
        from: Address,
        /// The output's name, as in that kind's `outputs`.
        output: String,
    },
}

impl Input {
    /// Output `output` of the resource at `from`.
    pub fn output(from: &Address, output: &str) -> Self {
        Self::Output { from: from.clone(), output: output.to_owned() }
    }

    /// The value, where it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(value) => Some(value),
            Self::Output { .. } => None,
        }
    }

    /// The value, in `create` and `update`, where the engine has resolved every input.
    ///
    /// # Errors
    /// A failure of stackctl itself (never of the cloud) if the input is still unresolved.
    pub fn get(&self) -> Result<&str, Failure> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Output { from, output } => {
                Err(Failure::internal(format!("{from} has not given its output `{output}` yet")))
            }
        }
    }

    /// All of `inputs`, resolved.
    ///
    /// # Errors
    /// As [`Input::get`].
    pub fn all(inputs: &[Self]) -> Result<Vec<String>, Failure> {
        inputs.iter().map(|input| input.get().map(str::to_owned)).collect()
    }
}

impl From<&str> for Input {
    fn from(value: &str) -> Self {
        Self::Known(value.to_owned())
    }
}

impl From<String> for Input {
    fn from(value: String) -> Self {
        Self::Known(value)
    }
}

/// What a resource gives to others, by name: ids, ARNs, endpoints. Never a secret value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outputs(BTreeMap<String, String>);

impl Outputs {
    /// No outputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// With output `name` as well.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// With output `name` as well, where there is one.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The output `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The addresses whose outputs `desired` refers to.
pub(super) fn references(desired: &Value) -> BTreeSet<Address> {
    fn walk(value: &Value, into: &mut BTreeSet<Address>) {
        if let Some((from, _)) = as_output(value) {
            into.insert(from);
            return;
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, into)),
            Value::Object(fields) => fields.values().for_each(|field| walk(field, into)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(desired, &mut found);
    found
}

/// `desired` with every reference that `outputs` knows replaced by its value.
pub fn resolve(desired: &Value, outputs: &BTreeMap<Address, Outputs>) -> Value {
    if let Some((from, output)) = as_output(desired) {
        let known = outputs.get(&from).and_then(|of| of.get(output));
        return known.map_or_else(|| desired.clone(), |value| Value::String(value.to_owned()));
    }
    match desired {
        Value::Array(items) => items.iter().map(|item| resolve(item, outputs)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, field)| (key.clone(), resolve(field, outputs))).collect(),
        other => other.clone(),
    }
}

fn as_output(value: &Value) -> Option<(Address, &str)> {
    let fields = value.as_object()?;
    let from = fields.get("$from")?.as_str()?.parse().ok()?;
    Some((from, fields.get("output")?.as_str()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_is_found_and_replaced_once_it_is_known() {
        let vpc = Address::new("vpc", "main");
        let desired = json!({ "zone": "a", "vpc": Input::output(&vpc, "id"), "more": [Input::from("x")] });
        assert_eq!(references(&desired), BTreeSet::from([vpc.clone()]));
        assert_eq!(resolve(&desired, &BTreeMap::new()), desired);
        let known = BTreeMap::from([(vpc, Outputs::new().with("id", "vpc-1"))]);
        assert_eq!(resolve(&desired, &known), json!({ "zone": "a", "vpc": "vpc-1", "more": ["x"] }));
    }
}
