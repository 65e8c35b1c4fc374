//! The signals that ask stackctl to stop.

use std::fmt;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    exit,
    model::{Failure, Subject},
};

/// By what somebody asks stackctl to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Ctrl-C.
    Interrupted,
    /// Its terminal is gone, or the ssh connection to it.
    HungUp,
    /// What `kill`, a pipeline that is cancelled, Docker and Kubernetes send.
    Terminated,
}

impl Asked {
    /// The exit code, as shells count it: 128 and the signal's number.
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

/// Hears these signals. From the first one of these on, none of them ends the process by itself any more.
pub(super) struct Signals {
    interrupt: Signal,
    /// None where SIGHUP is ignored.
    hang_up: Option<Signal>,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the system does not let the process listen.
    pub(super) fn listen() -> Result<Self, Failure> {
        let hear = |kind| {
            signal(kind).map_err(|error| Failure::about(Subject::activity("listen for signals"), error.to_string()))
        };
        let hang_up = if ignores_hang_up() { None } else { Some(hear(SignalKind::hangup())?) };
        Ok(Self { interrupt: hear(SignalKind::interrupt())?, hang_up, terminate: hear(SignalKind::terminate())? })
    }

    /// The next one of them.
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

/// Whether the process was started to ignore SIGHUP, as `nohup` does. Linux alone has a file that says so.
/// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
fn ignores_hang_up() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, SignalKind::hangup()))
}

/// Whether the field `SigIgn` of `status`, a set of bits in hexadecimal, has the signal. The lowest bit is signal 1.
fn ignores(status: &str, kind: SignalKind) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default();
    bits >> (kind.as_raw_value() - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_seen() {
        let status =
            "Name:\tstackctl\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert!(ignores(status, SignalKind::hangup()));
        assert!(!ignores(status, SignalKind::interrupt()));
        assert!(!ignores("", SignalKind::hangup()));
    }
}
