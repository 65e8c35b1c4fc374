//! Two small containers in each task of a service that others call by its name. They make up for what DNS does not do.
//!
//! ECS gives the name the address of a task once all of its containers have started, and takes it away when the task is to stop:
//! it waits neither for a program that listens nor for callers that still know the address.
//! <https://github.com/aws/containers-roadmap/issues/343>,
//! <https://github.com/aws/containers-roadmap/issues/1639>
//!
//! - `stackctl-ready` ends once the port accepts connections. `stackctl-drain` starts after it, so the task has no address before.
//! - ECS stops containers in the reverse order of their dependencies. `stackctl-drain` stops first, and takes as long as requests in
//!   flight have. Only then the program gets its SIGTERM.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html>

use std::collections::BTreeMap;

use crate::{
    kinds::ecs::task_definition::{Condition, Container},
    model::Input,
};

/// The official image, from AWS's copy of Docker's official images. It has all that the two need: a shell, `nc` and `timeout`.
/// <https://gallery.ecr.aws/docker/library/busybox>
pub(in crate::blueprint) const IMAGE: &str = "public.ecr.aws/docker/library/busybox:1.37";

/// Whether anything listens `at` an address, as a shell asks: `nc` ends with 1 where nobody does, and otherwise with 0 or as `timeout`
/// ended it.
const LISTENS: &str = "listens() { timeout 2 nc ${at%:*} ${at#*:} </dev/null >/dev/null 2>&1; [ $? -ne 1 ]; }";

/// Ends once the port is open.
const READY: &str = "trap 'exit 1' TERM; left=300; while [ $left -gt 0 ]; do listens && exit 0; left=$((left - 1)); sleep 1; done; \
                     echo \"nothing listens at $at after 300 s\"; exit 1";

/// Waits to be told to stop, and then for as long as callers may go on; not longer than anything listens.
const DRAIN: &str = "trap : TERM; tail -f /dev/null & wait $!; kill $!; left=$DRAIN; while [ $left -gt 0 ]; do \
                     listens || exit 0; left=$((left - 1)); sleep 1; done";

/// Whether the container `name` is one of the two.
pub(in crate::blueprint) fn is_handover(name: &str) -> bool {
    [READY_NAME, DRAIN_NAME].contains(&name)
}

/// How long a caller may keep an address, in seconds. A task that stops goes on serving for that long at least.
pub(super) const TTL: u32 = 10;

const READY_NAME: &str = "stackctl-ready";
const DRAIN_NAME: &str = "stackctl-drain";

/// The longest that ECS waits between SIGTERM and SIGKILL, in seconds.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
const LONGEST_STOP: u32 = 120;

/// What ECS waits beyond the end of the drain, in seconds.
const SLACK: u32 = 5;

/// The two containers beside the container `main`, which others call at `port`. Requests in flight have `in_flight` seconds.
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
