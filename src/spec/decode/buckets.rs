//! Decodes `buckets`: the stack's buckets, and those that a service uses.

use std::collections::BTreeMap;

use super::permissions::MOST_BUCKETS;
use crate::spec::{
    check,
    keys::BUCKET,
    nearest::meant,
    problem::Collector,
    read::{Entries, Field, Map},
    stack::Bucket,
};

/// The prefixes that S3 reserves. Its other reserved prefixes have two hyphens in a row.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
const RESERVED: [&str; 2] = ["sthree-", "amzn-s3-demo-"];

/// Decodes the buckets of a stack whose resource names begin with `prefix`.
pub(super) fn buckets(field: &Field, prefix: &str, problems: &mut Collector) -> BTreeMap<String, Bucket> {
    let Some(entries) = Entries::new(field.node, &field.path, problems) else { return BTreeMap::new() };
    if let Some(reserved) = RESERVED.iter().find(|reserved| prefix.starts_with(*reserved)) {
        let hint = "choose another `name` for the stack";
        let message =
            format!("the bucket names of this stack would begin with `{prefix}`, and AWS reserves `{reserved}`");
        problems.add(field.key.span, &field.path, message, hint);
    }
    let mut buckets = BTreeMap::new();
    for field in entries.fields() {
        let name = &field.key.text;
        if !check::is_name(name, check::LONGEST_NAME) {
            let hint = "use 2 to 20 characters of a-z, 0-9 and -, beginning with a letter";
            problems.add(field.key.span, &field.path, format!("invalid bucket name `{name}`"), hint);
        }
        // An empty entry counts as absent: an environment removes a bucket with `null`.
        if field.node.is_null() {
            continue;
        }
        if let Some(bucket) = bucket(&field, problems) {
            buckets.insert(name.clone(), bucket);
        }
    }
    buckets
}

fn bucket(field: &Field, problems: &mut Collector) -> Option<Bucket> {
    let map = Map::new(field.node, &field.path, &BUCKET, problems)?;
    Some(Bucket { protect: map.truth("protect", problems)? })
}

/// Returns the names of the buckets in the file, including those with problems, so that a reference to one is not
/// reported as unknown.
pub(super) fn declared<'a>(root: &Map<'a>) -> Vec<&'a str> {
    let field = root.get("buckets");
    let entries = field.iter().flat_map(|field| field.node.entries());
    entries.filter(|(_, node)| !node.is_null()).map(|(key, _)| key.text.as_str()).collect()
}

/// Decodes the buckets that a service uses, from those in `declared`.
pub(super) fn used(map: &Map, declared: &[&str], problems: &mut Collector) -> Option<Vec<String>> {
    let mut used = Vec::new();
    let texts = map.texts("buckets", problems)?;
    if texts.len() > MOST_BUCKETS {
        let message = format!("a service can use at most {MOST_BUCKETS} buckets, found {}", texts.len());
        map.wrong("buckets", message, "use fewer buckets, with a key prefix for each kind of object", problems);
    }
    for (field, name) in texts {
        if !declared.contains(&name.as_str()) {
            let hint = meant(&name, declared.iter().copied())
                .unwrap_or_else(|| format!("add it at the top of the file: buckets: {{ {name}: {{}} }}"));
            field.wrong(format!("bucket `{name}` not found"), hint, problems);
        }
        if used.contains(&name) {
            field.wrong(format!("duplicate bucket `{name}`"), "keep one of them", problems);
        }
        used.push(name);
    }
    Some(used)
}
