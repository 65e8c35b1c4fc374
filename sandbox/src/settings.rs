//! Settings that can change while the sandbox runs: time scales, faults, and the point at which it stops responding.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use anyhow::Result;
use serde::Deserialize;

use crate::faults::{Faults, Plan};

/// The settings that can change at run time.
pub(crate) struct Settings {
    pub(crate) faults: Faults,
    latency_ms: AtomicU64,
    provision: AtomicU64,
    rollout: AtomicU64,
    schedule: AtomicU64,
    /// The number of mutating calls that still succeed before the sandbox stops responding; negative for no limit.
    hold_after: AtomicI64,
    held: AtomicBool,
    /// Whether the last successful call still gets its response.
    answer_last: AtomicBool,
}

impl Settings {
    pub(crate) fn new(latency_ms: u64, provision: f64, rollout: f64, schedule: f64, faults: Plan) -> Self {
        Self {
            faults: Faults::new(faults),
            latency_ms: AtomicU64::new(latency_ms),
            provision: AtomicU64::new(provision.to_bits()),
            rollout: AtomicU64::new(rollout.to_bits()),
            schedule: AtomicU64::new(schedule.to_bits()),
            hold_after: AtomicI64::new(-1),
            held: AtomicBool::new(false),
            answer_last: AtomicBool::new(false),
        }
    }

    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.load(Ordering::Relaxed))
    }

    /// Returns how long a duration of AWS, in seconds, takes here.
    pub(crate) fn provision(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds * f64::from_bits(self.provision.load(Ordering::Relaxed)))
    }

    /// Returns how long a configured duration of a rollout, in seconds, takes here.
    pub(crate) fn rollout(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds * f64::from_bits(self.rollout.load(Ordering::Relaxed)))
    }

    /// The time until a schedule is due, as a share of what its expression says.
    pub(crate) fn schedule_scale(&self) -> f64 {
        f64::from_bits(self.schedule.load(Ordering::Relaxed))
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// Counts a mutating call that succeeded, and returns whether its response may be sent. A refused call does not
    /// count: it changed nothing, and how often a command retries depends on timing.
    pub(crate) fn count_mutation(&self, refused: bool) -> bool {
        let before = self.hold_after.load(Ordering::SeqCst);
        if before < 0 || refused {
            // Calls in progress when the last one was counted get no response either.
            return !self.is_held();
        }
        let left = self.hold_after.fetch_sub(1, Ordering::SeqCst) - 1;
        if left > 0 {
            return true;
        }
        self.held.store(true, Ordering::SeqCst);
        left == 0 && self.answer_last.load(Ordering::SeqCst)
    }

    /// Applies a document of the control endpoint.
    ///
    /// # Errors
    /// If the document names an unknown fault. Then nothing is changed.
    pub(crate) fn change(&self, document: &serde_json::Value) -> Result<()> {
        if let Some(faults) = document.get("faults") {
            self.faults.set(Option::<Plan>::deserialize(faults)?.unwrap_or_default());
        }
        if let Some(latency) = document["latency_ms"].as_u64() {
            self.latency_ms.store(latency, Ordering::Relaxed);
        }
        if let Some(scale) = document["rollout_scale"].as_f64() {
            self.rollout.store(scale.to_bits(), Ordering::Relaxed);
        }
        if let Some(scale) = document["provision_scale"].as_f64() {
            self.provision.store(scale.to_bits(), Ordering::Relaxed);
        }
        if let Some(scale) = document["schedule_scale"].as_f64() {
            self.schedule.store(scale.to_bits(), Ordering::Relaxed);
        }
        if let Some(answer) = document["answer_last"].as_bool() {
            self.answer_last.store(answer, Ordering::SeqCst);
        }
        if let Some(hold) = document.get("hold_after") {
            self.held.store(false, Ordering::SeqCst);
            self.hold_after.store(hold.as_i64().unwrap_or(-1), Ordering::SeqCst);
        }
        Ok(())
    }

    pub(crate) fn document(&self) -> serde_json::Value {
        serde_json::json!({
            "latency_ms": self.latency_ms.load(Ordering::Relaxed),
            "provision_scale": f64::from_bits(self.provision.load(Ordering::Relaxed)),
            "rollout_scale": f64::from_bits(self.rollout.load(Ordering::Relaxed)),
            "schedule_scale": self.schedule_scale(),
            "faults": self.faults.plan(),
        })
    }
}
