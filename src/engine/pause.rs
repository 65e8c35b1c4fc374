//! The lengths of pauses. Pauses between attempts of a write double, with jitter, so that many steps do not retry at
//! the same moment. Pauses between reads end at the same moments for all steps, so that steps can share a read.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// A source of jitter. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Jitter(Arc<Mutex<StdRng>>);

impl Jitter {
    /// Creates jitter that differs from run to run.
    pub fn random() -> Self {
        Self::seeded(rand::random())
    }

    /// Creates jitter that is the same for the same `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Returns a random duration between half of `length` and all of it.
    pub fn of(&self, length: Duration) -> Duration {
        // The generator is usable after a panic in any task.
        let mut generator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        length.mul_f64(generator.random_range(0.5..1.0))
    }
}

/// The pauses between two reads of a resource that is not ready. Longer waits use longer pauses.
const LOOKS: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
];

/// Returns the time until the next read for a step that has waited for `waited`, in a run that started `since` ago. The
/// pause is about a fifth of the wait so far and ends at a multiple of one of [`LOOKS`] since the start of the run.
pub(super) fn until_look(waited: Duration, since: Duration) -> Duration {
    let apart = LOOKS.into_iter().rev().find(|apart| *apart <= waited / 5).unwrap_or(LOOKS[0]);
    let past = Duration::from_nanos_u128(since.as_nanos() % apart.as_nanos());
    let next = apart.saturating_sub(past);
    // Skip a moment that is too close to the last read.
    if next < apart / 2 { next + apart } else { next }
}

/// Pauses that double from `first` to `longest`.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    pub(super) fn next(&mut self, jitter: &Jitter) -> Duration {
        let length = self.next;
        self.next = (length * 2).min(self.longest);
        jitter.of(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (jitter, seconds) = (Jitter::seeded(1), Duration::from_secs);
        let mut pauses = Pauses::new(seconds(1), seconds(5));
        for longest in [1, 2, 4, 5, 5].map(seconds) {
            let pause = pauses.next(&jitter);
            assert!(longest / 2 <= pause && pause <= longest, "{pause:?} of {longest:?}");
        }
    }

    #[test]
    fn reads_become_rarer_and_stay_aligned() {
        let [zero, ten, hour] = [0, 10, 3600].map(Duration::from_secs);
        let millis = Duration::from_millis;
        assert_eq!(until_look(zero, zero), millis(250));
        assert_eq!(until_look(zero, millis(100)), millis(150));
        assert_eq!(until_look(zero, millis(200)), millis(300), "not after 50 ms");
        assert_eq!(until_look(ten, millis(10_300)), millis(700));
        assert_eq!(until_look(hour, millis(3_601_000)), millis(4_000));
    }

    #[test]
    fn jitter_repeats_for_the_same_seed() {
        let of = |seed| Jitter::seeded(seed).of(Duration::from_secs(1));
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }
}
