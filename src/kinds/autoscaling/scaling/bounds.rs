//! The task limits at a given time: the limits of the scaling, or those of the schedule entry that ran last.
//!
//! A scheduled action sets both limits of its target at its time, and nothing sets them back:
//! <https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-policy-overview.html>

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::times::Expression;

/// A schedule entry: the task limits from a given time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name, unique within the scaling.
    pub name: String,
    /// When it runs, as `cron(…)`.
    pub at: String,
    /// The time zone of `at`, as in the tz database.
    pub timezone: String,
    /// The minimum number of tasks from then on.
    pub min: u32,
    /// The maximum number of tasks from then on.
    pub max: u32,
}

/// The tolerance in minutes for the clock of this computer and for delays of AWS. Within this time of a change, both
/// the old and the new limits are accepted.
const TOLERANCE: i64 = 5;

/// How far back to search for the last run of an entry, in hours: ten years.
const HORIZON: i64 = 10 * 366 * 24;

impl Entry {
    /// Returns the entry as a plan prints it.
    pub(super) fn words(&self) -> String {
        format!("{} {}: {} to {} tasks", self.at, self.timezone, self.min, self.max)
    }

    /// Returns when the entry last ran, at `now` or before.
    fn last(&self, now: Timestamp) -> Option<Timestamp> {
        let (expression, zone) = Expression::parse(&self.at).zip(TimeZone::get(&self.timezone).ok())?;
        let next = |after: Timestamp| expression.next(after, &zone).filter(|time| *time <= now);
        let mut back = 1;
        while back <= HORIZON {
            if let Some(mut last) = next(now.checked_sub(back.hours()).ok()?) {
                while let Some(later) = next(last) {
                    last = later;
                }
                return Some(last);
            }
            back *= 2;
        }
        None
    }
}

/// Returns the entry that applies at `now`, or `None` before the first run of any entry.
pub(super) fn holding(schedule: &[Entry], now: Timestamp) -> Option<&Entry> {
    let came = schedule.iter().filter_map(|entry| Some((entry.last(now)?, entry)));
    came.max_by_key(|(at, _)| *at).map(|(_, entry)| entry)
}

/// Returns the minimum and maximum number of tasks at `now`. `usual` applies before the first run of any entry.
pub(super) fn at(usual: (u32, u32), schedule: &[Entry], now: Timestamp) -> (u32, u32) {
    holding(schedule, now).map_or(usual, |entry| (entry.min, entry.max))
}

/// Whether `bounds` apply at `now`, or within the tolerance before or after it.
pub(super) fn hold(bounds: (u32, u32), usual: (u32, u32), schedule: &[Entry], now: Timestamp) -> bool {
    let around = [0, -TOLERANCE, TOLERANCE].into_iter();
    around.filter_map(|minutes| now.checked_add(minutes.minutes()).ok()).any(|now| at(usual, schedule, now) == bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, at: &str, min: u32, max: u32) -> Entry {
        Entry { name: name.into(), at: format!("cron({at})"), timezone: "Europe/Oslo".into(), min, max }
    }

    fn week() -> [Entry; 3] {
        [
            entry("morning", "0 7 ? * MON-FRI *", 2, 10),
            entry("night", "0 20 * * ? *", 1, 1),
            entry("weekend", "0 22 ? * FRI *", 0, 0),
        ]
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_schedule_entry_that_ran_last_applies() {
        for (now, expected) in [
            ("2026-06-03T10:00:00Z", "morning"),
            ("2026-06-03T18:00:00Z", "night"),
            ("2026-06-03T17:59:59Z", "morning"),
            ("2026-06-05T21:00:00Z", "weekend"),
            ("2026-06-06T12:00:00Z", "weekend"),
            // The night entry runs on Saturdays too.
            ("2026-06-06T18:00:00Z", "night"),
            ("2026-06-08T05:00:00Z", "morning"),
        ] {
            let schedule = week();
            assert_eq!(holding(&schedule, time(now)).map(|entry| entry.name.as_str()), Some(expected), "{now}");
        }
    }

    #[test]
    fn default_limits_apply_before_the_first_entry_runs() {
        let later = [entry("later", "0 0 1 1 ? 2027", 5, 9)];
        assert_eq!(at((2, 10), &later, time("2026-06-03T10:00:00Z")), (2, 10));
        assert_eq!(at((2, 10), &later, time("2027-06-03T10:00:00Z")), (5, 9));
        assert_eq!(at((2, 10), &[], time("2026-06-03T10:00:00Z")), (2, 10));
    }

    #[test]
    fn old_and_new_limits_are_accepted_near_a_scheduled_change() {
        let good = |bounds, now| hold(bounds, (2, 10), &week(), time(now));
        for now in ["2026-06-03T17:56:00Z", "2026-06-03T18:04:00Z"] {
            assert!(good((2, 10), now) && good((1, 1), now), "{now}");
        }
        assert!(!good((1, 1), "2026-06-03T17:54:00Z") && !good((2, 10), "2026-06-03T18:06:00Z"));
        assert!(!good((0, 0), "2026-06-03T18:00:00Z"));
    }
}
