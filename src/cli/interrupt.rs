//! Stops a running change: after a signal, or when the stack's lock is lost.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    cli::signals::{Asked, Signals},
    engine::{Interrupt, StopReason},
    output::Output,
};

/// How long calls in flight may continue after SIGTERM or SIGHUP. The sender often kills the process soon after: Docker
/// after 10 s, Kubernetes after 30 s.
/// <https://docs.docker.com/reference/cli/docker/container/stop/>
/// <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination>
const GRACE: Duration = Duration::from_secs(8);

/// Stops the current run of a plan, if there is one. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Stopper(Arc<State>);

#[derive(Default)]
struct State {
    listens: AtomicBool,
    lost: AtomicBool,
    doing: Mutex<Doing>,
    /// Notifies the task that can release the lock.
    released: Notify,
}

/// The current work of the process.
#[derive(Default)]
struct Doing {
    /// The current run of a plan.
    current: Option<Interrupt>,
    /// Whether the process holds the stack's lock.
    locked: bool,
    /// The first signal since the lock was taken.
    asked: Option<Asked>,
    /// A signal that arrived outside a run and is not handled yet.
    pending: Option<Asked>,
}

/// The reaction to a signal.
enum Reaction {
    /// Finish calls in flight and start nothing new.
    Stop(Interrupt),
    /// Release the lock.
    Release,
    /// Nothing: the run is stopping already.
    Wait,
    /// Exit immediately.
    End,
}

impl Doing {
    fn react(&mut self, by: Asked) -> Reaction {
        let is_first = self.asked.is_none();
        self.asked = self.asked.or(Some(by));
        match &self.current {
            Some(current) if !current.stopped() => Reaction::Stop(current.clone()),
            None if self.locked && (is_first || by != Asked::Interrupted) => {
                self.pending = Some(by);
                Reaction::Release
            }
            Some(_) if by != Asked::Interrupted => Reaction::Wait,
            _ => Reaction::End,
        }
    }
}

/// A run of a plan, until this is dropped.
pub(super) struct Stoppable {
    stopper: Stopper,
    pub(super) interrupt: Interrupt,
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        self.stopper.doing().current = None;
    }
}

/// Marks the stack's lock as held, until this is dropped.
pub(super) struct Holding(Stopper);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.doing().locked = false;
    }
}

impl Holding {
    /// Waits for a signal outside a run, when the lock can be released immediately.
    pub(super) async fn asked(&self) -> Asked {
        loop {
            let asked = self.0.doing().pending.take();
            match asked {
                Some(by) => return by,
                None => self.0.0.released.notified().await,
            }
        }
    }
}

impl Stopper {
    /// Starts a run that signals can stop: calls in flight finish and nothing new starts. A second Ctrl-C exits
    /// immediately.
    pub(super) fn begin(&self, output: &Output) -> Stoppable {
        let interrupt = Interrupt::default();
        {
            let mut doing = self.doing();
            if self.0.lost.load(Ordering::SeqCst) {
                interrupt.stop(StopReason::LockLost);
            } else if doing.pending.take().is_some() {
                interrupt.stop(StopReason::Asked);
            }
            doing.current = Some(interrupt.clone());
        }
        self.listen(output);
        Stoppable { stopper: self.clone(), interrupt }
    }

    /// Marks the stack's lock as held: a signal then ends the process only after the lock is released.
    pub(super) fn hold(&self, output: &Output) -> Holding {
        *self.doing() = Doing { locked: true, ..Doing::default() };
        self.listen(output);
        Holding(self.clone())
    }

    /// Marks the stack's lock as lost: nothing new is started any more.
    pub(super) fn lose(&self) {
        self.0.lost.store(true, Ordering::SeqCst);
        if let Some(interrupt) = &self.doing().current {
            interrupt.stop(StopReason::LockLost);
        }
    }

    /// Returns the first signal, if there was one.
    pub(super) fn asked(&self) -> Option<Asked> {
        self.doing().asked
    }

    /// Starts to handle signals, once. Handling replaces the system's default action for good, so it never stops.
    fn listen(&self, output: &Output) {
        if !self.0.listens.swap(true, Ordering::Relaxed) {
            // If this fails, signals end the process.
            if let Ok(signals) = Signals::listen() {
                tokio::spawn(self.clone().hear(signals, output.clone()));
            }
        }
    }

    async fn hear(self, mut signals: Signals, output: Output) {
        loop {
            let by = signals.next().await;
            let reaction = self.doing().react(by);
            match reaction {
                Reaction::Stop(interrupt) => {
                    output.status(&stopping(by));
                    interrupt.stop(StopReason::Asked);
                }
                Reaction::Release => self.0.released.notify_one(),
                Reaction::Wait => {}
                Reaction::End => end(by),
            }
            if by != Asked::Interrupted {
                tokio::spawn(async move {
                    tokio::time::sleep(GRACE).await;
                    end(by)
                });
            }
        }
    }

    fn doing(&self) -> MutexGuard<'_, Doing> {
        self.0.doing.lock().expect("nobody panics while holding this")
    }
}

fn stopping(by: Asked) -> String {
    let (within, more) = match by {
        Asked::Interrupted => (String::new(), " Press Ctrl-C again to quit immediately."),
        Asked::HungUp | Asked::Terminated => (format!(" within {} seconds", GRACE.as_secs()), ""),
    };
    format!("\nStopping ({by}): finishing calls in progress{within}, starting no new steps.{more}")
}

fn end(by: Asked) -> ! {
    std::process::exit(i32::from(by.code()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;

    #[tokio::test]
    async fn a_lost_lock_stops_current_and_later_runs() {
        let (stopper, output) = (Stopper::default(), Output::new(Format::Human, true));
        let one = stopper.begin(&output);
        assert!(!one.interrupt.stopped());
        stopper.lose();
        assert!(one.interrupt.stopped());
        drop(one);
        assert!(stopper.begin(&output).interrupt.stopped());
    }

    /// Returns the reaction of a process in this state to a signal. `current` says whether there is a run, and if so,
    /// whether it was stopped.
    fn reaction(locked: bool, current: Option<bool>, asked: Option<Asked>, by: Asked) -> &'static str {
        let current = current.map(|stopped| {
            let interrupt = Interrupt::default();
            if stopped {
                interrupt.stop(StopReason::Asked);
            }
            interrupt
        });
        match (Doing { current, locked, asked, pending: None }).react(by) {
            Reaction::Stop(_) => "stop",
            Reaction::Release => "release",
            Reaction::Wait => "wait",
            Reaction::End => "end",
        }
    }

    #[test]
    fn a_signal_exits_only_when_nothing_is_lost() {
        use Asked::{HungUp, Interrupted, Terminated};
        for by in [Interrupted, HungUp, Terminated] {
            assert_eq!(reaction(false, None, None, by), "end");
            assert_eq!(reaction(true, None, None, by), "release");
            assert_eq!(reaction(true, Some(false), None, by), "stop");
            // Ctrl-C has stopped one part of a command, and the next part is running.
            assert_eq!(reaction(true, Some(false), Some(Interrupted), by), "stop");
        }
        assert_eq!(reaction(true, Some(true), Some(Interrupted), Interrupted), "end");
        assert_eq!(reaction(true, None, Some(Interrupted), Interrupted), "end");
        // A cancelled pipeline sends several signals in turn, the last one SIGKILL.
        assert_eq!(reaction(true, Some(true), Some(Interrupted), Terminated), "wait");
        assert_eq!(reaction(true, None, Some(HungUp), Terminated), "release");
    }

    #[tokio::test]
    async fn a_signal_releases_the_lock_or_stops_the_next_run() {
        let (stopper, output) = (Stopper::default(), Output::new(Format::Human, true));
        let holding = stopper.hold(&output);
        assert!(matches!(stopper.doing().react(Asked::Terminated), Reaction::Release));
        assert_eq!(holding.asked().await, Asked::Terminated);
        assert_eq!(stopper.asked(), Some(Asked::Terminated));
        // The signal arrived just before the first run started.
        stopper.doing().react(Asked::Terminated);
        assert!(stopper.begin(&output).interrupt.stopped());
        assert!(!stopper.begin(&output).interrupt.stopped(), "what follows it is begun");
    }
}
