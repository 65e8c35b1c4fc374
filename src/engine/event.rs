//! What happens while a plan is carried out, as data; `output` alone turns it into text.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use crate::model::{Action, Address, Failure};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A step began.
    Started {
        /// Of which resource.
        address: Address,
        /// What it does.
        action: Action,
    },
    /// A step waits, or waits for something else than before.
    Waiting {
        /// Of which resource.
        address: Address,
        /// For what: AWS's own word where there is one.
        waiting_for: String,
    },
    /// A step is done.
    Done {
        /// Of which resource.
        address: Address,
        /// What it did.
        action: Action,
        /// How long it took, in seconds.
        #[serde(serialize_with = "seconds")]
        elapsed: Duration,
    },
    /// A step failed.
    Failed {
        /// Of which resource.
        address: Address,
        /// What it was to do.
        action: Action,
        /// What went wrong.
        failure: Failure,
    },
    /// A step was not begun, because what it needs failed or the run was interrupted.
    Skipped {
        /// Of which resource.
        address: Address,
        /// What it was to do.
        action: Action,
    },
    /// A step that was begun is left to itself: the run was interrupted while it waited for AWS.
    Left {
        /// Of which resource.
        address: Address,
        /// What it does.
        action: Action,
        /// What goes on by itself, if something does.
        #[serde(skip_serializing_if = "Option::is_none")]
        runs_on: Option<String>,
    },
    /// A line about an image that is being built or pushed.
    Image {
        /// The package or Dockerfile.
        source: String,
        /// What is done.
        message: String,
    },
    /// Something worth knowing that belongs to no step.
    Notice {
        /// What.
        message: String,
    },
}

/// Where events go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    /// A sender of events and the end at which they arrive.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Sends `event`; if nobody listens any more, it is dropped.
    pub fn send(&self, event: Event) {
        // The reporter ends only after the run; an event after that has no reader by design.
        drop(self.0.send(event));
    }
}

fn seconds<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((elapsed.as_secs_f64() * 10.0).round() / 10.0)
}
