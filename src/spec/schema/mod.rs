//! The JSON Schema of stack.yaml, for editors: keys, types and ranges. It is written by hand, since the decoder's errors say
//! more than a schema could; the tests hold the two together.

/// The schema, as `docs/stack.schema.json` has it.
pub const SCHEMA: &str = include_str!("../../../docs/stack.schema.json");

#[cfg(test)]
mod tests;
#[cfg(test)]
mod validator;
