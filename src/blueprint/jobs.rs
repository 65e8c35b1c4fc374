//! Jobs: a schedule for each, their group, and the role with which EventBridge starts them.

use std::collections::BTreeSet;

use super::{calls::Calls, identity, network::Network};
use crate::{
    kinds::{
        ecs::task_definition,
        iam::role,
        scheduler::{schedule, schedule_group},
    },
    model::{Address, Graph, Input},
    spec::Stack,
};

/// Who starts them.
const PRINCIPAL: &str = "scheduler.amazonaws.com";

/// Draws over the services, which have to be in the graph.
pub(super) fn draw(graph: &mut Graph, stack: &Stack, network: &Network, calls: &Calls) {
    if stack.jobs.is_empty() {
        return;
    }
    let group = graph.add(Address::new("schedule_group", "main"), &schedule_group::Desired {});
    let role = role(graph, stack);
    for (name, job) in &stack.jobs {
        let service = Address::new("service", &job.service);
        let schedule = graph.add(
            Address::new("schedule", name),
            &schedule::Desired {
                schedule: job.schedule.clone(),
                timezone: job.timezone.clone(),
                container: job.service.clone(),
                command: job.command.clone(),
                task_definition: Input::output(&Address::new("task_definition", &job.service), "arn"),
                cluster: Input::output(&Address::new("cluster", "main"), "arn"),
                role: Input::output(&role, "arn"),
                group: Input::output(&group, "name"),
                subnets: network.tasks.clone(),
                security_group: Input::output(
                    &Address::new("security_group", format!("service-{}", job.service)),
                    "id",
                ),
                other_groups: calls.other_groups(&job.service, &stack.services[&job.service]),
                public_ip: network.public_tasks,
            },
        );
        // A revision that does not come to serve must not run as a job either. And it brings the way out along, and the
        // release command's work.
        graph.need(&schedule, &service);
    }
}

/// May start any revision of the services that have jobs, and hand over the roles of those.
fn role(graph: &mut Graph, stack: &Stack) -> Address {
    let id = identity::id(stack);
    let services: BTreeSet<&str> = stack.jobs.values().map(|job| job.service.as_str()).collect();
    let families = services.iter().map(|service| {
        let family = task_definition::revisions_arn(&id, &Address::new("task_definition", *service));
        Input::from(family)
    });
    let roles = services.iter().flat_map(|service| ["execution", "task"].map(|of| format!("{service}-{of}")));
    // A service that may do nothing has no role for its tasks.
    let roles = roles.map(|name| Address::new("role", name)).filter(|role| graph.get(role).is_some());
    let roles = roles.map(|role| Input::output(&role, "arn"));
    let statements = vec![
        role::Statement::new(&["ecs:RunTask"], families.collect()),
        role::Statement::new(&["iam:PassRole"], roles.collect()),
    ];
    let desired = role::Desired::new(PRINCIPAL, statements);
    // No service's role is called so: those end in what they are for.
    graph.add(Address::new("role", "scheduler"), &desired)
}
