//! stackctl makes one `stack.yaml` true on AWS.
//!
//! Imports point one way: `cli → {spec, blueprint, engine, image, output}`, `engine → {kind, kinds' registry, model,
//! aws}`, `kinds/* → {kind, model, aws}`, `blueprint → {spec, model, kinds' Desired types}`; `spec` and `model`
//! import none of ours. `tests/imports.rs` reads the `use crate::` lines and fails on a breach.

pub mod aws;
pub mod engine;
pub mod kind;
pub mod kinds;
pub mod model;
