//! The log of every call, which tests and benchmarks count.

use std::{sync::Mutex, time::Instant};

use serde::Serialize;

/// One call that was answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    /// Its place in the log.
    n: usize,
    service: String,
    operation: String,
    mutating: bool,
    /// Milliseconds since the sandbox began.
    started_ms: f64,
    ended_ms: f64,
    status: u16,
    /// The error's code, if it was refused.
    code: Option<String>,
    /// Bytes of the request's body.
    bytes: usize,
}

/// The log.
pub(crate) struct CallLog {
    began: Instant,
    entries: Mutex<Vec<Entry>>,
}

/// What a call is to the log.
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
