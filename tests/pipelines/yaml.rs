//! Reads YAML as plain data, with anchors and merge keys resolved, for tests to inspect.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

#[expect(clippy::option_option, reason = "a mapping waits for a key, for the value of one, or for what `<<` merges")]
enum Open {
    List(usize, Vec<Value>),
    Map(usize, Vec<(Option<String>, Value)>, Option<Option<String>>),
}

/// Parses `text`, which contains one document.
pub fn parse(text: &str) -> Value {
    let mut anchors: HashMap<usize, Value> = HashMap::new();
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.unwrap_or_else(|error| panic!("{error}\n{text}"));
        let node = match event {
            Event::Scalar(text, style, anchor, _) => {
                let node = scalar(&text, style == ScalarStyle::Plain);
                anchors.insert(anchor, node.clone());
                Some(node)
            }
            Event::Alias(anchor) => Some(anchors.get(&anchor).expect("an alias comes after its anchor").clone()),
            Event::SequenceStart(anchor, _) => {
                open.push(Open::List(anchor, Vec::new()));
                None
            }
            Event::MappingStart(anchor, _) => {
                open.push(Open::Map(anchor, Vec::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (anchor, node) = match open.pop().expect("what ends has begun") {
                    Open::List(anchor, items) => (anchor, Value::Array(items)),
                    Open::Map(anchor, entries, _) => (anchor, merged(entries)),
                };
                anchors.insert(anchor, node.clone());
                Some(node)
            }
            _ => None,
        };
        let Some(node) = node else { continue };
        match open.last_mut() {
            None => root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key @ None)) => {
                let name = node.as_str().map_or_else(|| node.to_string(), str::to_owned);
                let is_new = name == "<<" || entries.iter().all(|(own, _)| own.as_ref() != Some(&name));
                assert!(is_new, "line {}: `{name}` stands twice", span.start.line());
                *key = Some(Some(name).filter(|name| name != "<<"));
            }
            Some(Open::Map(_, entries, key)) => entries.push((key.take().flatten(), node)),
        }
    }
    root.expect("there is a document")
}

/// Builds a mapping. Its own keys take precedence over those from `<<`.
fn merged(entries: Vec<(Option<String>, Value)>) -> Value {
    let mut map = Map::new();
    let (own, brought): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| key.is_some());
    for (_, node) in brought {
        map.extend(node.as_object().expect("only a mapping is merged").clone());
    }
    map.extend(own.into_iter().filter_map(|(key, node)| Some((key?, node))));
    Value::Object(map)
}

fn scalar(text: &str, plain: bool) -> Value {
    match text {
        "" | "~" | "null" if plain => Value::Null,
        "true" if plain => true.into(),
        "false" if plain => false.into(),
        _ if plain && text.parse::<i64>().is_ok() => text.parse::<i64>().expect("it is a number").into(),
        _ => text.into(),
    }
}

/// Returns the keys of a mapping.
pub fn keys(node: &Value) -> Vec<&str> {
    node.as_object().unwrap_or_else(|| panic!("no mapping: {node}")).keys().map(String::as_str).collect()
}

/// Returns every text below `key`, at any depth.
pub fn all<'a>(node: &'a Value, key: &str) -> Vec<&'a str> {
    match node {
        Value::Object(map) => {
            let own = map.get(key).and_then(Value::as_str);
            own.into_iter().chain(map.values().flat_map(|node| all(node, key))).collect()
        }
        Value::Array(items) => items.iter().flat_map(|node| all(node, key)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn anchors_are_followed_and_merged() {
    let text = "a: &x { one: 1, two: b }\nb:\n  <<: *x\n  two: c\nc: [*x, \"1\", null]\n";
    let expected = serde_json::json!({
        "a": { "one": 1, "two": "b" },
        "b": { "one": 1, "two": "c" },
        "c": [{ "one": 1, "two": "b" }, "1", null],
    });
    assert_eq!(parse(text), expected);
}
