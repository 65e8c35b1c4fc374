//! Access to AWS: the session and its clients, ownership tags, derived names and the conversion of errors. It knows no
//! resource kinds.

mod answer;
mod causes;
mod clock;
mod credentials;
mod endpoints;
mod error;
mod given_listener;
mod given_network;
mod hosted_zones;
#[cfg(test)]
pub mod model;
mod names;
mod once;
mod pace;
mod quota;
mod refusal;
mod regions;
mod session;
mod signature;
mod tags;
mod task_log;
mod zones;

pub use clock::Clock;
pub use error::{Outcome, failure, given, incomplete};
pub use names::{
    derived, digest, discriminated, iam_path, last_part, log_prefix, may_be_ours, may_begin, stack_prefix,
};
pub use once::Once;
pub use pace::{Pace, Waited};
pub use refusal::{About, about};
pub use session::{Aws, Caller, Configured, SessionOptions};
pub use tags::{
    ADDRESS, BY, COMMIT, ENVIRONMENT, NAME, REGION, ROLLBACK_TO, STACK, Tag, WITHOUT, ZONES, address_of,
    is_of_no_stack, ours, tag, tag_value, tags, zones_of,
};
pub use task_log::{LogLine, TaskLog, log_page};

/// Converts a number from stack.yaml, which is known to be small, for the SDK.
pub fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
