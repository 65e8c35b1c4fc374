//! Names and numbers that several parts of the blueprint share.

/// The name of the database that the applications use.
pub const DATABASE_NAME: &str = "app";

/// The length of a generated password. It consists of letters and digits, so it has more than 190 bits.
pub const PASSWORD_LENGTH: usize = 32;

/// The service that may assume a task's roles.
pub(super) const TASK_PRINCIPAL: &str = "ecs-tasks.amazonaws.com";
