//! Decodes `files` of a service or a job: the files that are added to its image.

use std::{collections::BTreeMap, path::PathBuf};

use super::image::below;
use crate::spec::{
    keys::FILE,
    paths,
    problem::Collector,
    read::{Entries, Field, Map},
    service::FileFrom,
};

const SUCH_AS: &str = "write the path of a file or folder, such as deploy/nginx.conf";

pub(super) fn files(program: &Map, problems: &mut Collector) -> Option<BTreeMap<String, FileFrom>> {
    let Some(field) = program.get("files") else { return Some(BTreeMap::new()) };
    let entries = Entries::new(field.node, &field.path, problems)?;
    let mut files = BTreeMap::new();
    for field in entries.fields() {
        let path = &field.key.text;
        if let Some(wrong) = paths::image_path_problem(path) {
            let hint = "write the absolute path in the image, such as /etc/nginx/conf.d/default.conf";
            problems.add(field.key.span, &field.path, format!("`{path}` {wrong}"), hint);
        }
        if let Some(file) = file(&field, problems) {
            files.insert(path.clone(), file);
        }
    }
    Some(files)
}

fn file(field: &Field, problems: &mut Collector) -> Option<FileFrom> {
    if field.node.what() != "a mapping" {
        let path = PathBuf::from(field.text(problems)?);
        below(field, &path, SUCH_AS, problems);
        return Some(FileFrom { path, mode: None });
    }
    let map = Map::new(field.node, &field.path, &FILE, problems)?;
    let mode = map.get("mode").and_then(|field| mode(&field, problems));
    let from = map.required("from", problems)?;
    let path = PathBuf::from(from.text(problems)?);
    below(&from, &path, SUCH_AS, problems);
    Some(FileFrom { path, mode })
}

/// Decodes permissions in the octal digits of `chmod`.
fn mode(field: &Field, problems: &mut Collector) -> Option<u32> {
    let text = field.loose_text(problems)?;
    let digits = text.strip_prefix("0o").unwrap_or(&text);
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| (3..=4).contains(&digits.len()) && *mode <= 0o777);
    if mode.is_none() {
        let hint = "use 0 and three octal digits, such as 0644 for files and 0755 for programs";
        field.wrong(format!("invalid mode `{text}`"), hint, problems);
    }
    mode
}
