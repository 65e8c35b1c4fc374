//! Generates the JSON Schema of stack.yaml, for editors, from the declared keys. The schema completes and describes
//! keys; the decoder reports more errors than a schema can express.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::keys::{Absence, Empty, Key, Kind, Literal, ONLY_AT_THE_TOP, Section, TOP, Text, first_sentence};
use super::read::is_size;

/// Returns the schema, which is also in docs/reference/stack.schema.json.
pub fn schema() -> String {
    let mut schema = object([
        ("$schema", "https://json-schema.org/draft/2020-12/schema".into()),
        ("title", "stack.yaml of stackctl".into()),
    ]);
    schema.extend(mapping(&TOP, at_the_top));
    let required: Vec<&str> = required(&TOP).collect();
    schema.insert("required".to_owned(), required.into());
    schema.insert("$defs".to_owned(), definitions().into());
    let text = serde_json::to_string_pretty(&schema).expect("a value of JSON can always be written");
    format!("{text}\n")
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Defines each section below the top once, and the types that several places share.
fn definitions() -> Map<String, Value> {
    let mut definitions = object([
        (
            "variable",
            json!({
                "description": "Any text that contains an environment variable of the caller.",
                "type": "string",
                "pattern": "\\$\\{",
            }),
        ),
        ("environment", environment().into()),
    ]);
    let mut seen = BTreeSet::new();
    for key in TOP.keys {
        define(&key.kind, Place::Merged, &mut seen, &mut definitions);
    }
    definitions
}

/// Where a section occurs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where an environment can be merged over it: the environment's part may lack required keys, and `null` removes a
    /// key.
    Merged,
    /// In a list, which an environment replaces as a whole.
    Whole,
}

fn define(kind: &Kind, place: Place, seen: &mut BTreeSet<&'static str>, definitions: &mut Map<String, Value>) {
    match kind {
        Kind::Map(section) => define_section(section, place, seen, definitions),
        Kind::Maps(section) => define_section(section, Place::Whole, seen, definitions),
        Kind::Named { of, .. } => define(of, place, seen, definitions),
        Kind::Either(kinds) => kinds.iter().for_each(|kind| define(kind, place, seen, definitions)),
        _ => {}
    }
}

fn define_section(
    section: &'static Section,
    place: Place,
    seen: &mut BTreeSet<&'static str>,
    definitions: &mut Map<String, Value>,
) {
    if !seen.insert(section.name) {
        return;
    }
    let mut definition = mapping(section, |key| property(key, place));
    if place == Place::Whole {
        definition.insert("required".to_owned(), required(section).collect::<Vec<_>>().into());
    } else {
        definition.insert("type".to_owned(), json!(["object", "null"]));
    }
    definitions.insert(section.name.to_owned(), definition.into());
    for key in section.keys {
        define(&key.kind, place, seen, definitions);
    }
}

fn environment() -> Map<String, Value> {
    let properties = TOP.keys.iter().filter(|key| !is_only_at_the_top(key));
    object([
        (
            "description",
            "What differs in this environment. Mappings are merged, other values are replaced, and null removes a key."
                .into(),
        ),
        ("type", json!(["object", "null"])),
        ("additionalProperties", false.into()),
        (
            "properties",
            properties.map(|key| (key.name.to_owned(), property(key, Place::Merged))).collect::<Map<_, _>>().into(),
        ),
    ])
}

fn is_only_at_the_top(key: &Key) -> bool {
    ONLY_AT_THE_TOP.iter().any(|(name, _)| *name == key.name)
}

fn required(section: &Section) -> impl Iterator<Item = &'static str> {
    section.keys.iter().filter(|key| matches!(key.absence, Absence::Error(_))).map(|key| key.name)
}

fn mapping(section: &Section, property: impl Fn(&Key) -> Value) -> Map<String, Value> {
    let properties: Map<_, _> = section.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    object([
        ("description", section.doc.into()),
        ("type", "object".into()),
        ("additionalProperties", false.into()),
        ("properties", properties.into()),
    ])
}

/// Returns the property for a key at the top of the file. The file must be complete without its environments, so the
/// sections below have their required keys.
fn at_the_top(key: &Key) -> Value {
    let place = if is_only_at_the_top(key) { Place::Whole } else { Place::Merged };
    let mut property = property(key, place);
    if let Some(demands) = demands(&key.kind) {
        property["allOf"] = json!([demands]);
    }
    property
}

/// Returns a schema that demands the required keys of the sections below `kind`; none if there are no required keys.
fn demands(kind: &Kind) -> Option<Value> {
    match kind {
        Kind::Map(section) => {
            let required: Vec<&str> = required(section).collect();
            let below = section.keys.iter().filter_map(|key| Some((key.name.to_owned(), demands(&key.kind)?)));
            let below: Map<_, _> = below.collect();
            let mut demands = Map::new();
            if !required.is_empty() {
                demands.insert("required".to_owned(), required.into());
            }
            if !below.is_empty() {
                demands.insert("properties".to_owned(), below.into());
            }
            (!demands.is_empty()).then(|| demands.into())
        }
        Kind::Named { of, .. } => demands(of).map(|demands| json!({ "additionalProperties": demands })),
        // A demand on a mapping applies to mappings only.
        Kind::Either(kinds) => kinds.iter().find_map(demands),
        _ => None,
    }
}

/// Returns the property for a key, with its description and default.
fn property(key: &Key, place: Place) -> Value {
    let mut property = object([("description", description(key.doc).into())]);
    if let Absence::Default(literal) = key.absence {
        let default = match literal {
            Literal::Text(text) => text.into(),
            Literal::Number(number) => number.into(),
            Literal::Truth(truth) => truth.into(),
        };
        property.insert("default".to_owned(), default);
    }
    let is_required = matches!(key.absence, Absence::Error(_));
    let mut forms = forms(&key.kind);
    // The definition of a section already allows `null`.
    if !matches!(key.kind, Kind::Map(_)) && (place == Place::Merged || !is_required) {
        forms.push(json!({ "type": "null" }));
    }
    if let [Value::Object(form)] = forms.as_mut_slice() {
        property.append(form);
    } else {
        property.insert("anyOf".to_owned(), forms.into());
    }
    property.into()
}

/// The first sentence of a key's documentation, without links.
fn description(doc: &str) -> String {
    let mut description = String::new();
    let mut rest = first_sentence(doc);
    while let Some((before, link)) = rest.split_once('[') {
        let (text, after) = link.split_once("](").expect("brackets in a documentation text are a link");
        description.extend([before, text]);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    description.push_str(rest);
    description.push('.');
    description
}

/// Returns the forms of a value of `kind`, except `null`.
fn forms(kind: &Kind) -> Vec<Value> {
    let variable = || json!({ "$ref": "#/$defs/variable" });
    let or_variable = |form: Value| vec![form, variable()];
    match kind {
        Kind::Text(text) => text_forms(text),
        Kind::Number { least, most, unit } => {
            let mut forms = or_variable(json!({ "type": "integer", "minimum": least, "maximum": most }));
            if is_size(unit) {
                forms.insert(1, json!({ "type": "string", "pattern": format!("^[0-9]+ *{unit}$") }));
            }
            forms
        }
        Kind::Numbers(numbers) => or_variable(json!({ "enum": numbers })),
        Kind::Truth => or_variable(json!({ "type": "boolean" })),
        Kind::Seconds { least, most } => vec![
            json!({ "type": "integer", "minimum": least, "maximum": most }),
            json!({ "type": "string", "pattern": "^[0-9]+ *[smhd]?$" }),
            variable(),
        ],
        Kind::Choice(words) => or_variable(json!({ "type": "string", "enum": words })),
        Kind::Scalar => vec![scalar()],
        Kind::Command(_) => vec![json!({ "type": "array", "minItems": 1, "items": scalar() })],
        Kind::Ports => {
            let port = json!({ "type": "integer", "minimum": 1, "maximum": 65535 });
            vec![json!({ "type": "array", "items": one_of(vec![port, json!({ "$ref": "#/$defs/variable" })]) })]
        }
        Kind::List(text, empty) => {
            let mut list = object([("type", "array".into()), ("items", one_of(text_forms(text)))]);
            if *empty == Empty::Refused {
                list.insert("minItems".to_owned(), 1.into());
            }
            vec![list.into()]
        }
        Kind::Map(section) => vec![reference(section)],
        Kind::Maps(section) => vec![json!({ "type": "array", "items": reference(section) })],
        Kind::Named { names, of } => {
            let mut values = forms(of);
            // A mapping may be empty by itself.
            if !matches!(of, Kind::Map(_)) {
                values.push(json!({ "type": "null" }));
            }
            vec![named(names, &one_of(values))]
        }
        Kind::Environments { names } => vec![named(names, &json!({ "$ref": "#/$defs/environment" }))],
        Kind::Either(kinds) => kinds.iter().flat_map(forms).collect(),
    }
}

fn scalar() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

fn reference(section: &Section) -> Value {
    json!({ "$ref": format!("#/$defs/{}", section.name) })
}

fn named(names: &Text, values: &Value) -> Value {
    json!({ "type": "object", "propertyNames": limits(names), "additionalProperties": values })
}

fn one_of(mut forms: Vec<Value>) -> Value {
    if forms.len() == 1 { forms.remove(0) } else { json!({ "anyOf": forms }) }
}

fn text_forms(text: &Text) -> Vec<Value> {
    let mut form = object([("type", "string".into())]);
    form.append(&mut limits(text));
    if form.len() == 1 {
        // Any text may have variables in it.
        return vec![form.into()];
    }
    vec![form.into(), json!({ "$ref": "#/$defs/variable" })]
}

fn limits(text: &Text) -> Map<String, Value> {
    let mut limits = Map::new();
    if text.longest > 0 {
        limits.insert("maxLength".to_owned(), text.longest.into());
    }
    if !text.pattern.is_empty() {
        limits.insert("pattern".to_owned(), text.pattern.into());
    }
    limits
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod validator;
