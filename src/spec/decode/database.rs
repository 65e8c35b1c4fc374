//! Decodes `database`. `users.rs` decodes its users.

use super::users;
use crate::spec::{
    keys::DATABASE,
    problem::Collector,
    read::{Field, Map},
    stack::Database,
};

pub(super) fn database(field: &Field, problems: &mut Collector) -> Option<Database> {
    let map = Map::new(field.node, &field.path, &DATABASE, problems)?;
    let version = map.text("version", problems);
    let class = map.text("class", problems);
    let storage = map.number("storage", problems);
    let multi_az = map.truth("multi_az", problems);
    let backup_days = map.number("backup_days", problems);
    let protect = map.truth("protect", problems);
    let tls_required = map.word("tls", &[("required", true), ("optional", false)], problems);
    let users = map.get("users").map_or(Some(Vec::new()), |field| users::users(&field, problems));
    Some(Database {
        version: version?,
        class: class?,
        storage: storage?,
        multi_az: multi_az?,
        backup_days: backup_days?,
        protect: protect?,
        tls_required: tls_required?,
        users: users?,
    })
}
