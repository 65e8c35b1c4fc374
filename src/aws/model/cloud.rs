//! The state of the fake AWS in memory, the handlers of its operations, and the faults that tests inject.

use std::{
    any::Any,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    interceptors::context::{Error, Input, Output},
    orchestrator::OrchestratorError,
};
use aws_smithy_types::error::ErrorMetadata;
use tokio::{sync::Notify, time::Instant};

/// The prefixes of operations that change nothing.
const READS: &[&str] = &["BatchGet", "Describe", "Get", "Head", "List"];

/// The state of one AWS service.
pub trait Service: Any + Clone + Default + Send {
    /// Whether reads may show the state before a write. AWS documents some services as strongly consistent.
    const LAGS: bool = true;

    /// Returns a line for each existing resource of any owner, without its id, so that two runs with the same result
    /// return the same lines. Resources that AWS still lists after their deletion are left out.
    fn present(&self) -> Vec<String>;
}

/// An error response of AWS.
#[derive(Clone, Debug)]
pub struct Refusal {
    code: String,
    message: String,
    status: u16,
}

impl Refusal {
    /// Creates an error response with `code`, one of those that AWS documents for the operation.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), status: 400 }
    }
}

/// A fault in one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The run is killed before it sends the write.
    KilledBefore,
    /// The run is killed after the write, before the response arrives.
    KilledAfter,
    /// The connection breaks before AWS receives the request.
    RequestLost,
    /// The connection breaks after the write, before the response arrives.
    AnswerLost,
}

/// A fake AWS in memory. Cheap to clone; clones share their state.
#[derive(Clone, Default)]
pub struct Cloud(Arc<Shared>);

#[derive(Default)]
struct Shared {
    world: Mutex<World>,
    killed: Notify,
}

#[derive(Default)]
struct World {
    services: Services,
    operations: Vec<Operation>,
    /// The outcomes for the calls that reach the connector, by the number in their header.
    under_way: HashMap<String, Outcome>,
    calls: u64,
    writes: Vec<String>,
    fault: Option<(usize, Fault)>,
    dead: bool,
    unanswered: Vec<String>,
    lag: Duration,
    /// The time of each write within the last [`World::lag`], and the state before it.
    before: Vec<(Instant, Services)>,
}

/// A [`Service`] as a trait object.
trait AnyService: Send {
    fn present(&self) -> Vec<String>;
    fn state(&mut self) -> &mut dyn Any;
    fn copy(&self) -> Box<dyn AnyService>;
}

impl<S: Service> AnyService for S {
    fn present(&self) -> Vec<String> {
        Service::present(self)
    }

    fn state(&mut self) -> &mut dyn Any {
        self
    }

    fn copy(&self) -> Box<dyn AnyService> {
        Box::new(self.clone())
    }
}

type Services = Vec<Box<dyn AnyService>>;

/// A saved state of the fake AWS.
pub struct Checkpoint(Services);

fn copy(services: &Services) -> Services {
    services.iter().map(|service| service.copy()).collect()
}

/// The handler of an operation. Returns the work for a call, or `None` if the input belongs to another operation.
type Operation = Arc<dyn Fn(&Input) -> Option<Work> + Send + Sync>;

/// The work of one call, done once for each attempt.
#[derive(Clone)]
struct Work {
    does: Arc<dyn Fn(&mut Services) -> Outcome + Send + Sync>,
    /// See [`Service::LAGS`].
    lags: bool,
}

/// A call in progress.
#[derive(Clone)]
pub(super) struct Call {
    operation: String,
    /// `None` if no model handles the operation.
    work: Option<Work>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation)
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cloud")
    }
}

/// The outcome of a call.
pub(super) enum Outcome {
    Output(Output),
    /// An error response with this HTTP status.
    Refused(u16, OrchestratorError<Error>),
    Broken,
    Unanswered(String),
    /// The process that made the call is dead.
    Dead,
}

impl Cloud {
    /// Creates a fake AWS without state and handlers.
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Adds `handle` as the handler of the operation with its input type. `refuse` creates the operation's error, such
    /// as `CreateVpcError::generic`.
    pub fn on<S, I, O, E>(
        &self,
        refuse: fn(ErrorMetadata) -> E,
        handle: impl Fn(&mut S, &I) -> Result<O, Refusal> + Clone + Send + Sync + 'static,
    ) where
        S: Service,
        I: Clone + fmt::Debug + Send + Sync + 'static,
        O: fmt::Debug + Send + Sync + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        self.answer(S::LAGS, refuse, move |services, input: &I| handle(state(services), input));
    }

    /// As [`Cloud::on`], for an operation that also reads the state of another service.
    pub fn on_beside<S, T, I, O, E>(
        &self,
        refuse: fn(ErrorMetadata) -> E,
        handle: impl Fn(&mut S, &T, &I) -> Result<O, Refusal> + Clone + Send + Sync + 'static,
    ) where
        S: Service,
        T: Service,
        I: Clone + fmt::Debug + Send + Sync + 'static,
        O: fmt::Debug + Send + Sync + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        self.answer(S::LAGS, refuse, move |services, input: &I| {
            let other = state::<T>(services).clone();
            handle(state(services), &other, input)
        });
    }

    fn answer<I, O, E>(
        &self,
        lags: bool,
        refuse: fn(ErrorMetadata) -> E,
        handle: impl Fn(&mut Services, &I) -> Result<O, Refusal> + Clone + Send + Sync + 'static,
    ) where
        I: Clone + fmt::Debug + Send + Sync + 'static,
        O: fmt::Debug + Send + Sync + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let operation = move |input: &Input| {
            let (input, handle) = (input.downcast_ref::<I>()?.clone(), handle.clone());
            let does = move |services: &mut Services| match handle(services, &input) {
                Ok(output) => Outcome::Output(Output::erase(output)),
                Err(Refusal { code, message, status }) => {
                    let error = refuse(ErrorMetadata::builder().code(code).message(message).build());
                    Outcome::Refused(status, OrchestratorError::operation(Error::erase(error)))
                }
            };
            Some(Work { does: Arc::new(does), lags })
        };
        self.world().operations.push(Arc::new(operation));
    }

    /// Reads or changes the state of a service directly, without a call.
    pub fn with<S: Service, T>(&self, look: impl FnOnce(&mut S) -> T) -> T {
        look(state(&mut self.world().services))
    }

    /// Returns a line for each existing resource, sorted; see [`Service::present`].
    pub fn present(&self) -> Vec<String> {
        let mut present: Vec<String> = self.world().services.iter().flat_map(|service| service.present()).collect();
        present.sort();
        present
    }

    /// Makes reads show the state from this long ago.
    pub fn lag(&self, lag: Duration) {
        self.world().lag = lag;
    }

    /// Saves the current state for [`Cloud::restore`].
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint(copy(&self.world().services))
    }

    /// Restores a saved state and removes the lag of reads.
    pub fn restore(&self, checkpoint: &Checkpoint) {
        let mut world = self.world();
        let (operations, calls) = (std::mem::take(&mut world.operations), world.calls);
        *world = World { services: copy(&checkpoint.0), operations, calls, ..World::default() };
    }

    /// Starts to count writes, and injects `fault` into the write with the given number. A previous run that was killed
    /// leaves only its writes.
    pub fn begin(&self, fault: Option<(usize, Fault)>) {
        let mut world = self.world();
        world.writes.clear();
        world.under_way.clear();
        world.fault = fault;
        world.dead = false;
    }

    /// Returns the operations of the writes since [`Cloud::begin`], in order.
    pub fn writes(&self) -> Vec<String> {
        self.world().writes.clone()
    }

    /// Returns the operations that were called and have no handler.
    pub fn unanswered(&self) -> Vec<String> {
        self.world().unanswered.clone()
    }

    /// Waits until the run is killed by [`Fault::KilledBefore`] or [`Fault::KilledAfter`].
    pub async fn killed(&self) {
        self.0.killed.notified().await;
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().expect("no model panics")
    }

    pub(super) fn call(&self, operation: &str, input: &Input) -> Call {
        let work = self.world().operations.iter().find_map(|answers| answers(input));
        Call { operation: operation.to_owned(), work }
    }

    /// Stores `outcome` for the connector and returns its number.
    pub(super) fn send(&self, outcome: Outcome) -> String {
        let mut world = self.world();
        world.calls += 1;
        let number = world.calls.to_string();
        world.under_way.insert(number.clone(), outcome);
        number
    }

    /// Returns the outcome that [`Cloud::send`] stored.
    pub(super) fn sent(&self, number: &str) -> Outcome {
        let kept = self.world().under_way.remove(number);
        kept.unwrap_or_else(|| Outcome::Unanswered("a client that does not know the model".to_owned()))
    }

    pub(super) fn carry(&self, call: &Call) -> Outcome {
        let mut world = self.world();
        let world = &mut *world;
        if world.dead {
            return Outcome::Dead;
        }
        let operation = call.operation.clone();
        let Some(work) = &call.work else {
            world.unanswered.push(operation.clone());
            return Outcome::Unanswered(operation);
        };
        let is_read = READS.iter().any(|read| operation.starts_with(read));
        let fault = world.fault.filter(|(write, _)| !is_read && *write == world.writes.len()).map(|(_, fault)| fault);
        if !is_read {
            world.writes.push(operation);
        }
        let answer = match fault {
            Some(Fault::KilledBefore | Fault::RequestLost) => None,
            _ if is_read => Some(world.read(work)),
            _ => Some(world.write(work)),
        };
        match (fault, answer) {
            (Some(Fault::KilledBefore | Fault::KilledAfter), _) => {
                world.dead = true;
                self.0.killed.notify_one();
                Outcome::Dead
            }
            (None, Some(answer)) => answer,
            _ => Outcome::Broken,
        }
    }
}

impl World {
    fn write(&mut self, work: &Work) -> Outcome {
        if !self.lag.is_zero() {
            self.before.push((Instant::now(), copy(&self.services)));
        }
        (work.does)(&mut self.services)
    }

    /// Reads apply to the newest state too, because processes on AWS advance with each read, whichever state is shown.
    fn read(&mut self, work: &Work) -> Outcome {
        let lag = self.lag;
        self.before.retain(|(at, _)| at.elapsed() < lag);
        let newest = (work.does)(&mut self.services);
        self.before.first_mut().filter(|_| work.lags).map_or(newest, |(_, before)| (work.does)(before))
    }
}

fn state<S: Service>(services: &mut Services) -> &mut S {
    let at = services.iter_mut().position(|service| service.as_mut().state().is::<S>()).unwrap_or_else(|| {
        services.push(Box::new(S::default()));
        services.len() - 1
    });
    services[at].as_mut().state().downcast_mut().expect("it was looked for by its type")
}
