//! Draws the EventBridge rules that handle a failed run of a job: they retry it, and notify the topic of the alarms
//! when no retry is left.

use std::collections::BTreeMap;

use super::{identity, jobs};
use crate::{
    kinds::{
        eventbridge::event_rule::{self, Start, Then},
        iam::role,
        scheduler::schedule::{self, retry_group, task_group},
        sns::topic,
    },
    model::{Address, Graph, Input},
    spec::{Job, Stack},
};

/// The service that retries and notifies.
const PRINCIPAL: &str = "events.amazonaws.com";

/// The name of the rule that notifies the topic. The names of the jobs' rules end with a number.
const TELLS: &str = "failed-runs";

/// Draws the rules. The schedules and the alarms must already be in the graph.
pub(super) fn draw(graph: &mut Graph, stack: &Stack) {
    let repeated: BTreeMap<&str, &Job> =
        stack.jobs.iter().filter(|(_, job)| job.retries > 0).map(|(name, job)| (name.as_str(), job)).collect();
    let topic = stack.alarms.as_ref().filter(|_| !stack.jobs.is_empty()).map(|_| Address::new("topic", topic::ALARMS));
    if repeated.is_empty() && topic.is_none() {
        return;
    }
    let mut statements = jobs::may_start(graph, stack, repeated.iter().map(|(name, job)| (*name, *job)));
    let tells = topic.iter().map(|topic| role::Statement::new(&["sns:Publish"], vec![Input::output(topic, "arn")]));
    statements.extend(tells);
    // The names of services' roles have suffixes, so none of them is equal to this one.
    let role = graph.add(Address::new("role", "events"), &role::Desired::new(PRINCIPAL, statements));
    for (name, job) in repeated {
        retry(graph, name, job, &role);
    }
    if let Some(topic) = topic {
        let last = |(name, job): (&String, &Job)| (group(name, job.retries), job.runs.container(name).to_owned());
        let message = format!(
            "A run of a job of {} has failed: <group>, at <time>. ECS says: <reason>. Its task is <task>. `stackctl jobs` shows the last \
             runs.",
            identity::id(stack)
        );
        let desired = event_rule::Desired {
            cluster: Input::output(&Address::new("cluster", "main"), "arn"),
            runs: stack.jobs.iter().map(last).collect(),
            role: Input::output(&role, "arn"),
            then: Then::Tell { topic: Input::output(&topic, "arn"), message },
        };
        let rule = graph.add(Address::new("event_rule", TELLS), &desired);
        graph.need(&rule, &Address::new("schedule_group", "main"));
    }
}

/// Returns the ECS task group of a scheduled run, or of a retry.
fn group(name: &str, attempt: u32) -> String {
    if attempt == 0 { task_group(name) } else { retry_group(name, attempt) }
}

/// Draws a rule for each retry of a job. It starts the same task as the schedule after the previous run has failed.
fn retry(graph: &mut Graph, name: &str, job: &Job, role: &Address) {
    let address = Address::new("schedule", name);
    let node = graph.get(&address).expect("the schedules are drawn before");
    let schedule: schedule::Desired =
        serde_json::from_value(node.desired.clone()).expect("it was written by its own kind");
    for attempt in 1..=job.retries {
        let start = Start {
            group: retry_group(name, attempt),
            container: schedule.container.clone(),
            command: schedule.command.clone(),
            task_definition: schedule.task_definition.clone(),
            subnets: schedule.subnets.clone(),
            security_groups: schedule.security_groups(),
            public_ip: schedule.public_ip,
        };
        let desired = event_rule::Desired {
            cluster: schedule.cluster.clone(),
            runs: BTreeMap::from([(group(name, attempt - 1), schedule.container.clone())]),
            role: Input::output(role, "arn"),
            then: Then::Start(Box::new(start)),
        };
        let rule = graph.add(Address::new("event_rule", format!("{name}-retry-{attempt}")), &desired);
        // The rule changes to a new revision when the schedule does.
        graph.need(&rule, &address);
    }
}
