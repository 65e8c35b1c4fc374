//! `database`.

use super::users;
use crate::spec::{
    problem::Collector,
    read::{Field, Map},
    stack::Database,
};

pub(super) fn database(field: &Field, problems: &mut Collector) -> Option<Database> {
    let known = ["version", "class", "storage", "multi_az", "backup_days", "protect", "users"];
    let map = Map::new(field.node, &field.path, &known, &[], problems)?;
    let version = map.get("version").map_or(Some("16".to_owned()), |field| {
        let version = field.text(problems)?;
        let parts: Vec<Option<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
        if !matches!(parts.as_slice(), [Some(13..=18)] | [Some(13..=18), Some(_)]) {
            field.wrong(
                format!("`{version}` is no version of PostgreSQL that RDS has"),
                "from \"13\" to \"18\", or in full such as \"16.4\"",
                problems,
            );
        }
        Some(version)
    });
    let class = map.get("class").map_or(Some("db.t4g.micro".to_owned()), |field| {
        let class = field.text(problems)?;
        if !(class.starts_with("db.") && class.split('.').count() == 3) {
            field.wrong(format!("`{class}` is no DB instance class"), "such as db.t4g.micro or db.m7g.large", problems);
        }
        Some(class)
    });
    let storage = map.get("storage").map_or(Some(20), |field| field.number(20, 65536, problems));
    let multi_az = map.get("multi_az").map_or(Some(false), |field| field.truth(problems));
    let backup_days = map.get("backup_days").map_or(Some(7), |field| field.number(0, 35, problems));
    let protect = map.get("protect").map_or(Some(true), |field| field.truth(problems));
    let users = map.get("users").map_or(Some(Vec::new()), |field| users::users(&field, problems));
    Some(Database {
        version: version?,
        class: class?,
        storage: storage?,
        multi_az: multi_az?,
        backup_days: backup_days?,
        protect: protect?,
        users: users?,
    })
}
