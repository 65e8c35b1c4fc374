//! `cache`.

use crate::spec::{
    problem::Collector,
    read::{Field, Map},
    stack::Cache,
};

/// The versions of Valkey that ElastiCache has nodes with.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/engine-versions.html>
const VERSIONS: &[&str] = &["7.2", "8.0", "8.1", "8.2", "9.0", "9.1"];

pub(super) fn cache(field: &Field, problems: &mut Collector) -> Option<Cache> {
    let map = Map::new(field.node, &field.path, &["version", "class"], &[], problems)?;
    let version = map.get("version").map_or(Some("8.0".to_owned()), |field| {
        let version = field.text(problems)?;
        if !VERSIONS.contains(&version.as_str()) {
            let hint = format!("it has: {}", VERSIONS.join(", "));
            field.wrong(format!("`{version}` is no version of Valkey that ElastiCache has"), hint, problems);
        }
        Some(version)
    });
    let class = map.get("class").map_or(Some("cache.t4g.micro".to_owned()), |field| {
        let class = field.text(problems)?;
        if !is_class(&class) {
            let hint = "such as cache.t4g.micro or cache.m7g.large";
            field.wrong(format!("`{class}` is no node type of ElastiCache"), hint, problems);
        }
        Some(class)
    });
    Some(Cache { version: version?, class: class? })
}

/// Whether `text` has the shape of `cache.t4g.micro`.
fn is_class(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    matches!(parts.as_slice(), ["cache", family, size] if word(family) && word(size))
}
