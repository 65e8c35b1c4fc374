//! The engine behind every command: it observes AWS, plans the difference from the desired state and applies the plan.
//! It knows kinds only by their trait, takes their registry as an argument, and prints nothing: it sends [`Event`]s.

mod apply;
mod attempt;
mod event;
mod forecast;
mod interrupt;
mod late;
mod listings;
mod lock;
mod observe;
mod pause;
mod plan;
mod run;
mod settle;
mod whole;

pub use apply::{Summary, apply};
pub use event::{Event, Events};
pub use forecast::{Forecast, Left, OVERDUE};
pub use interrupt::{Interrupt, StopReason};
pub use late::late;
pub use lock::{Holder, Lock, LockError, Seen, Sending, SsmStore, Store, Stored, WaitsFor};
pub use observe::{observe, observe_again, observe_kind};
pub use pause::Jitter;
pub use plan::{only, plan, targeted};
pub use run::Run;
pub use whole::whole;

#[cfg(test)]
mod tests;
