//! What stops a change of the cloud in its middle: Ctrl-C, or the loss of the stack's lock.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    engine::{Interrupt, StopReason},
    exit,
    output::Output,
};

/// Stops what is being carried out, if anything is. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Stopper(Arc<State>);

#[derive(Default)]
struct State {
    listens: AtomicBool,
    lost: AtomicBool,
    current: Mutex<Option<Interrupt>>,
}

/// Something that is being carried out, until this is dropped.
pub(super) struct Stoppable {
    stopper: Stopper,
    pub(super) interrupt: Interrupt,
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        self.stopper.set(None);
    }
}

impl Stopper {
    /// Something begins that Ctrl-C stops from now on: once, and what is in flight is finished; twice, and the process ends
    /// at once, as it does on Ctrl-C where nothing is being carried out.
    pub(super) fn begin(&self, output: &Output) -> Stoppable {
        let interrupt = Interrupt::default();
        if self.0.lost.load(Ordering::SeqCst) {
            interrupt.stop(StopReason::LockLost);
        }
        self.set(Some(interrupt.clone()));
        // Once it listens, the system's own way with Ctrl-C is gone for good, so it listens to the end.
        if !self.0.listens.swap(true, Ordering::Relaxed) {
            tokio::spawn(self.clone().listen(output.clone()));
        }
        Stoppable { stopper: self.clone(), interrupt }
    }

    /// The stack's lock is another run's now: nothing more is begun, now or later.
    pub(super) fn lose(&self) {
        self.0.lost.store(true, Ordering::SeqCst);
        if let Some(interrupt) = self.current() {
            interrupt.stop(StopReason::LockLost);
        }
    }

    async fn listen(self, output: Output) {
        // Where nobody can listen, Ctrl-C ends the process.
        let Ok(mut pressed) = signal(SignalKind::interrupt()) else { return };
        while pressed.recv().await.is_some() {
            match self.current().filter(|interrupt| !interrupt.stopped()) {
                Some(interrupt) => {
                    output.status(
                        "\nStopping: calls in flight are finished, nothing new is begun. Ctrl-C again ends at once.",
                    );
                    interrupt.stop(StopReason::Asked);
                }
                None => std::process::exit(i32::from(exit::INTERRUPTED)),
            }
        }
    }

    fn current(&self) -> Option<Interrupt> {
        self.0.current.lock().expect("nobody panics while holding this").clone()
    }

    fn set(&self, interrupt: Option<Interrupt>) {
        *self.0.current.lock().expect("nobody panics while holding this") = interrupt;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;

    #[tokio::test]
    async fn a_lost_lock_stops_what_runs_and_what_would_begin_after_it() {
        let (stopper, output) = (Stopper::default(), Output::new(Format::Human, true));
        let one = stopper.begin(&output);
        assert!(!one.interrupt.stopped());
        stopper.lose();
        assert!(one.interrupt.stopped());
        drop(one);
        assert!(stopper.begin(&output).interrupt.stopped());
    }
}
