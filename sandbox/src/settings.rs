//! What can be set while the sandbox runs: how long things take, what goes wrong, and when nobody is answered any more.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use anyhow::Result;
use serde::Deserialize;

use crate::faults::{Faults, Plan};

/// What can be set while it runs.
pub(crate) struct Settings {
    pub(crate) faults: Faults,
    latency_ms: AtomicU64,
    provision: AtomicU64,
    rollout: AtomicU64,
    schedule: AtomicU64,
    /// The number of mutating calls that still succeed before the sandbox stops answering; negative for no limit.
    hold_after: AtomicI64,
    held: AtomicBool,
    /// Whether the last of them is held back before its answer or after.
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

    /// A time of AWS's, in seconds, as it passes here.
    pub(crate) fn provision(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds * f64::from_bits(self.provision.load(Ordering::Relaxed)))
    }

    /// A configured time of a rollout, in seconds, as it passes here.
    pub(crate) fn rollout(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds * f64::from_bits(self.rollout.load(Ordering::Relaxed)))
    }

    /// How long it is until a schedule is due, as a share of what its expression says.
    pub(crate) fn schedule_scale(&self) -> f64 {
        f64::from_bits(self.schedule.load(Ordering::Relaxed))
    }

    pub(crate) fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// Counts a mutating call that was carried out; whether its answer may go out. One that was refused changed nothing, and
    /// how often a command repeats it depends on the time: it does not count.
    pub(crate) fn count_mutation(&self, refused: bool) -> bool {
        let before = self.hold_after.load(Ordering::SeqCst);
        if before < 0 || refused {
            // Calls that were under way when the last one was counted are not answered either.
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
    /// If the faults in it are none that are known; then nothing is changed.
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
