//! Generates the command of the users task: psql, with a script made from the users' names. The passwords come from
//! environment variables, and never appear in an argument, a file or a logged statement.

use std::fmt::Write;

use crate::spec::{DatabaseRole, DatabaseUser};

/// The environment variable with the users.
pub(super) const USERS: &str = "USERS";

/// The environment variable with the script.
pub(super) const SQL: &str = "SQL";

/// The part of the script that is the same for all users.
const ROLES: &str = include_str!("roles.sql");

/// Runs psql with the script, and stops at the first error.
pub(super) fn command() -> Vec<String> {
    let psql = "psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file=-";
    ["sh", "-c", &format!("printf '%s' \"${SQL}\" | {psql}")].map(str::to_owned).to_vec()
}

/// Formats the users for the script and for plans: `app=owner developer=read-only`.
pub(super) fn list(users: &[DatabaseUser]) -> String {
    if users.is_empty() {
        return "none".to_owned();
    }
    let words = users.iter().map(|user| {
        let role = match user.role {
            DatabaseRole::Owner => "owner",
            DatabaseRole::ReadOnly => "read-only",
        };
        format!("{}={role}", user.name)
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The environment variable with the user's password.
pub(super) fn variable(user: &DatabaseUser) -> String {
    format!("PASSWORD_{}", user.name.to_uppercase())
}

/// Returns the script: it stores the users and their passwords in settings of the session, and then creates the users.
/// `\gset` keeps psql from printing the result of `set_config`.
pub(super) fn sql(users: &[DatabaseUser]) -> String {
    let mut head = format!("\\getenv users {USERS}\n{}", setting("users", "users"));
    for user in users {
        // Otherwise, if a variable is missing, psql would use the previous user's password.
        let _ = write!(
            head,
            "\\unset password\n\\getenv password {}\n{}",
            variable(user),
            setting(&format!("password_{}", user.name), "password"),
        );
    }
    head.push_str("\\unset password\n");
    head + ROLES
}

fn setting(name: &str, variable: &str) -> String {
    format!("SELECT pg_catalog.set_config('stackctl.{name}', :'{variable}', false) AS {variable} \\gset\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Vec<DatabaseUser> {
        let user = |name: &str, role| DatabaseUser { name: name.to_owned(), role };
        vec![user("app", DatabaseRole::Owner), user("read_me", DatabaseRole::ReadOnly)]
    }

    #[test]
    fn users_are_listed_in_a_form_that_plans_can_show() {
        assert_eq!(list(&users()), "app=owner read_me=read-only");
        assert_eq!(list(&[]), "none");
    }

    #[test]
    fn each_password_is_read_from_its_variable_and_not_printed() {
        let script = sql(&users());
        let own: Vec<&str> = script.lines().filter(|line| line.starts_with("\\getenv")).collect();
        assert_eq!(
            own,
            ["\\getenv users USERS", "\\getenv password PASSWORD_APP", "\\getenv password PASSWORD_READ_ME"]
        );
        let head = script.split("-- Makes the database's users").next().expect("there is a head");
        assert_eq!(head.matches("\\unset password").count(), 3, "before each, and after the last: {head}");
        // psql prints the result of a SELECT, and `set_config` returns the password.
        assert!(head.lines().filter(|line| line.starts_with("SELECT")).all(|line| line.ends_with("\\gset")), "{head}");
    }

    #[test]
    fn script_is_the_same_for_the_same_users() {
        assert_eq!(sql(&users()), sql(&users()));
        assert!(sql(&[]).contains("\\getenv users USERS"));
    }

    #[test]
    fn script_is_not_passed_as_an_argument() {
        assert!(command().iter().all(|word| word.len() < 100), "{:?}", command());
    }
}
