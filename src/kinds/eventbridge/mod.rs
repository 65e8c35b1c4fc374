//! The kinds of EventBridge: rules over what happens in the account.

pub mod event_rule;
#[cfg(test)]
mod model;
