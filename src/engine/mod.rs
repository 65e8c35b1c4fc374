//! The one engine behind every command: look at what AWS has, plan the difference from what is desired, carry the
//! plan out. It knows kinds by their contract alone and prints nothing: it sends [`Event`]s.

mod apply;
mod attempt;
mod event;
mod forecast;
mod lock;
mod observe;
mod plan;
mod settle;

pub use apply::{Interrupt, Summary, apply};
pub use event::{Event, Events};
pub use forecast::{Forecast, Left};
pub use lock::{Holder, Lock, LockError, Seen};
pub use observe::{observe, observe_kind};
pub use plan::{TARGET, only, plan, targeted};
