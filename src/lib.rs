//! stackctl creates and updates on AWS what `stack.yaml` describes.
//!
//! Imports point one way: `cli → {spec, blueprint, engine, image, output}`, `engine → {kind, model, aws}`,
//! `kinds/* → {kind, model, aws}`, `blueprint → {spec, model, the kinds' Desired types}`, `image → {kind, model}`,
//! `task, releases, session → {kind, kinds, model, aws}`, `jobs → {kind, kinds, model, aws, times}`,
//! `logs → {kind, model, aws}`, `blockers → {kind, model}`, `policy → {spec, blueprint, session, kind, model, aws}`,
//! `cost → {spec, blueprint, kind, model}`, `output → {cost, engine, jobs, logs, releases, kind, model}`,
//! `spec → document`, `convert → {document, spec}`; `document`, `model` and `dump` import no other module.
//! `tests/imports.rs` reads the `use crate::` lines and fails if one breaks these rules.

pub mod aws;
pub mod blockers;
pub mod blueprint;
pub mod cli;
mod convert;
pub mod cost;
mod document;
pub mod dump;
pub mod engine;
#[cfg(test)]
mod every_kind;
pub mod exit;
pub mod image;
pub mod jobs;
pub mod kind;
pub mod kinds;
pub mod logs;
pub mod model;
pub mod offers;
pub mod output;
pub mod policy;
pub mod releases;
pub mod session;
pub mod spec;
pub mod task;
mod times;
