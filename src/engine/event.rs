//! Events of a run as data. Only `output` turns them into text.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;

use crate::model::{Action, Address, Failure};

/// An event of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A step started.
    Started {
        /// The resource.
        address: Address,
        /// The action of the step.
        action: Action,
    },
    /// A step waits for something, or for something else than before.
    Waiting {
        /// The resource.
        address: Address,
        /// What the step waits for, in the words of AWS if it gives any.
        waiting_for: String,
    },
    /// A step is done.
    Done {
        /// The resource.
        address: Address,
        /// The action of the step.
        action: Action,
        /// The duration of the step, in seconds.
        #[serde(serialize_with = "seconds")]
        elapsed: Duration,
    },
    /// A step failed.
    Failed {
        /// The resource.
        address: Address,
        /// The action of the step.
        action: Action,
        /// What went wrong.
        failure: Failure,
    },
    /// A step did not start because a step it needs failed or the run was interrupted.
    Skipped {
        /// The resource.
        address: Address,
        /// The action of the step.
        action: Action,
    },
    /// The run was interrupted while a step waited for AWS. The step has started and was not undone.
    Left {
        /// The resource.
        address: Address,
        /// The action of the step.
        action: Action,
        /// What AWS continues to do after the run has stopped, if anything.
        #[serde(skip_serializing_if = "Option::is_none")]
        runs_on: Option<String>,
    },
    /// A line about an image that is being built or pushed.
    Image {
        /// The package or Dockerfile.
        source: String,
        /// The current activity.
        message: String,
    },
    /// A message that belongs to no step.
    Notice {
        /// The message.
        message: String,
    },
}

/// The sending end of the events of a run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    /// Returns a sender of events and its receiver.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Sends `event`, or drops it if the receiver is closed.
    pub fn send(&self, event: Event) {
        // The reporter outlives the run, so only an event sent after the run is lost.
        drop(self.0.send(event));
    }
}

fn seconds<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((elapsed.as_secs_f64() * 10.0).round() / 10.0)
}
