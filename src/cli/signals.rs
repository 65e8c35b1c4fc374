//! The signals that stop stackctl.

use std::fmt;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    exit,
    model::{Failure, Subject},
};

/// A signal that asks stackctl to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Ctrl-C.
    Interrupted,
    /// SIGHUP: the terminal or its SSH connection was closed.
    HungUp,
    /// SIGTERM, which `kill`, cancelled pipelines, Docker and Kubernetes send.
    Terminated,
}

impl Asked {
    /// Returns the exit code, as in shells: 128 plus the signal's number.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Interrupted => exit::INTERRUPTED,
            Self::HungUp => exit::HUNG_UP,
            Self::Terminated => exit::TERMINATED,
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupted => "Ctrl-C",
            Self::HungUp => "SIGHUP",
            Self::Terminated => "SIGTERM",
        })
    }
}

/// A listener for these signals. After the first listener was created, none of the signals ends the process by default.
pub(super) struct Signals {
    interrupt: Signal,
    /// `None` if SIGHUP is ignored.
    hang_up: Option<Signal>,
    terminate: Signal,
}

impl Signals {
    /// Starts to listen.
    ///
    /// # Errors
    /// If the system does not allow it.
    pub(super) fn listen() -> Result<Self, Failure> {
        let hear = |kind| {
            signal(kind).map_err(|error| Failure::about(Subject::activity("listen for signals"), error.to_string()))
        };
        let hang_up = if ignores_hang_up() { None } else { Some(hear(SignalKind::hangup())?) };
        Ok(Self { interrupt: hear(SignalKind::interrupt())?, hang_up, terminate: hear(SignalKind::terminate())? })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Asked {
        let hung_up = async {
            match &mut self.hang_up {
                Some(hang_up) => drop(hang_up.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Interrupted,
            () = hung_up => Asked::HungUp,
            _ = self.terminate.recv() => Asked::Terminated,
        }
    }
}

/// Returns whether the process was started with SIGHUP ignored, as by `nohup`. Only Linux has a file with this
/// information.
/// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
fn ignores_hang_up() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, SignalKind::hangup()))
}

/// Returns whether the field `SigIgn` in `status`, a bit set in hexadecimal, contains the signal. The lowest bit is
/// signal 1.
fn ignores(status: &str, kind: SignalKind) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default();
    bits >> (kind.as_raw_value() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_detected() {
        let status =
            "Name:\tstackctl\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert!(ignores(status, SignalKind::hangup()));
        assert!(!ignores(status, SignalKind::interrupt()));
        assert!(!ignores("", SignalKind::hangup()));
    }
}
