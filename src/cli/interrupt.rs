//! What stops a change of the cloud in its middle: a signal, or the loss of the stack's lock.

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

/// For how long calls in flight may go on after SIGTERM or SIGHUP. Who sends them often kills soon after: Docker after 10 seconds,
/// Kubernetes after 30.
/// <https://docs.docker.com/reference/cli/docker/container/stop/>
/// <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination>
const GRACE: Duration = Duration::from_secs(8);

/// Stops what is being carried out, if anything is. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Stopper(Arc<State>);

#[derive(Default)]
struct State {
    listens: AtomicBool,
    lost: AtomicBool,
    doing: Mutex<Doing>,
    /// Wakes who can give the lock back.
    released: Notify,
}

/// What there is to stop.
#[derive(Default)]
struct Doing {
    /// What is being carried out.
    current: Option<Interrupt>,
    /// Whether the process holds the stack's lock.
    locked: bool,
    /// By what it was first asked to stop since it has the lock.
    asked: Option<Asked>,
    /// The signal that came while nothing was being carried out, until it is acted on.
    pending: Option<Asked>,
}

/// What a signal does.
enum Reaction {
    /// Calls in flight are finished, and nothing new is begun.
    Stop(Interrupt),
    /// The lock is given back.
    Release,
    /// It is stopping already.
    Wait,
    /// The process ends at once.
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

/// Something that is being carried out, until this is dropped.
pub(super) struct Stoppable {
    stopper: Stopper,
    pub(super) interrupt: Interrupt,
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        self.stopper.doing().current = None;
    }
}

/// The stack's lock is held, until this is dropped.
pub(super) struct Holding(Stopper);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.doing().locked = false;
    }
}

impl Holding {
    /// By what the process is asked to stop while nothing is being carried out: the lock can be given back at once.
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
    /// Something begins that a signal stops from now on: what is in flight is finished, and nothing new is begun. A second
    /// Ctrl-C ends the process at once.
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

    /// From now on the process holds the stack's lock: a signal is to end it only once that is given back.
    pub(super) fn hold(&self, output: &Output) -> Holding {
        *self.doing() = Doing { locked: true, ..Doing::default() };
        self.listen(output);
        Holding(self.clone())
    }

    /// The stack's lock is another run's now: nothing more is begun, now or later.
    pub(super) fn lose(&self) {
        self.0.lost.store(true, Ordering::SeqCst);
        if let Some(interrupt) = &self.doing().current {
            interrupt.stop(StopReason::LockLost);
        }
    }

    /// By what it was asked to stop, if it was.
    pub(super) fn asked(&self) -> Option<Asked> {
        self.doing().asked
    }

    /// Once it listens, the system's own way with the signals is gone for good, so it listens to the end.
    fn listen(&self, output: &Output) {
        if !self.0.listens.swap(true, Ordering::Relaxed) {
            // Where nobody can listen, signals end the process.
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
    async fn a_lost_lock_stops_what_runs_and_what_would_begin_after_it() {
        let (stopper, output) = (Stopper::default(), Output::new(Format::Human, true));
        let one = stopper.begin(&output);
        assert!(!one.interrupt.stopped());
        stopper.lose();
        assert!(one.interrupt.stopped());
        drop(one);
        assert!(stopper.begin(&output).interrupt.stopped());
    }

    /// What a signal does to a process in this state; true is the lock, or what has been stopped.
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
    fn a_signal_ends_the_process_once_nothing_is_lost_by_it() {
        use Asked::{HungUp, Interrupted, Terminated};
        for by in [Interrupted, HungUp, Terminated] {
            assert_eq!(reaction(false, None, None, by), "end");
            assert_eq!(reaction(true, None, None, by), "release");
            assert_eq!(reaction(true, Some(false), None, by), "stop");
            // Ctrl-C has stopped one part of a command, and the next part is being carried out.
            assert_eq!(reaction(true, Some(false), Some(Interrupted), by), "stop");
        }
        assert_eq!(reaction(true, Some(true), Some(Interrupted), Interrupted), "end");
        assert_eq!(reaction(true, None, Some(Interrupted), Interrupted), "end");
        // A pipeline that is cancelled sends several, one after the other, and kills at last.
        assert_eq!(reaction(true, Some(true), Some(Interrupted), Terminated), "wait");
        assert_eq!(reaction(true, None, Some(HungUp), Terminated), "release");
    }

    #[tokio::test]
    async fn the_lock_is_given_back_or_what_begins_is_stopped() {
        let (stopper, output) = (Stopper::default(), Output::new(Format::Human, true));
        let holding = stopper.hold(&output);
        assert!(matches!(stopper.doing().react(Asked::Terminated), Reaction::Release));
        assert_eq!(holding.asked().await, Asked::Terminated);
        assert_eq!(stopper.asked(), Some(Asked::Terminated));
        // The signal came when the first step was about to begin.
        stopper.doing().react(Asked::Terminated);
        assert!(stopper.begin(&output).interrupt.stopped());
        assert!(!stopper.begin(&output).interrupt.stopped(), "what follows it is begun");
    }
}
