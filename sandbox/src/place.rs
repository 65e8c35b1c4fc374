//! Where this sandbox is and how it behaves: what every part of it may need to know. It knows none of them.

use std::path::PathBuf;

use crate::{call_log::CallLog, loopback::Loopback, settings::Settings};

/// The account that everything here belongs to; moto's own.
pub(crate) const ACCOUNT: &str = "123456789012";

/// One sandbox.
pub(crate) struct Place {
    /// Where its state is.
    pub(crate) dir: PathBuf,
    /// The URL at which it answers.
    pub(crate) endpoint: String,
    pub(crate) settings: Settings,
    pub(crate) loopback: Loopback,
    pub(crate) calls: CallLog,
}

impl Place {
    pub(crate) fn new(dir: PathBuf, endpoint: String, settings: Settings, loopback: Loopback) -> Self {
        Self { dir, endpoint, settings, loopback, calls: CallLog::new() }
    }
}
