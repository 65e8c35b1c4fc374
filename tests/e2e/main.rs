//! End to end: the real binary against a sandbox of its own for each test, over real sockets, with a real Postgres.

mod bastion;
mod blocking;
mod cache;
mod changes;
mod crashes;
mod dockerfile;
mod domain;
mod init;
mod lifecycle;
mod logs;
mod mistakes;
mod releases;
mod rollback;
mod run;
mod scaling;
mod support;
mod sweep;
mod tiny;
mod traffic;
mod users;
