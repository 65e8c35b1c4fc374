//! The service scheduler: maintains the desired count, rolls out deployments, and stops those that fail.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    capacity,
    fargate::Ecs,
    input::short,
    ledger::Ledger,
    model::{Life, Outcome, Rollout, Service, Status, Task},
    rollback, runner,
    tasks::{self, Start},
};
use crate::{alb::State, api::now, events};

/// How often the scheduler looks without being woken. Changes of target health do not wake it.
const LOOK: Duration = Duration::from_millis(100);

/// How long stopped tasks stay listed.
const LISTED: Duration = Duration::from_secs(3600);

/// Runs the scheduler until the sandbox stops.
pub(crate) async fn schedule(ecs: Arc<Ecs>) {
    let mut interfaces = serde_json::Value::Null;
    loop {
        drop(tokio::time::timeout(LOOK, ecs.changed.notified()).await);
        let to_start = {
            let mut state = ecs.state();
            state.tasks.retain(|_, task| task.stopped_at.is_none_or(|at| at.elapsed() < LISTED));
            let names: Vec<usize> = (0..state.services.len()).collect();
            names.into_iter().for_each(|index| reconcile(&ecs, &mut state, index));
            let waiting = state.tasks.values_mut().filter(|task| task.status == Status::Provisioning);
            waiting
                .map(|task| {
                    task.status = Status::Pending;
                    task.arn.clone()
                })
                .collect::<Vec<_>>()
        };
        for task in ended(&ecs) {
            let ecs = Arc::clone(&ecs);
            tokio::spawn(async move { events::ended(&ecs, task).await });
        }
        for arn in to_start {
            tokio::spawn(runner::run(Arc::clone(&ecs), arn));
        }
        let used = ecs.state().interfaces();
        if used != interfaces {
            drop(ecs.works.moto.put("/interfaces", &used).await);
            interfaces = used;
        }
    }
}

/// Returns the tasks that have ended since the last call.
fn ended(ecs: &Ecs) -> Vec<serde_json::Value> {
    let mut state = ecs.state();
    let ended = state.tasks.values_mut().filter(|task| task.status == Status::Stopped && !task.told);
    ended
        .map(|task| {
            task.told = true;
            task.document(false)
        })
        .collect()
}

/// Moves one service toward its desired state, as far as possible now.
fn reconcile(ecs: &Ecs, state: &mut Ledger, index: usize) {
    let mut service = state.take(index);
    match service.life {
        Life::Inactive => {}
        Life::Draining => drain(state, &mut service),
        Life::Active => {
            count_failures(ecs, state, &mut service);
            rollback::break_circuit(state, &mut service);
            stop_unhealthy(ecs, state, &mut service);
            start_missing(state, &mut service);
            stop_surplus(ecs, state, &mut service);
            complete(ecs, state, &mut service);
        }
    }
    state.services[index] = service;
}

fn drain(state: &mut Ledger, service: &mut Service) {
    let mut left = 0;
    for task in state.tasks.values_mut().filter(|task| task.service.as_deref() == Some(&service.name)) {
        task.stop("Scaling activity initiated by deletion of the service", "ServiceSchedulerInitiated");
        left += usize::from(task.status != Status::Stopped);
    }
    if left == 0 {
        service.life = Life::Inactive;
        service.deployments.clear();
    }
}

/// Returns whether a task is ready: it runs, and it passes its container and load balancer health checks, if any.
fn serves(ecs: &Ecs, task: &Task) -> bool {
    task.status == Status::Running
        && !*task.stopping.borrow()
        && (!task.is_checked() || task.health() == "HEALTHY")
        && task.target.as_ref().is_none_or(|(group, target)| ecs.works.alb.state(group, target) == Some(State::Healthy))
}

/// Counts tasks that failed since the last look.
fn count_failures(ecs: &Ecs, state: &mut Ledger, service: &mut Service) {
    for task in state.tasks.values_mut() {
        if task.service.as_deref() != Some(&service.name) || task.status != Status::Stopped || task.counted {
            continue;
        }
        task.counted = true;
        let by_scheduler = task.stop_code == Some("ServiceSchedulerInitiated");
        let unhealthy = task.stopped_reason.as_deref().is_some_and(|reason| reason.starts_with("Task failed "));
        if by_scheduler && !unhealthy || matches!(task.stop_code, Some("UserInitiated" | "SpotInterruption")) {
            continue;
        }
        let deployment =
            service.deployments.iter_mut().find(|deployment| task.deployment.as_deref() == Some(&deployment.id));
        let Some(deployment) = deployment else { continue };
        // ECS counts a task that never reaches RUNNING or that fails a health check. Without health checks, a task
        // that has run counts as a success and is replaced at once.
        // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
        let is_checked = service.settings["loadBalancers"].as_array().is_some_and(|groups| !groups.is_empty());
        if task.started.is_some() && !is_checked && !task.is_checked() {
            continue;
        }
        if deployment.rollout == Rollout::InProgress {
            deployment.failed += 1;
            deployment.updated = now();
        }
        // Repeated failures slow down further starts exponentially.
        let seconds = f64::from(1_u32 << u32::try_from(deployment.failed.min(5)).unwrap_or(5));
        service.next_start = Instant::now() + ecs.works.place.settings.rollout(seconds);
    }
}

/// Stops tasks that fail their container health check, or the load balancer's after the grace period. They are
/// replaced.
fn stop_unhealthy(ecs: &Ecs, state: &mut Ledger, service: &mut Service) {
    let grace = service.settings["healthCheckGracePeriodSeconds"].as_f64().unwrap_or_default();
    let grace = ecs.works.place.settings.rollout(grace);
    let mut said = Vec::new();
    for task in state.tasks.values_mut().filter(|task| task.service.as_deref() == Some(&service.name)) {
        if task.is_alive() && task.health() == "UNHEALTHY" {
            said.push(format!("(task {}) failed container health checks.", task.id));
            task.stop("Task failed container health checks", "ServiceSchedulerInitiated");
            continue;
        }
        let Some((group, target)) = &task.target else { continue };
        let past_grace = task.running_since.is_some_and(|since| since.elapsed() > grace);
        if let Some(State::Unhealthy(_, description)) = ecs.works.alb.state(group, target)
            && past_grace
            && task.is_alive()
        {
            let name = group.rsplit("targetgroup/").next().unwrap_or_default().to_owned();
            said.push(format!(
                "(task {}) (port {}) is unhealthy in (target-group {group}) due to (reason {description})",
                task.id, target.port
            ));
            let reason = format!("Task failed ELB health checks in (target-group targetgroup/{name}): {description}");
            task.stop(reason, "ServiceSchedulerInitiated");
        }
    }
    said.into_iter().for_each(|message| service.say(message));
}

fn percent(service: &Service, key: &str, otherwise: u64) -> usize {
    let percent = service.settings["deploymentConfiguration"][key].as_u64().unwrap_or(otherwise);
    usize::try_from(percent).unwrap_or(100)
}

fn start_missing(state: &mut Ledger, service: &mut Service) {
    let Some(primary) = service.primary() else { return };
    if primary.rollout == Rollout::Failed || Instant::now() < service.next_start {
        return;
    }
    let alive = |deployment: Option<&str>| {
        let of_service = state.tasks.values().filter(|task| task.service.as_deref() == Some(&service.name));
        of_service
            .filter(|task| task.is_alive() && deployment.is_none_or(|id| task.deployment.as_deref() == Some(id)))
            .count()
    };
    // Stopping tasks do not count: ECS starts a replacement while the old task stops, even if the maximum is one
    // task.
    // https://github.com/aws/containers-roadmap/issues/959
    let most = service.desired * percent(service, "maximumPercent", 200) / 100;
    let missing = service.desired.saturating_sub(alive(Some(&primary.id)));
    let room = most.max(service.desired).saturating_sub(alive(None));
    let (id, definition) = (primary.id.clone(), primary.definition.clone());
    let mut started = Vec::new();
    let on = |provider: &str| {
        let of_deployment =
            state.tasks.values().filter(|task| task.is_alive() && task.deployment.as_deref() == Some(&id));
        of_deployment.filter(|task| task.provider == Some(provider)).count()
    };
    let (mut on_demand, mut on_spot) = (on("FARGATE"), on("FARGATE_SPOT"));
    for _ in 0..missing.min(room) {
        let provider = capacity::next(service, on_demand, on_spot);
        on_demand += usize::from(provider == Some("FARGATE"));
        on_spot += usize::from(provider == Some("FARGATE_SPOT"));
        let start = Start {
            provider,
            cluster: &service.cluster,
            definition: &definition,
            network: &service.settings["networkConfiguration"],
            tags: &service.tags,
            overrides: &serde_json::Value::Null,
            started_by: id.clone(),
            service: Some((service.name.clone(), id.clone())),
            group: None,
            exec: service.settings["enableExecuteCommand"] == true,
        };
        started.extend(tasks::start(state, start));
    }
    if !started.is_empty() {
        let ids: Vec<String> = started.iter().map(|arn| format!("(task {})", short(arn))).collect();
        service.say(format!("has started {} tasks: {}.", ids.len(), ids.join(" ")));
    }
}

fn stop_surplus(ecs: &Ecs, state: &mut Ledger, service: &mut Service) {
    let Some(primary) = service.primary() else { return };
    let (id, desired) = (primary.id.clone(), service.desired);
    let least = desired * percent(service, "minimumHealthyPercent", 100) / 100;
    let of_service: Vec<(String, bool, bool)> = state
        .tasks
        .values()
        .filter(|task| task.service.as_deref() == Some(&service.name) && task.is_alive())
        .map(|task| (task.arn.clone(), task.deployment.as_deref() == Some(&id), serves(ecs, task)))
        .collect();
    let mut serving = of_service.iter().filter(|(.., serves)| *serves).count();
    let mut own = of_service.iter().filter(|(_, own, _)| *own).count();
    for (arn, is_own, is_serving) in of_service {
        let surplus = if is_own { own > desired } else { !is_serving || serving > least };
        if !surplus {
            continue;
        }
        own -= usize::from(is_own);
        serving -= usize::from(is_serving);
        if let Some(task) = state.tasks.get_mut(&arn) {
            task.stop(format!("Scaling activity initiated by (deployment {id})"), "ServiceSchedulerInitiated");
            service.say(format!("has stopped 1 running tasks: (task {}).", task.id));
        }
    }
}

/// Completes a rollout when all its tasks are ready and no other tasks are left.
fn complete(ecs: &Ecs, state: &mut Ledger, service: &mut Service) {
    let left_of = |id: &str| {
        state
            .tasks
            .values()
            .filter(|task| task.deployment.as_deref() == Some(id) && task.status != Status::Stopped)
            .count()
    };
    let Some(primary) = service.deployments.first() else { return };
    let serving =
        state.tasks.values().filter(|task| task.deployment.as_deref() == Some(&primary.id) && serves(ecs, task));
    let all_serve = serving.count() == service.desired && left_of(&primary.id) == service.desired;
    let id = primary.id.clone();
    let in_progress = primary.rollout == Rollout::InProgress;
    if in_progress && all_serve && service.deployments.iter().skip(1).all(|old| left_of(&old.id) == 0) {
        let primary = &mut service.deployments[0];
        let rolled_back = primary.reason.contains("rolling back");
        primary.rollout = Rollout::Completed;
        primary.updated = now();
        if !rolled_back {
            primary.reason = format!("ECS deployment {id} completed.");
        }
        service.deployments.truncate(1);
        service.close(Outcome::Successful, Outcome::RollbackSuccessful, "");
        service.say(format!("(deployment {id}) deployment completed."));
        service.say("has reached a steady state.");
    }
}
