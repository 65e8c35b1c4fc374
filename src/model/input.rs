//! The values that flow between resources: inputs and outputs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Address, Failure};

/// A string that a resource needs: a known value, an output of another resource, or a combination of several.
///
/// A kind's `Desired` contains inputs. The engine replaces every known [`Input::Output`] by its value before `diff`,
/// and all of them before `create` or `update`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Input {
    /// A known value.
    Known(String),
    /// The output `output` of the resource at `from`, unknown until that resource is created.
    Output {
        /// The other resource.
        #[serde(rename = "$from")]
        from: Address,
        /// The name of the output, as in that kind's `outputs`.
        output: String,
    },
    /// The concatenation of several inputs.
    Joined {
        /// The inputs.
        #[serde(rename = "$join")]
        parts: Vec<Self>,
    },
    /// A digest of several inputs. It changes when one of them changes, and does not reveal them.
    Digest {
        /// The inputs.
        #[serde(rename = "$digest")]
        parts: Vec<Self>,
    },
}

/// The number of hexadecimal digits of an [`Input::Digest`].
const DIGITS: usize = 16;

impl Input {
    /// Creates a reference to the output `output` of the resource at `from`.
    pub fn output(from: &Address, output: &str) -> Self {
        Self::Output { from: from.clone(), output: output.to_owned() }
    }

    /// Creates the concatenation of `parts`. It is known if all of them are.
    pub fn joined(parts: Vec<Self>) -> Self {
        let mut merged: Vec<Self> = Vec::new();
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::Joined { parts } => parts,
            part => vec![part],
        });
        for part in flat {
            match (merged.last_mut(), part) {
                (Some(Self::Known(text)), Self::Known(more)) => text.push_str(&more),
                (_, part) => merged.push(part),
            }
        }
        match merged.as_mut_slice() {
            [] => Self::Known(String::new()),
            [_] => merged.remove(0),
            _ => Self::Joined { parts: merged },
        }
    }

    /// Creates a digest of `parts`. It is known if all of them are.
    pub fn digest(parts: Vec<Self>) -> Self {
        let known: Option<Vec<&str>> = parts.iter().map(Self::known).collect();
        known.map(|known| digest(&known)).map_or_else(|| Self::Digest { parts }, Self::Known)
    }

    /// Returns the value if it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(value) => Some(value),
            Self::Output { .. } | Self::Joined { .. } | Self::Digest { .. } => None,
        }
    }

    /// Returns the value. For `create` and `update`, where the engine has resolved every input.
    ///
    /// # Errors
    /// An internal failure if the input is unresolved.
    pub fn get(&self) -> Result<&str, Failure> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Output { from, output } => Err(Failure::internal(format!("{from} has no output `{output}` yet"))),
            Self::Joined { parts } | Self::Digest { parts } => {
                let unknown = parts.iter().find(|part| part.known().is_none());
                unknown.map_or(Ok(""), Self::get)
            }
        }
    }

    /// Returns the values of all `inputs`.
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

/// The outputs of a resource by name: ids, ARNs, endpoints. Never the value of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outputs(BTreeMap<String, String>);

impl Outputs {
    /// Creates empty outputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the output `name`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Adds the output `name` if there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Returns the output `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Returns the addresses that `desired` refers to.
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

/// Returns `desired` with every reference to a known output replaced by its value.
pub fn resolve(desired: &Value, outputs: &BTreeMap<Address, Outputs>) -> Value {
    if let Some((from, output)) = as_output(desired) {
        let known = outputs.get(&from).and_then(|of| of.get(output));
        return known.map_or_else(|| desired.clone(), |value| Value::String(value.to_owned()));
    }
    if let Some((key, parts)) = as_made(desired) {
        let parts = resolve(parts, outputs);
        let known: Option<Vec<&str>> = parts.as_array().and_then(|parts| parts.iter().map(Value::as_str).collect());
        return match known {
            Some(known) if key == DIGEST => Value::String(digest(&known)),
            Some(known) => Value::String(known.concat()),
            None => Value::Object([(key.to_owned(), parts)].into_iter().collect()),
        };
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

const JOIN: &str = "$join";
const DIGEST: &str = "$digest";

/// Returns the key and the parts of a combined value.
fn as_made(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object()?;
    fields.iter().find(|(key, _)| [JOIN, DIGEST].contains(&key.as_str())).map(|(key, parts)| (key.as_str(), parts))
}

fn digest(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the text that a plan shows for an unknown value, or `None` if `value` is not an unknown [`Input`].
pub fn unknown(value: &Value) -> Option<String> {
    let words = |value: &Value| match (value.as_str(), as_output(value)) {
        (Some(text), _) => Some(text.to_owned()),
        (None, Some((from, output))) => Some(format!("({from} {output})")),
        (None, None) => None,
    };
    let known = if let Some((from, output)) = as_output(value) {
        format!("{from} {output} ")
    } else {
        match as_made(value)? {
            (JOIN, parts) => {
                let parts: Option<String> = parts.as_array()?.iter().map(words).collect();
                format!("{} ", parts?)
            }
            _ => String::new(),
        }
    };
    Some(format!("{known}(known after apply)"))
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

    #[test]
    fn a_combined_input_is_known_once_all_parts_are() {
        let database = Address::new("db_instance", "main");
        let (host, port) = (Input::output(&database, "host"), Input::output(&database, "port"));
        let joined = Input::joined(vec!["a".into(), "//".into(), host.clone(), ":".into(), port.clone(), "/b".into()]);
        assert_eq!(joined, serde_json::from_value(json!(joined)).expect("it is read back"));
        let digest = Input::digest(vec![host, port]);
        let desired = json!({ "url": joined, "version": digest });
        assert_eq!(references(&desired), BTreeSet::from([database.clone()]));
        let some = BTreeMap::from([(database.clone(), Outputs::new().with("host", "h"))]);
        let partly = resolve(&desired, &some);
        assert_eq!(unknown(&partly["url"]).as_deref(), Some("a//h:(db_instance.main port)/b (known after apply)"));
        assert_eq!(unknown(&partly["version"]).as_deref(), Some("(known after apply)"));
        let all = BTreeMap::from([(database, Outputs::new().with("host", "h").with("port", "1"))]);
        let whole = resolve(&partly, &all);
        assert_eq!(whole["url"], "a//h:1/b");
        assert_eq!(whole["version"], json!(Input::digest(vec!["h".into(), "1".into()])));
        assert_eq!(Input::joined(vec!["a".into(), "b".into()]), "ab".into());
    }
}
