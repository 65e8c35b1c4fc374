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
mod held;
mod init;
mod lifecycle;
mod mistakes;
mod releases;
mod releases_at_once;
mod rollouts;
mod run;
mod scaling;
mod support;
mod sweep;
mod traffic;
mod users;
mod visitors;
mod zones;
