//! Tests of the engine with fake kinds and a paused clock: no test sleeps or needs a network.

mod deadlines;
mod fake;
mod interrupts;
mod kills;
mod lag;
mod late;
mod lost_answers;
mod order;
mod panics;
mod rare;
mod replacements;
mod retries;
mod staying;
mod whole;
mod world;

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{sync::mpsc::UnboundedReceiver, task::JoinHandle, time::Instant};

use self::{
    fake::Fake,
    world::{Thing, World},
};
use super::{Event, Events, Interrupt, Jitter, Run, Summary, apply, observe, plan};
use crate::{
    aws::Aws,
    kind::{AnyKind, Context, NoImages, Registry},
    model::{Action, Address, Failure, Graph, Plan, StackId},
};

fn context() -> Context {
    let id = StackId { stack: "demo".into(), environment: "default".into() };
    Context::new(id, Arc::new(Aws::nowhere()), Arc::new(NoImages))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Parses an address such as `a.one`.
fn at(address: &str) -> Address {
    address.parse().expect("a test writes addresses right")
}

/// A fake cloud and the kinds on it.
struct Stage {
    world: Arc<World>,
    kinds: Registry,
    cx: Context,
}

impl Stage {
    /// Creates a stage with the single kind `a`.
    fn one(change: impl FnOnce(&mut Fake)) -> Self {
        let world = Arc::new(World::default());
        let kind = Fake::new("a", &world).with(change);
        Self::new(world, [kind])
    }

    fn new(world: Arc<World>, kinds: impl IntoIterator<Item = Fake>) -> Self {
        let kinds = kinds.into_iter().map(|kind| Arc::new(kind) as Arc<dyn AnyKind>);
        Self { world, kinds: Registry::new(kinds), cx: context() }
    }

    async fn plan(&self, graph: &Graph) -> Plan {
        let live = observe(&self.kinds, &self.cx.fresh()).await.expect("the fake cloud can be read");
        plan(&self.kinds, &self.cx.id, graph, live).expect("it can be planned")
    }

    /// Plans and applies.
    async fn up(&self, graph: &Graph) -> Ended {
        let plan = self.plan(graph).await;
        self.apply(&plan).await
    }

    /// As [`Stage::up`], but no step may fail.
    async fn must_up(&self, graph: &Graph) {
        let ended = self.up(graph).await;
        assert!(ended.summary.failed.is_empty(), "{:?}", ended.summary);
    }

    async fn apply(&self, plan: &Plan) -> Ended {
        self.begin(plan).end().await
    }

    /// Starts to apply `plan`.
    fn begin(&self, plan: &Plan) -> Going {
        let (events, received) = Events::channel();
        let interrupt = Interrupt::default();
        let run = Run::new(self.kinds.clone(), self.cx.clone(), events, interrupt.clone(), Jitter::seeded(1));
        let plan = plan.clone();
        let task = tokio::spawn(async move { apply(run, &plan).await.expect("it can be begun") });
        Going { task, received, interrupt, began: Instant::now() }
    }

    /// Applies `plan` in a process that dies after `writes` writes. Returns whether the run ended before.
    async fn kill(&self, plan: &Plan, writes: usize) -> bool {
        self.world.dies_after(Some(writes));
        let mut going = self.begin(plan);
        let ended = tokio::select! {
            () = self.world.died.notified() => false,
            summary = &mut going.task => summary.is_ok(),
        };
        if !ended {
            going.task.abort();
            drop(going.task.await);
        }
        self.world.dies_after(None);
        ended
    }

    /// Returns the only resource at `address`.
    fn only(&self, address: &str) -> Thing {
        let things: Vec<Thing> = self.world.things().into_iter().filter(|thing| thing.address == at(address)).collect();
        let [thing] = things.as_slice() else { panic!("there are {} of {address}: {things:?}", things.len()) };
        thing.clone()
    }
}

/// A plan that is being applied.
struct Going {
    task: JoinHandle<Summary>,
    received: UnboundedReceiver<Event>,
    interrupt: Interrupt,
    began: Instant,
}

impl Going {
    async fn end(mut self) -> Ended {
        let summary = self.task.await.expect("a run does not panic");
        let took = self.began.elapsed();
        let mut events = Vec::new();
        while let Ok(event) = self.received.try_recv() {
            events.push(event);
        }
        Ended { summary, events, took }
    }
}

/// How a run ended.
struct Ended {
    summary: Summary,
    events: Vec<Event>,
    took: Duration,
}

impl Ended {
    /// Returns the finished steps in order, such as `create a.one`.
    fn done(&self) -> Vec<String> {
        self.summary.done.iter().map(|(address, action)| step(address, *action)).collect()
    }

    /// Returns the only failure.
    fn failure(&self) -> &Failure {
        let [(_, failure)] = self.summary.failed.as_slice() else {
            panic!("{} failures: {:?}", self.summary.failed.len(), self.summary.failed)
        };
        failure
    }

    /// Returns what the steps waited for, each once.
    fn waited_for(&self) -> Vec<&str> {
        let mut words = Vec::new();
        for event in &self.events {
            if let Event::Waiting { waiting_for, .. } = event
                && !words.contains(&waiting_for.as_str())
            {
                words.push(waiting_for);
            }
        }
        words
    }
}

fn step(address: &Address, action: Action) -> String {
    let action = serde_json::to_value(action).expect("it is plain data");
    format!("{} {address}", action.as_str().unwrap_or_default())
}

/// Builds a graph from addresses and desired states.
fn graph(nodes: impl IntoIterator<Item = (&'static str, Value)>) -> Graph {
    let mut graph = Graph::new();
    for (address, desired) in nodes {
        graph.add(at(address), &desired);
    }
    graph
}
