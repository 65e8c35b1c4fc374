//! Decodes `cache`.

use crate::spec::{
    keys::{CACHE, VALKEY_VERSIONS},
    problem::Collector,
    read::{Field, Map},
    stack::Cache,
};

pub(super) fn cache(field: &Field, problems: &mut Collector) -> Option<Cache> {
    let map = Map::new(field.node, &field.path, &CACHE, problems)?;
    let version = map.text("version", problems);
    if let Some(version) = version.as_deref().filter(|version| !VALKEY_VERSIONS.contains(version)) {
        let hint = format!("use one of: {}", VALKEY_VERSIONS.join(", "));
        map.wrong("version", format!("invalid Valkey version `{version}`"), hint, problems);
    }
    let class = map.text("class", problems);
    let tls_required = map.word("tls", &[("required", true), ("optional", false)], problems);
    let password = map.word("password", &[("generate", true), ("off", false)], problems);
    if (tls_required, password) == (Some(false), Some(true)) {
        let message =
            "`tls: optional` requires `password: off`: ElastiCache supports a password only if TLS is required";
        let hint = "add `password: off`, or remove `tls`; see docs/concepts/security.md for the risks";
        map.wrong("tls", message, hint, problems);
    }
    Some(Cache { version: version?, class: class?, tls_required: tls_required?, password: password? })
}
