//! Pauses between two tries: each is twice as long as the one before, with jitter, so that many steps do not come back at
//! the same moment.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// The source of the jitter. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Jitter(Arc<Mutex<StdRng>>);

impl Jitter {
    /// Jitter that differs from run to run.
    pub fn random() -> Self {
        Self::seeded(rand::random())
    }

    /// Jitter that is the same for the same `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Between half of `length` and all of it.
    pub fn of(&self, length: Duration) -> Duration {
        // The generator is usable whatever happened to the task that used it last.
        let mut generator = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        length.mul_f64(generator.random_range(0.5..1.0))
    }
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
    fn jitter_repeats_for_the_same_seed() {
        let of = |seed| Jitter::seeded(seed).of(Duration::from_secs(1));
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }
}
