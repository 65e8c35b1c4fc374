//! Decodes `database.users`: the users in addition to the master user, with names that Postgres and RDS accept.

use crate::spec::{
    keys::ROLES,
    problem::Collector,
    read::{Entries, Field},
    stack::DatabaseUser,
};

/// The longest name of a role, in bytes. Postgres truncates longer names.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
const LONGEST: usize = 63;

/// The master user of every database that stackctl creates.
const MASTER: &str = "postgres";

/// The maximum number of users. Their passwords and the script that creates them are in one task definition of at most
/// 64 KiB.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
const MOST: usize = 60;

/// Decodes the users, in the order of the file.
pub(super) fn users(field: &Field, problems: &mut Collector) -> Option<Vec<DatabaseUser>> {
    let entries = Entries::new(field.node, &field.path, problems)?;
    let mut users = Vec::new();
    for field in entries.fields() {
        let name = &field.key.text;
        if let Some((why, hint)) = refused(name) {
            problems.add(field.key.span, &field.path, why, hint);
        }
        // An empty entry counts as absent: an environment removes a user with `null`.
        if field.node.is_null() {
            continue;
        }
        if users.len() == MOST {
            let message = format!("found more than {MOST} users");
            let hint = "create the others with `stackctl db connect`; the task that creates these has the maximum size";
            problems.add(field.key.span, &field.path, message, hint);
            break;
        }
        if let Some(role) = field.word(&ROLES, problems) {
            users.push(DatabaseUser { name: name.clone(), role });
        }
    }
    Some(users)
}

/// Returns why Postgres or RDS would reject `name` or change it, and a hint.
fn refused(name: &str) -> Option<(String, String)> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if name.chars().any(char::is_uppercase) && name.is_ascii() {
        let why = format!("`{name}` has uppercase letters, which Postgres converts to lowercase");
        Some((why, format!("write it as `{}`", name.to_lowercase())))
    } else if !plain {
        let why = format!("invalid database user name `{name}`");
        Some((why, "use a-z, 0-9 and _, beginning with a letter, such as app or reports_2".to_owned()))
    } else if name.len() > LONGEST {
        let why = format!("`{name}` has {} characters, and Postgres allows {LONGEST}", name.len());
        Some((why, "use a shorter name".to_owned()))
    } else if name == MASTER {
        let why = format!("`{MASTER}` is the master user, which RDS creates");
        Some((why, "remove it, and name only other users".to_owned()))
    } else {
        reserved(name).map(|whose| (format!("`{name}` is reserved for {whose}"), "use another name".to_owned()))
    }
}

/// Returns who reserves `name`, if anybody.
/// <https://www.postgresql.org/docs/current/sql-createrole.html>,
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.rds_superuser.html>
fn reserved(name: &str) -> Option<&'static str> {
    if name.starts_with("pg_") || ["public", "none"].contains(&name) {
        Some("Postgres itself")
    } else if name.starts_with("rds") {
        Some("RDS, as are all names that begin with rds")
    } else if name.starts_with("stackctl") {
        Some("stackctl")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_postgres_or_rds_reject_are_explained() {
        let long = "a".repeat(64);
        let table = [
            ("Developer", "uppercase"),
            ("read-only", "invalid database user name"),
            ("2app", "invalid database user name"),
            ("", "invalid database user name"),
            ("größe", "invalid database user name"),
            ("a;drop", "invalid database user name"),
            (long.as_str(), "64 characters"),
            ("postgres", "master user"),
            ("pg_monitor", "Postgres itself"),
            ("public", "Postgres itself"),
            ("none", "Postgres itself"),
            ("rdsadmin", "RDS"),
            ("rds_superuser", "RDS"),
            ("stackctl_users", "for stackctl"),
        ];
        for (name, reason) in table {
            let (why, hint) = refused(name).unwrap_or_else(|| panic!("{name} is taken"));
            assert!(why.contains(reason), "{name}: {why}");
            assert!(!hint.is_empty(), "{name}");
        }
    }

    #[test]
    fn valid_user_names_are_accepted() {
        for name in ["app", "a", "_internal", "reports_2", &"a".repeat(63)] {
            assert_eq!(refused(name), None, "{name}");
        }
    }
}
