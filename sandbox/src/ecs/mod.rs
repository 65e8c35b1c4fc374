//! ECS on Fargate: clusters, task definitions, services and tasks; what they say is run is run, as processes of this
//! computer.

mod calls;
mod clusters;
mod command_line;
mod definitions;
mod exec;
mod fargate;
mod history;
mod input;
mod ledger;
mod model;
mod on_time;
mod pages;
mod preparation;
mod rollback;
mod rootfs;
mod runner;
mod scheduler;
mod secrets;
mod services;
mod tasks;
mod tools;

pub(crate) use fargate::{Ecs, Works};
pub(crate) use scheduler::schedule;
