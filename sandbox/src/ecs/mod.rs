//! ECS on Fargate: clusters, task definitions, services and tasks. Tasks run as processes of this computer.

mod busybox;
mod calls;
mod capacity;
mod clusters;
mod command_line;
mod container;
mod definitions;
mod discovery;
mod exec;
mod fargate;
mod health;
mod history;
mod input;
mod ledger;
mod log;
mod model;
mod on_time;
mod ordering;
mod pages;
mod preparation;
mod rollback;
mod rootfs;
mod runner;
mod scheduler;
mod secrets;
mod services;
mod tagging;
mod tasks;
mod tools;
mod volumes;
mod work;

pub(crate) use fargate::{Ecs, Works};
pub(crate) use scheduler::schedule;
