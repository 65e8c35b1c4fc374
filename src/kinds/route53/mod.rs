//! The kinds of Route 53.

pub mod dns_record;
