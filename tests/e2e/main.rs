//! End to end: the real binary against a sandbox of its own for each test, over real sockets, with a real Postgres.

mod bastion;
mod blocking;
mod cache;
mod changes;
mod crashes;
mod dockerfile;
mod domain;
mod dumps;
mod environments;
mod exec;
mod given_network;
mod given_secrets;
mod held;
mod init;
mod jobs;
mod lifecycle;
mod logs;
mod mistakes;
mod releases;
mod releases_at_once;
mod rollback;
mod rollouts;
#[path = "../../bench/src/rounds.rs"]
mod rounds;
mod run;
mod scaling;
mod set_secrets;
mod strangers;
mod support;
mod sweep;
mod tiny;
mod traffic;
mod users;
mod visitors;
mod zones;
