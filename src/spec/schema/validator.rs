//! Implements the part of JSON Schema that the schema uses. An unknown keyword fails the test.

use regex::Regex;
use serde_json::Value;

/// Returns what is wrong with `value`, each entry with its path.
pub(super) fn errors(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let keywords = schema.as_object().unwrap_or_else(|| panic!("{schema} is no schema"));
    keywords.iter().flat_map(|(keyword, wants)| keyword_errors(root, schema, keyword, wants, value, path)).collect()
}

fn keyword_errors(
    root: &Value,
    schema: &Value,
    keyword: &str,
    wants: &Value,
    value: &Value,
    path: &str,
) -> Vec<String> {
    let unless = |holds: bool| if holds { Vec::new() } else { vec![format!("{path}: {keyword} {wants}: {value}")] };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let count = |text: &str| u64::try_from(text.chars().count()).expect("it is short");
    match keyword {
        "$schema" | "$defs" | "title" | "description" | "default" => Vec::new(),
        "$ref" => {
            let name = wants.as_str().and_then(|name| name.strip_prefix("#")).expect("it refers to this schema");
            let schema = root.pointer(name).unwrap_or_else(|| panic!("there is no {name}"));
            errors(root, schema, value, path)
        }
        "type" => {
            let is = |name: &Value| match name.as_str() {
                Some("integer") => value.is_u64() || value.is_i64(),
                Some(name) => name == type_of(value),
                None => false,
            };
            unless(is(wants) || list(wants).iter().any(is))
        }
        "enum" => unless(list(wants).contains(value)),
        "allOf" => list(wants).iter().flat_map(|schema| errors(root, schema, value, path)).collect(),
        "anyOf" => unless(list(wants).iter().any(|schema| errors(root, schema, value, path).is_empty())),
        "required" => {
            let missing = |name: &Value| value.is_object() && value[name.as_str().unwrap_or_default()].is_null();
            unless(!list(wants).iter().any(missing))
        }
        "properties" => {
            let fields = wants.as_object().into_iter().flatten();
            let there = fields.filter_map(|(name, schema)| Some((name, schema, value.get(name)?)));
            there.flat_map(|(name, schema, value)| errors(root, schema, value, &format!("{path}.{name}"))).collect()
        }
        "additionalProperties" => {
            let known = |name: &String| schema["properties"].get(name).is_some();
            let others = value.as_object().into_iter().flatten().filter(|(name, _)| !known(name));
            others
                .flat_map(|(name, value)| match wants {
                    Value::Bool(false) => vec![format!("{path}: there is no key {name}")],
                    schema => errors(root, schema, value, &format!("{path}.{name}")),
                })
                .collect()
        }
        "propertyNames" => {
            let names = value.as_object().into_iter().flatten().map(|(name, _)| Value::from(name.as_str()));
            names.flat_map(|name| errors(root, wants, &name, path)).collect()
        }
        "items" => list(value).iter().flat_map(|item| errors(root, wants, item, path)).collect(),
        "minItems" => unless(value.as_array().is_none_or(|items| items.len() as u64 >= number(wants))),
        "minimum" => unless(value.as_u64().is_none_or(|value| value >= number(wants))),
        "maximum" => unless(value.as_u64().is_none_or(|value| value <= number(wants))),
        "minLength" => unless(value.as_str().is_none_or(|text| count(text) >= number(wants))),
        "maxLength" => unless(value.as_str().is_none_or(|text| count(text) <= number(wants))),
        "pattern" => {
            let pattern = Regex::new(wants.as_str().expect("it is text")).expect("it is an expression");
            unless(value.as_str().is_none_or(|text| pattern.is_match(text)))
        }
        other => panic!("{path}: the keyword {other} is not known here"),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("it is a number")
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
