//! The location and the settings of this sandbox, which every part may use. It depends on no other part.

use std::path::PathBuf;

use crate::{call_log::CallLog, loopback::Loopback, settings::Settings};

/// The account of everything here, which is moto's default.
pub(crate) const ACCOUNT: &str = "123456789012";

/// One sandbox.
pub(crate) struct Place {
    /// The folder of its state.
    pub(crate) dir: PathBuf,
    /// The URL of its endpoint.
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
