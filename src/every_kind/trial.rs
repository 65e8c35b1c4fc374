//! Runs of one kind: its resource on a fake AWS in memory, and the runs that change it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::transition::{Transition, transitions};
use crate::{
    aws::{
        Aws,
        model::{self, Checkpoint, Cloud, Fault},
    },
    engine::{self, Events, Interrupt, Jitter, Run},
    kind::{AnyKind, Context, Delay, Registry, Sample},
    kinds,
    model::{Action, Address, Failure, Graph, Plan, StackId},
};

/// Longer than any run that ends.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// A kind, its sample, and the fake AWS that its trials use one after the other.
pub struct Subject {
    /// The kind's name.
    pub name: &'static str,
    /// Whether its resources exist until they are deleted. Otherwise each is a one-off task.
    lasts: bool,
    sample: Sample,
    kinds: Registry,
    cloud: Cloud,
    aws: Arc<Aws>,
    /// The fake AWS without the resource.
    empty: Checkpoint,
    /// The resources after a run without faults, by desired state.
    expected: Mutex<BTreeMap<String, Vec<String>>>,
    runs: AtomicU32,
}

/// The initial state of some trials.
pub struct Start<'a> {
    subject: &'a Subject,
    state: Checkpoint,
}

/// A trial: runs that change the resource.
pub struct Trial<'a> {
    subject: &'a Subject,
    lag: Duration,
}

impl Subject {
    /// Returns all kinds.
    pub fn all() -> Vec<Self> {
        let kinds = kinds::registry();
        kinds.iter().map(|kind| Self::new(kind, kinds.clone())).collect()
    }

    fn new(kind: &dyn AnyKind, kinds: Registry) -> Self {
        let (name, lasts, sample) = (kind.name(), kind.lasting(), kind.sample());
        let cloud = (sample.cloud)();
        let (aws, empty) = (Arc::new(model::session(&cloud)), cloud.checkpoint());
        Self { name, lasts, sample, kinds, cloud, aws, empty, expected: Mutex::default(), runs: AtomicU32::new(0) }
    }

    /// Returns every transition of the resource.
    pub fn transitions(&self) -> Vec<Transition<'_>> {
        transitions(&self.sample, self.lasts)
    }

    /// Returns the live state of the resource that the base describes.
    pub async fn live(&self) -> Result<Value, String> {
        self.cloud.restore(&self.empty);
        let trial = Trial { subject: self, lag: Duration::ZERO };
        trial.up(Some(&self.sample.base)).await?;
        let kind = self.kinds.iter().find(|kind| kind.name() == self.name).ok_or("the kind is not registered")?;
        let cx = trial.context();
        let found = kind.list(&cx).await.map_err(|failure| failure.to_string())?;
        found.into_iter().next().map(|found| found.live).ok_or_else(|| "the kind does not list it".to_owned())
    }

    /// Returns the temporary refusals that the sample defines.
    pub fn delays(&self) -> &[Delay] {
        &self.sample.delays
    }

    /// Creates the initial state of `transition`.
    pub async fn start(&self, transition: &Transition<'_>) -> Result<Start<'_>, String> {
        for (_, desired) in transition.next_runs() {
            self.expect(desired).await?;
        }
        self.cloud.restore(&self.empty);
        let trial = Trial { subject: self, lag: Duration::ZERO };
        if transition.from.is_some() {
            trial.up(transition.from).await?;
        }
        if let Some(drift) = transition.drift {
            (drift.make)(&self.cloud);
        }
        Ok(Start { subject: self, state: self.cloud.checkpoint() })
    }

    /// Records the resources after a run to `desired` without faults.
    async fn expect(&self, desired: Option<&Value>) -> Result<(), String> {
        let key = key(desired);
        if self.expected().contains_key(&key) {
            return Ok(());
        }
        self.cloud.restore(&self.empty);
        if desired.is_some() {
            Trial { subject: self, lag: Duration::ZERO }.up(desired).await?;
        }
        self.expected().insert(key, self.cloud.present());
        Ok(())
    }

    fn address(&self) -> Address {
        Address::new(self.name, self.sample.name)
    }

    fn expected(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.expected.lock().expect("nobody panics while holding this")
    }
}

fn key(desired: Option<&Value>) -> String {
    desired.map(Value::to_string).unwrap_or_default()
}

impl Start<'_> {
    /// Starts a trial from this state, with the given lag of reads.
    pub fn trial(&self, lag: Duration) -> Trial<'_> {
        self.subject.cloud.restore(&self.state);
        self.subject.cloud.lag(lag);
        Trial { subject: self.subject, lag }
    }

    /// Returns the operations of the writes of a run to `desired` without faults.
    pub async fn writes(&self, desired: Option<&Value>) -> Result<Vec<String>, String> {
        self.trial(Duration::ZERO).up(desired).await?;
        Ok(self.subject.cloud.writes())
    }
}

impl Trial<'_> {
    /// Starts the temporary refusals of `delay`.
    pub fn begin(&self, delay: Delay) {
        (delay.begin)(&self.subject.cloud);
    }

    /// Returns the plan for `desired`, or for its absence.
    pub async fn plan(&self, desired: Option<&Value>) -> Result<Plan, String> {
        self.planned(&self.context(), desired).await.map_err(|failure| format!("the plan failed: {failure}"))
    }

    /// Applies `desired`, or its absence, in one run without faults.
    pub async fn up(&self, desired: Option<&Value>) -> Result<(), String> {
        self.subject.cloud.begin(None);
        self.run(desired).await
    }

    /// As [`Trial::up`], with `fault` in the write with this number.
    pub async fn disturbed(&self, desired: Option<&Value>, write: usize, fault: Fault) -> Result<(), String> {
        self.subject.cloud.begin(Some((write, fault)));
        self.run(desired).await
    }

    /// Starts a run to `desired` that `fault` kills at the write with this number.
    pub async fn killed(&self, desired: Option<&Value>, write: usize, fault: Fault) -> Result<(), String> {
        self.subject.cloud.begin(Some((write, fault)));
        tokio::select! {
            biased;
            ended = self.run(desired) => Err(format!("the run was not killed and ended: {ended:?}")),
            () = self.subject.cloud.killed() => Ok(()),
        }
    }

    /// Checks that only `desired` exists, or nothing, and that the next plan is empty.
    pub async fn settled(&self, desired: Option<&Value>) -> Result<(), String> {
        let plan = self.plan(desired).await?;
        let steps = plan.steps.iter().filter(|step| self.subject.lasts || step.action != Action::Run);
        let steps: Vec<String> = steps.map(|step| format!("{:?} {:?}", step.action, step.changes)).collect();
        if !steps.is_empty() {
            return Err(format!("the next plan is not empty: {}", steps.join(", ")));
        }
        let unanswered = self.subject.cloud.unanswered();
        if !unanswered.is_empty() {
            return Err(format!("no model answers {}", unanswered.join(", ")));
        }
        let present = self.subject.cloud.present();
        match self.subject.expected().get(&key(desired)) {
            Some(expected) if *expected == present => Ok(()),
            expected => Err(format!("AWS has {present:?} instead of {expected:?}")),
        }
    }

    /// Creates the context of a new process.
    fn context(&self) -> Context {
        let id = StackId { stack: "shop".to_owned(), environment: "test".to_owned() };
        let aws = Arc::clone(&self.subject.aws);
        let images = (self.subject.sample.images)(Arc::clone(&aws));
        // stack.yaml contains the resource, whatever a run does to it.
        let mut cx =
            Context::new(id, aws, images).expecting([(self.subject.address(), self.subject.sample.base.clone())]);
        cx.run = format!("run-{}", self.subject.runs.fetch_add(1, Ordering::Relaxed));
        cx
    }

    async fn planned(&self, cx: &Context, desired: Option<&Value>) -> Result<Plan, Failure> {
        let Subject { name, lasts, kinds, .. } = self.subject;
        let mut graph = Graph::new();
        if let Some(desired) = desired {
            let address = graph.add(self.subject.address(), desired);
            if !lasts {
                graph.run(&address);
            }
        }
        tokio::time::sleep(self.lag).await;
        let live = engine::observe_kind(kinds, cx, name).await?;
        let plan = engine::plan(kinds, &cx.id, &graph, live.clone())?;
        match engine::whole(kinds, cx, &plan, &live).await? {
            Some(live) => engine::plan(kinds, &cx.id, &graph, live),
            None => Ok(plan),
        }
    }

    async fn run(&self, desired: Option<&Value>) -> Result<(), String> {
        let cx = self.context();
        let run = async {
            let plan = self.planned(&cx, desired).await?;
            let (kinds, (events, _)) = (self.subject.kinds.clone(), Events::channel());
            engine::apply(Run::new(kinds, cx, events, Interrupt::default(), Jitter::seeded(1)), &plan).await
        };
        let summary = tokio::time::timeout(PATIENCE, run).await.map_err(|_| "the run does not end".to_owned())?;
        let failed: Vec<String> = match summary {
            Ok(summary) => {
                summary.failed.into_iter().map(|(address, failure)| format!("{address}: {failure}")).collect()
            }
            Err(failure) => vec![failure.to_string()],
        };
        if failed.is_empty() { Ok(()) } else { Err(format!("the run failed: {}", failed.join(", "))) }
    }
}
