//! What the task runs: psql, with a script that is made of the users' names alone. The passwords come to it by the
//! environment, and go from there to the server without standing in an argument, a file or a statement that is logged.

use std::fmt::Write;

use crate::spec::{DatabaseRole, DatabaseUser};

/// The environment variable with the users.
pub(super) const USERS: &str = "USERS";

/// The environment variable with the script.
pub(super) const SQL: &str = "SQL";

/// What is the same for all users.
const ROLES: &str = include_str!("roles.sql");

/// psql on the script, which ends at its first error.
pub(super) fn command() -> Vec<String> {
    let psql = "psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file=-";
    ["sh", "-c", &format!("printf '%s' \"${SQL}\" | {psql}")].map(str::to_owned).to_vec()
}

/// The users as the script reads them, and as a plan shows them: `app=owner developer=read-only`.
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

/// The environment variable with a user's password.
pub(super) fn variable(user: &DatabaseUser) -> String {
    format!("PASSWORD_{}", user.name.to_uppercase())
}

/// The script: what the users are called and which passwords they have, as settings of its session, and then what makes
/// them so. `\gset` keeps psql from printing what `set_config` gives back.
pub(super) fn sql(users: &[DatabaseUser]) -> String {
    let mut head = format!("\\getenv users {USERS}\n{}", setting("users", "users"));
    for user in users {
        // What psql knows of the one before must not stand in for a variable that is missing.
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
    fn the_users_are_listed_in_words_that_a_plan_can_show() {
        assert_eq!(list(&users()), "app=owner read_me=read-only");
        assert_eq!(list(&[]), "none");
    }

    #[test]
    fn each_password_is_taken_from_its_variable_and_forgotten() {
        let script = sql(&users());
        let own: Vec<&str> = script.lines().filter(|line| line.starts_with("\\getenv")).collect();
        assert_eq!(
            own,
            ["\\getenv users USERS", "\\getenv password PASSWORD_APP", "\\getenv password PASSWORD_READ_ME"]
        );
        let head = script.split("-- Makes the database's users").next().expect("there is a head");
        assert_eq!(head.matches("\\unset password").count(), 3, "before each, and after the last: {head}");
        // psql prints what a SELECT gives back, and set_config gives back the password.
        assert!(head.lines().filter(|line| line.starts_with("SELECT")).all(|line| line.ends_with("\\gset")), "{head}");
    }

    #[test]
    fn the_script_of_the_same_users_is_the_same() {
        assert_eq!(sql(&users()), sql(&users()));
        assert!(sql(&[]).contains("\\getenv users USERS"));
    }

    #[test]
    fn the_script_is_no_argument() {
        assert!(command().iter().all(|word| word.len() < 100), "{:?}", command());
    }
}
