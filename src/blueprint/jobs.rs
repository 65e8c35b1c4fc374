//! Draws the jobs: a schedule for each, the schedule group, the role with which EventBridge starts them, and the task
//! definitions of jobs that differ from their service.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    calls, identity,
    service::{Drawing, Parts},
};
use crate::{
    kinds::{
        ecs::{
            task_definition::{self, Condition, Container},
            task_end::TIMEOUT,
        },
        iam::role,
        scheduler::{schedule, schedule_group},
    },
    model::{Address, Graph, Input},
    spec::{Job, Runs, Stack},
};

/// The service that starts the jobs.
const PRINCIPAL: &str = "scheduler.amazonaws.com";

/// Shell script that exits normally when the task stops, and fails when the time limit is over. Its container is
/// essential: when it exits, ECS stops the task.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
const LIMIT: &str = "trap 'kill $!; exit 0' TERM; sleep $TIMEOUT & wait $!; \
                     echo \"the run took longer than $TIMEOUT s: it is stopped\"; exit $CODE";

/// Draws the jobs. The services must already be in the graph.
pub(super) fn draw(graph: &mut Graph, stack: &Stack, parts: &Parts) {
    if stack.jobs.is_empty() {
        return;
    }
    graph.begin("jobs");
    let group = graph.add(Address::new("schedule_group", "main"), &schedule_group::Desired {});
    for (name, job) in &stack.jobs {
        graph.begin(format!("job {name}"));
        define(graph, stack, parts, name, job);
    }
    graph.begin("jobs");
    let role = role(graph, stack);
    let (network, calls) = (&parts.network, &parts.calls);
    for (name, job) in &stack.jobs {
        graph.begin(format!("job {name}"));
        let container = job.runs.container(name);
        let others = match &job.runs {
            Runs::Service { name, .. } => calls.other_groups(name, &stack.services[name]),
            Runs::Own(own) => calls.other_groups(name, own),
        };
        let schedule = graph.add(
            Address::new("schedule", name),
            &schedule::Desired {
                schedule: job.schedule.clone(),
                timezone: job.timezone.clone(),
                container: container.to_owned(),
                command: job.command.clone(),
                task_definition: Input::output(&definition(name, job), "arn"),
                cluster: Input::output(&Address::new("cluster", "main"), "arn"),
                role: Input::output(&role, "arn"),
                group: Input::output(&group, "name"),
                subnets: network.tasks.clone(),
                security_group: Input::output(&parts.groups[container], "id"),
                other_groups: others,
                public_ip: network.public_tasks,
            },
        );
        match &job.runs {
            // If a new revision does not become stable, jobs must not run it either. The service in turn depends on the
            // routes to the internet and on the release command.
            Runs::Service { name, .. } => graph.need(&schedule, &Address::new("service", name)),
            Runs::Own(own) => {
                network.routes.iter().for_each(|route| graph.need(&schedule, route));
                parts.volumes.reached_by(own).for_each(|target| graph.need(&schedule, target));
            }
        }
    }
}

/// The task definition that the job `name` runs.
fn definition(name: &str, job: &Job) -> Address {
    let of = if job.has_definition() { name } else { job.runs.container(name) };
    Address::new("task_definition", of)
}

/// Draws the task definition of a job that needs a separate one.
fn define(graph: &mut Graph, stack: &Stack, parts: &Parts, name: &str, job: &Job) {
    match &job.runs {
        Runs::Own(own) => {
            let cluster = Input::output(&Address::new("cluster", "main"), "arn");
            let limit = job.timeout.map(|seconds| (TIMEOUT.0, seconds));
            let limit =
                |log_group: &Input| limit.map(|(limit, seconds)| (limit.to_owned(), timeout(name, seconds, log_group)));
            Drawing { stack, parts, name, service: own, cluster }.task_definition(graph, limit);
        }
        Runs::Service { .. } if !job.has_definition() => {}
        Runs::Service { name: service, size, env } => {
            let of = Address::new("task_definition", service);
            let mut desired = of_service(graph, &of);
            if let Some((cpu, memory)) = size {
                (desired.cpu, desired.memory) = (*cpu, *memory);
            }
            let version = desired.main.environment.get("APP_VERSION").cloned().unwrap_or_else(|| "".into());
            let referable = parts.referable(stack, &version);
            let own = env.iter().map(|(variable, value)| (variable.clone(), referable.plain(value)));
            desired.main.environment.extend(own);
            desired.main.secrets.retain(|variable, _| !env.contains_key(variable));
            // No service calls a job, so its tasks need no handover containers.
            desired.sidecars.retain(|sidecar, _| !calls::is_handover(sidecar));
            let limit = job.timeout.map(|seconds| timeout(service, seconds, &desired.main.log_group));
            desired.sidecars.extend(limit.map(|limit| (TIMEOUT.0.to_owned(), limit)));
            let address = graph.add(Address::new("task_definition", name), &desired);
            graph.need(&address, &of);
            env.values().for_each(|value| referable.wait_for_users(graph, &address, value));
        }
    }
}

/// Returns the task definition for the job `job` of a service that is rolled back to `then`. `now` is the job's current
/// task definition.
pub fn rolled_back(
    job: &Job,
    then: &task_definition::Desired,
    now: &task_definition::Desired,
) -> task_definition::Desired {
    let mut desired = task_definition::Desired { execution_role: now.execution_role.clone(), ..then.clone() };
    let Runs::Service { size, env, .. } = &job.runs else { return desired };
    if let Some((cpu, memory)) = size {
        (desired.cpu, desired.memory) = (*cpu, *memory);
    }
    let own = now.main.environment.iter().filter(|(variable, _)| env.contains_key(*variable));
    desired.main.environment.extend(own.map(|(variable, value)| (variable.clone(), value.clone())));
    desired.main.secrets.retain(|variable, _| !env.contains_key(variable));
    desired.sidecars.retain(|sidecar, _| !calls::is_handover(sidecar));
    let limit = now.sidecars.get_key_value(TIMEOUT.0);
    desired.sidecars.extend(limit.map(|(name, limit)| (name.clone(), limit.clone())));
    desired
}

/// Returns the service's task definition at `address`.
fn of_service(graph: &Graph, address: &Address) -> task_definition::Desired {
    let node = graph.get(address).expect("the services are drawn before their jobs");
    serde_json::from_value(node.desired.clone()).expect("it was written by its own kind")
}

/// Returns the container that ends the task of `main` when its time is over.
fn timeout(main: &str, seconds: u32, log_group: &Input) -> Container {
    Container {
        command: ["sh", "-c", LIMIT].map(str::to_owned).to_vec(),
        environment: BTreeMap::from([
            ("TIMEOUT".to_owned(), seconds.to_string().into()),
            ("CODE".to_owned(), TIMEOUT.1.to_string().into()),
        ]),
        depends_on: BTreeMap::from([(main.to_owned(), Condition::Start)]),
        stop_timeout: 2,
        read_only: true,
        ..Container::new(calls::BUSYBOX.into(), log_group.clone())
    }
}

/// Draws the role that may start every revision of the jobs' task definitions, and pass their roles.
fn role(graph: &mut Graph, stack: &Stack) -> Address {
    let statements = may_start(graph, stack, stack.jobs.iter().map(|(name, job)| (name.as_str(), job)));
    let desired = role::Desired::new(PRINCIPAL, statements);
    // The names of services' roles have suffixes, so none of them is equal to this one.
    graph.add(Address::new("role", "scheduler"), &desired)
}

/// Returns the statements of a role that starts these jobs.
pub(super) fn may_start<'a>(
    graph: &Graph,
    stack: &Stack,
    jobs: impl Iterator<Item = (&'a str, &'a Job)> + Clone,
) -> Vec<role::Statement> {
    let id = identity::id(stack);
    let definitions: BTreeSet<Address> = jobs.clone().map(|(name, job)| definition(name, job)).collect();
    let families = definitions.iter().map(|address| Input::from(task_definition::revisions_arn(&id, address)));
    let run_as: BTreeSet<&str> = jobs.map(|(name, job)| job.runs.container(name)).collect();
    let roles = run_as.iter().flat_map(|name| ["execution", "task"].map(|of| format!("{name}-{of}")));
    // A task without permissions has no task role.
    let roles = roles.map(|name| Address::new("role", name)).filter(|role| graph.get(role).is_some());
    let roles = roles.map(|role| Input::output(&role, "arn"));
    let statements = [("ecs:RunTask", families.collect::<Vec<Input>>()), ("iam:PassRole", roles.collect())];
    let statements = statements.into_iter().filter(|(_, on)| !on.is_empty());
    statements.map(|(action, on)| role::Statement::new(&[action], on)).collect()
}
