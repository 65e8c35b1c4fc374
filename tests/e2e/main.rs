//! End to end: the real binary against a sandbox of its own for each test, over real sockets, with a real Postgres.

mod adopt;
mod bad_cloud;
mod bastion;
mod blockers;
mod blocking;
mod buckets;
mod cache;
mod changes;
mod commands;
mod comments;
mod crashes;
mod crowd;
#[path = "../../bench/src/engine.rs"]
mod docker_engine;
mod dockerfile;
mod domain;
mod dumps;
mod environments;
mod exec;
mod explained;
mod given_network;
mod given_secrets;
mod going_back;
mod held;
#[path = "../iam/mod.rs"]
mod iam;
mod init;
mod jobs;
mod lifecycle;
mod lines;
mod logs;
mod many;
mod mistakes;
mod passwords;
mod permissions;
mod releases;
mod releases_of_the_application;
mod rollback;
mod rollouts;
#[path = "../../bench/src/rounds.rs"]
mod rounds;
mod run;
mod scaling;
mod secrecy;
mod set_secrets;
mod support;
mod sweep;
mod targets;
mod task_permissions;
mod tiny;
mod torture;
mod traffic;
mod until;
mod users;
mod visitors;
mod zones;
