//! Adds two small containers to each task of a service that other services call by name. They compensate for what DNS
//! does not do.
//!
//! ECS registers the address of a task under the name when all of its containers have started, and removes the address
//! when the task stops. ECS does not wait until the program listens, nor until callers have forgotten the address.
//! <https://github.com/aws/containers-roadmap/issues/343>,
//! <https://github.com/aws/containers-roadmap/issues/1639>
//!
//! - `stackctl-ready` exits when the port accepts connections. `stackctl-drain` starts after it, so the address is not
//!   registered earlier.
//! - ECS stops containers in the reverse order of their dependencies. `stackctl-drain` stops first and gives requests
//!   in flight time to finish. Only then does the program receive SIGTERM.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html>

use std::collections::BTreeMap;

use crate::{
    kinds::ecs::task_definition::{Condition, Container},
    model::Input,
};

/// The official image, from AWS's copy of Docker's official images. It has everything that the two containers need: a
/// shell, `nc` and `timeout`.
/// <https://gallery.ecr.aws/docker/library/busybox>
pub(in crate::blueprint) const IMAGE: &str = "public.ecr.aws/docker/library/busybox:1.37";

/// Shell function: whether a program listens at the address `at`. `nc` exits with 1 if none does; otherwise with 0, or
/// with the status that `timeout` causes.
const LISTENS: &str = "listens() { timeout 2 nc ${at%:*} ${at#*:} </dev/null >/dev/null 2>&1; [ $? -ne 1 ]; }";

/// Exits when the port is open.
const READY: &str = "trap 'exit 1' TERM; left=300; while [ $left -gt 0 ]; do listens && exit 0; left=$((left - 1)); sleep 1; done; \
                     echo \"nothing listens at $at after 300 s\"; exit 1";

/// Waits for SIGTERM, and then as long as callers may still send requests, but no longer than a program listens.
const DRAIN: &str = "trap : TERM; tail -f /dev/null & wait $!; kill $!; left=$DRAIN; while [ $left -gt 0 ]; do \
                     listens || exit 0; left=$((left - 1)); sleep 1; done";

/// Whether `name` is one of the two containers.
pub(in crate::blueprint) fn is_handover(name: &str) -> bool {
    [READY_NAME, DRAIN_NAME].contains(&name)
}

/// How long a caller may cache an address, in seconds. A stopping task continues to serve for at least this time.
pub(super) const TTL: u32 = 10;

const READY_NAME: &str = "stackctl-ready";
const DRAIN_NAME: &str = "stackctl-drain";

/// The maximum time between SIGTERM and SIGKILL, in seconds.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
const LONGEST_STOP: u32 = 120;

/// The time that ECS waits after the end of the drain, in seconds.
const SLACK: u32 = 5;

/// Returns the two containers for a task whose container `main` others call at `port`. Requests in flight have
/// `in_flight` seconds to finish.
pub(in crate::blueprint) fn containers(
    main: &str,
    port: u16,
    in_flight: u32,
    log_group: &Input,
) -> BTreeMap<String, Container> {
    let drain = in_flight.clamp(TTL, LONGEST_STOP - SLACK);
    let container = |script: &str| Container {
        command: ["sh", "-c", &format!("at=127.0.0.1:{port}; {LISTENS}; {script}")].map(str::to_owned).to_vec(),
        essential: false,
        read_only: true,
        ..Container::new(IMAGE.into(), log_group.clone())
    };
    let started = (main.to_owned(), Condition::Start);
    let ready = Container { depends_on: [started.clone()].into(), stop_timeout: 2, ..container(READY) };
    let draining = Container {
        depends_on: [started, (READY_NAME.to_owned(), Condition::Success)].into(),
        environment: [("DRAIN".to_owned(), drain.to_string().into())].into(),
        stop_timeout: drain + SLACK,
        ..container(DRAIN)
    };
    [(READY_NAME.to_owned(), ready), (DRAIN_NAME.to_owned(), draining)].into()
}
