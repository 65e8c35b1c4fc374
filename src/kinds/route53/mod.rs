//! The kinds of Route 53.

pub mod dns_record;
#[cfg(test)]
pub(super) mod model;
