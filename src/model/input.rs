//! Values that flow between resources: what one needs, what another gives.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Address, Failure};

/// A string that a resource needs: known when it is written, an output of another resource, or made of several of these.
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
    /// Several, one after the other.
    Joined {
        /// They.
        #[serde(rename = "$join")]
        parts: Vec<Self>,
    },
    /// A digest of several: another one as soon as one of them is another one, and nothing can be read from it.
    Digest {
        /// They.
        #[serde(rename = "$digest")]
        parts: Vec<Self>,
    },
}

/// How many hexadecimal digits an [`Input::Digest`] has.
const DIGITS: usize = 16;

impl Input {
    /// Output `output` of the resource at `from`.
    pub fn output(from: &Address, output: &str) -> Self {
        Self::Output { from: from.clone(), output: output.to_owned() }
    }

    /// `parts` one after the other; known, if all of them are.
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

    /// A digest of `parts`; known, if all of them are.
    pub fn digest(parts: Vec<Self>) -> Self {
        let known: Option<Vec<&str>> = parts.iter().map(Self::known).collect();
        known.map(|known| digest(&known)).map_or_else(|| Self::Digest { parts }, Self::Known)
    }

    /// The value, where it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(value) => Some(value),
            Self::Output { .. } | Self::Joined { .. } | Self::Digest { .. } => None,
        }
    }

    /// The value, in `create` and `update`, where the engine has resolved every input.
    ///
    /// # Errors
    /// A failure of stackctl itself (never of the cloud) if the input is still unresolved.
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

/// Of a value that is made of several: how, and of which.
fn as_made(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object()?;
    fields.iter().find(|(key, _)| [JOIN, DIGEST].contains(&key.as_str())).map(|(key, parts)| (key.as_str(), parts))
}

fn digest(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    digest.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// What stands in a plan for a value that is not known yet; none if `value` is no [`Input`] of that kind.
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
    fn what_is_made_of_several_is_known_with_the_last_of_them() {
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
