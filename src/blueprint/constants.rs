//! Names and figures that several parts of the blueprint share.

/// The database that the applications use.
pub const DATABASE_NAME: &str = "app";

/// The length of a generated password; of letters and digits, this is over 190 bits.
pub const PASSWORD_LENGTH: usize = 32;

/// Who may assume a task's roles.
pub(super) const TASK_PRINCIPAL: &str = "ecs-tasks.amazonaws.com";
