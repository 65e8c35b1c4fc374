//! The kinds of EventBridge: rules that react to events in the account.

pub mod event_rule;
#[cfg(test)]
mod model;
