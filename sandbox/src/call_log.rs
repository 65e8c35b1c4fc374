//! The log of all calls, which tests and benchmarks count.

use std::{sync::Mutex, time::Instant};

use serde::Serialize;

/// An entry of the log.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    /// Its number in the log.
    n: usize,
    service: String,
    operation: String,
    mutating: bool,
    /// Milliseconds since the start of the sandbox.
    started_ms: f64,
    ended_ms: f64,
    status: u16,
    /// The error code, if the call was refused.
    code: Option<String>,
    /// The size of the request body in bytes.
    bytes: usize,
}

/// The log.
pub(crate) struct CallLog {
    began: Instant,
    entries: Mutex<Vec<Entry>>,
}

/// The facts of a call that the log records.
pub(crate) struct Record<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) mutating: bool,
    pub(crate) started: Instant,
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    pub(crate) bytes: usize,
}

impl CallLog {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), entries: Mutex::default() }
    }

    pub(crate) fn add(&self, record: Record) {
        let since = |instant: Instant| instant.duration_since(self.began).as_secs_f64() * 1000.0;
        let mut entries = self.entries.lock().expect("nobody panics while holding this");
        let n = entries.len();
        entries.push(Entry {
            n,
            service: record.service.to_owned(),
            operation: record.operation.to_owned(),
            mutating: record.mutating,
            started_ms: since(record.started),
            ended_ms: since(Instant::now()),
            status: record.status,
            code: record.code,
            bytes: record.bytes,
        });
    }

    pub(crate) fn all(&self) -> Vec<Entry> {
        self.entries.lock().expect("nobody panics while holding this").clone()
    }

    pub(crate) fn clear(&self) {
        self.entries.lock().expect("nobody panics while holding this").clear();
    }
}
