//! How stackctl ends: its exit codes, by name.

/// Done, or nothing to do.
pub const DONE: u8 = 0;
/// Something failed; standard error says what.
pub const FAILED: u8 = 1;
/// There are changes; only `plan --detailed-exitcode` ends so.
pub const CHANGES: u8 = 2;
/// The command line or stack.yaml is wrong; nothing was changed.
pub const USAGE: u8 = 3;
/// Another run holds the stack's lock; nothing was changed.
pub const LOCKED: u8 = 4;
/// A deployment was rolled back: the version that ran before serves.
pub const ROLLED_BACK: u8 = 5;
/// Stopped because the terminal or the connection is gone, as shells count it: 128 + SIGHUP.
pub const HUNG_UP: u8 = 129;
/// Stopped by Ctrl-C, as shells count it: 128 + SIGINT.
pub const INTERRUPTED: u8 = 130;
/// Stopped by SIGTERM, as shells count it: 128 + SIGTERM.
pub const TERMINATED: u8 = 143;

/// Whether a signal has stopped what ended so.
pub const fn is_stopped(code: u8) -> bool {
    matches!(code, HUNG_UP | INTERRUPTED | TERMINATED)
}
