//! The exit codes of stackctl.

/// Success, also if there was nothing to do.
pub const DONE: u8 = 0;
/// Failure; standard error has the details.
pub const FAILED: u8 = 1;
/// There are changes. Only for `plan --detailed-exitcode`.
pub const CHANGES: u8 = 2;
/// The command line or stack.yaml is invalid; nothing was changed.
pub const USAGE: u8 = 3;
/// Another run holds the stack's lock; nothing was changed.
pub const LOCKED: u8 = 4;
/// A deployment was rolled back: the previous version is running.
pub const ROLLED_BACK: u8 = 5;
/// The terminal or the connection was closed: 128 + SIGHUP, as in shells.
pub const HUNG_UP: u8 = 129;
/// Stopped by Ctrl-C: 128 + SIGINT, as in shells.
pub const INTERRUPTED: u8 = 130;
/// Stopped by SIGTERM: 128 + SIGTERM, as in shells.
pub const TERMINATED: u8 = 143;

/// Returns whether a signal stopped the command with this exit code.
pub const fn is_stopped(code: u8) -> bool {
    matches!(code, HUNG_UP | INTERRUPTED | TERMINATED)
}
