//! Runs one task, from the start of its first container to the end of its last one.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    container::{self, Event, Prepared},
    definitions,
    discovery::{self, Found},
    fargate::Ecs,
    input::text,
    model::Status,
    ordering::{self, May, Phase},
    preparation, volumes,
    work::{self, Unstarted},
};
use crate::{alb::Target, api::now, credentials::Offer};

/// The exit code of a container whose condition could not be met.
/// <https://github.com/aws/amazon-ecs-agent>
const NEVER_STARTED: i32 = 143;

/// The parameters of a task.
struct Work {
    arn: String,
    id: String,
    region: String,
    definition: Value,
    overrides: Value,
    /// The target group, and the container that is registered there.
    group: Option<(String, String)>,
    /// The ARNs of the Cloud Map services that it registers with.
    registries: Vec<String>,
}

impl Work {
    fn containers(&self) -> impl Iterator<Item = &Value> {
        self.definition["containerDefinitions"].as_array().into_iter().flatten()
    }
}

/// A container of the task.
struct Member {
    definition: Value,
    /// Its port on this computer.
    port: u16,
    phase: Phase,
    /// The prepared container, until it starts.
    waiting: Option<Prepared>,
    /// Signals that the container must stop.
    end: watch::Sender<bool>,
}

impl Member {
    fn name(&self) -> &str {
        text(&self.definition, "name")
    }

    fn is_essential(&self) -> bool {
        self.definition["essential"] != false
    }
}

/// Runs a task from the pull of its images to its end.
pub(super) async fn run(ecs: Arc<Ecs>, arn: String) {
    let Some(work) = work(&ecs, &arn) else { return };
    match begin(&ecs, &work).await {
        Ok((members, offer)) => {
            let (events, happened) = mpsc::unbounded_channel();
            Run { ecs, work, members, events, ends_as: None, lost: false }.until_it_ends(happened).await;
            drop(offer);
        }
        Err(Unstarted(reason)) => finish(&ecs, &work.arn, Some((reason, "TaskFailedToStart"))),
    }
}

fn work(ecs: &Ecs, arn: &str) -> Option<Work> {
    let state = ecs.state();
    let task = state.tasks.get(arn)?;
    let definition = definitions::find(&state, &task.definition)?.document.clone();
    let service =
        task.service.as_ref().and_then(|name| state.services.iter().rev().find(|service| service.name == *name));
    let group = service.and_then(|service| {
        let balancer = &service.settings["loadBalancers"][0];
        Some((balancer["targetGroupArn"].as_str()?.to_owned(), text(balancer, "containerName").to_owned()))
    });
    Some(Work {
        arn: arn.to_owned(),
        id: task.id.clone(),
        region: task.arn.split(':').nth(3).unwrap_or_default().to_owned(),
        definition,
        overrides: task.overrides["containerOverrides"].clone(),
        group,
        registries: service.map(|service| discovery::registries(&service.settings)).unwrap_or_default(),
    })
}

/// Returns a free port.
fn free_port() -> Result<u16, Unstarted> {
    let port = || Ok::<_, std::io::Error>(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port());
    port().map_err(|error| Unstarted(format!("ResourceInitializationError: {error}")))
}

/// Prepares all containers, and the task's credentials, which exist as long as it runs.
async fn begin(ecs: &Arc<Ecs>, work: &Work) -> Result<(Vec<Member>, Option<Offer>), Unstarted> {
    let roles = ecs.roles().await;
    let role = text(&work.definition, "executionRoleArn");
    let unprepared = ecs.works.place.settings.faults.plan().unprepared;
    if let Some(reason) = preparation::refusal(ecs, &work.arn, role, unprepared) {
        return Err(Unstarted(reason));
    }
    let task_role = Some(text(&work.definition, "taskRoleArn")).filter(|role| !role.is_empty());
    let offer = task_role.map(|role| ecs.works.credentials.offer(role));
    let volumes = volumes::of(ecs, &work.arn, &work.definition, &roles).await?;
    let found = work.containers().map(|definition| Ok((definition, free_port()?)));
    let found = found.collect::<Result<Vec<_>, Unstarted>>()?;
    let listens = |(definition, port): &(&Value, u16)| Some((container::port(definition)?, *port));
    let ports: BTreeMap<u16, u16> = found.iter().filter_map(listens).collect();
    let mut members = Vec::new();
    for (definition, port) in found {
        let of_container = |overrides: &&Value| overrides["name"] == definition["name"];
        let overrides = work.overrides.as_array().into_iter().flatten().find(of_container);
        let of_container = work::Work {
            id: work.id.clone(),
            region: work.region.clone(),
            container: definition.clone(),
            definition: work.definition.clone(),
            overrides: overrides.cloned().unwrap_or_default(),
            port,
            ports: ports.clone(),
            volumes: volumes.clone(),
            in_memory: volumes::in_memory(&ecs.works.place, &work.id),
        };
        let prepared = container::prepare(ecs, &of_container, &roles, offer.as_ref()).await?;
        members.push(Member {
            definition: definition.clone(),
            port,
            phase: Phase::Waiting,
            waiting: Some(prepared),
            end: watch::channel(false).0,
        });
    }
    Ok((members, offer))
}

/// The state of a running task.
struct Run {
    ecs: Arc<Ecs>,
    work: Work,
    members: Vec<Member>,
    events: mpsc::UnboundedSender<(usize, Event)>,
    /// The stop reason, if the task ends on its own.
    ends_as: Option<(String, &'static str)>,
    /// Whether the processes of an essential container have ended. Its log may not be delivered yet.
    lost: bool,
}

impl Run {
    async fn until_it_ends(mut self, mut happened: mpsc::UnboundedReceiver<(usize, Event)>) {
        let Some(mut stopping) = self.ecs.state().tasks.get(&self.work.arn).map(|task| task.stopping.subscribe())
        else {
            return;
        };
        let (mut target, mut found, mut ends) = (None, None, false);
        loop {
            if !ends {
                self.start_those_that_may();
                let essential = |member: &Member| member.is_essential() && member.phase.has_ended();
                if self.members.iter().any(essential) {
                    let reason = || ("Essential container in task exited".to_owned(), "EssentialContainerExited");
                    self.ends_as.get_or_insert_with(reason);
                }
                ends = self.ends_as.is_some();
                let all_started = self.members.iter().all(|member| member.phase != Phase::Waiting);
                if all_started && !self.runs() {
                    target = self.serve();
                    found = self.be_found().await;
                }
            }
            if (ends || self.lost)
                && let Some((group, target)) = target.take()
            {
                self.ecs.works.alb.deregister(&group, &target).await;
            }
            if ends {
                found.iter().for_each(Found::deregister);
                self.stop_those_that_may();
            }
            if self.members.iter().all(|member| member.phase.has_ended()) {
                break;
            }
            let asked_to_stop = async { drop(stopping.wait_for(|stop| *stop).await) };
            let event = tokio::select! {
                event = happened.recv() => event,
                () = asked_to_stop, if !ends => None,
            };
            if let Some((index, event)) = event {
                self.take(index, event);
                continue;
            }
            ends = true;
            // The task leaves the load balancer before it stops.
            if let Some((group, target)) = target.take() {
                self.set(Status::Deactivating);
                self.ecs.works.alb.deregister(&group, &target).await;
            }
            self.set(Status::Stopping);
        }
        volumes::forget(&self.ecs.works.place, &self.work.id);
        finish(&self.ecs, &self.work.arn, self.ends_as);
    }

    fn start_those_that_may(&mut self) {
        loop {
            let phase = |name: &str| {
                let other = self.members.iter().find(|member| member.name() == name);
                other.map_or(Phase::Ended(None), |member| member.phase)
            };
            let decided = self.members.iter().enumerate().find_map(|(index, member)| {
                let may = ordering::may_start(&member.definition, phase);
                (member.phase == Phase::Waiting && may != May::Later).then_some((index, may))
            });
            match decided {
                None => return,
                Some((index, May::Now)) => self.start(index),
                Some((index, _)) => self.put(index, Phase::Ended(Some(NEVER_STARTED))),
            }
        }
    }

    fn start(&mut self, index: usize) {
        let Some(prepared) = self.members[index].waiting.take() else { return };
        let inside = prepared.inside.clone();
        let events = self.events.clone();
        // Nobody listens for events of a task that has ended.
        let tell = move |event| events.send((index, event)).unwrap_or_default();
        if let Err(Unstarted(reason)) = prepared.start(self.members[index].end.subscribe(), tell) {
            self.ends_as = Some((reason, "TaskFailedToStart"));
            self.put(index, Phase::Ended(None));
            return;
        }
        self.put(index, Phase::Running(None));
        if let Some(task) = self.ecs.state().tasks.get_mut(&self.work.arn) {
            task.containers[index].inside = Some(inside);
        }
    }

    /// Marks the task as running once all containers have started, and registers it with the load balancer.
    fn serve(&self) -> Option<(String, Target)> {
        let group = self.work.group.as_ref().and_then(|(group, name)| {
            let member = self.members.iter().find(|member| member.name() == name)?;
            Some((group.clone(), Target { ip: "127.0.0.1".to_owned(), port: member.port }))
        });
        if let Some(task) = self.ecs.state().tasks.get_mut(&self.work.arn) {
            task.status = Status::Running;
            task.started = Some(now());
            task.running_since = Some(Instant::now());
            task.target.clone_from(&group);
        }
        if let Some((group, target)) = &group {
            self.ecs.works.alb.register(group, target);
        }
        self.ecs.wake();
        group
    }

    /// Registers the task for service discovery.
    async fn be_found(&self) -> Option<Found> {
        let ports = self.members.iter().filter_map(|member| Some((container::port(&member.definition)?, member.port)));
        Found::register(&self.ecs, &self.work.id, self.work.registries.clone(), ports.collect()).await
    }

    fn runs(&self) -> bool {
        self.ecs.state().tasks.get(&self.work.arn).is_none_or(|task| task.started.is_some())
    }

    fn stop_those_that_may(&mut self) {
        for index in 0..self.members.len() {
            let member = &self.members[index];
            let others = self.members.iter().map(|other| (&other.definition, other.phase));
            match member.phase {
                Phase::Waiting => self.put(index, Phase::Ended(None)),
                Phase::Running(_) if ordering::may_stop(member.name(), others) => drop(member.end.send_replace(true)),
                Phase::Running(_) | Phase::Ended(_) => {}
            }
        }
    }

    fn take(&mut self, index: usize, event: Event) {
        match event {
            Event::Health(healthy) => self.put(index, Phase::Running(Some(healthy))),
            Event::Ended(code) => self.put(index, Phase::Ended(code)),
            Event::Gone => {
                self.lost |= self.members[index].is_essential();
                if let Some(task) = self.ecs.state().tasks.get(&self.work.arn) {
                    task.containers[index].gone.send_replace(true);
                }
            }
        }
    }

    fn put(&mut self, index: usize, phase: Phase) {
        self.members[index].phase = phase;
        if let Some(task) = self.ecs.state().tasks.get_mut(&self.work.arn) {
            task.containers[index].phase = phase;
        }
        self.ecs.wake();
    }

    fn set(&self, status: Status) {
        if let Some(task) = self.ecs.state().tasks.get_mut(&self.work.arn) {
            task.status = status;
        }
    }
}

fn finish(ecs: &Ecs, arn: &str, because: Option<(String, &'static str)>) {
    if let Some(task) = ecs.state().tasks.get_mut(arn) {
        task.status = Status::Stopped;
        task.stopped = Some(now());
        task.stopped_at = Some(Instant::now());
        task.target = None;
        if let Some((reason, stop_code)) = because {
            task.stopped_reason.get_or_insert(reason);
            task.stop_code.get_or_insert(stop_code);
        }
    }
    ecs.wake();
}
