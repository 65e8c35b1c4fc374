//! Computes when a schedule is due: it parses `cron(…)`, `rate(…)` and `at(…)` and finds the next time. The sandbox
//! uses this file too.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

use std::collections::BTreeSet;

use jiff::{
    Span, Timestamp, ToSpan,
    civil::{Date, DateTime, Weekday},
    tz::{AmbiguousOffset, TimeZone},
};

/// How many days ahead a due time is searched. Every weekday falls on a February 29 within this time.
const HORIZON: usize = 366 * 41;

/// A parsed schedule expression.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    At(DateTime),
    Rate(Span),
    Cron(Box<Cron>),
}

/// A cron schedule: due when all six fields match.
#[derive(Clone, Debug)]
pub(super) struct Cron {
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    months: BTreeSet<u32>,
    years: BTreeSet<u32>,
    days: Vec<Day>,
}

/// A condition on a day.
#[derive(Clone, Copy, Debug)]
enum Day {
    Date(u32),
    LastOfMonth,
    LastWeekdayOfMonth,
    WeekdayNearest(u32),
    Weekday(u32),
    LastSuchOfMonth(u32),
    NthOfMonth(u32, u32),
}

impl Expression {
    /// Parses an expression. Returns `None` if EventBridge would refuse it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (kind, inside) = text.strip_suffix(')')?.split_once('(')?;
        match kind {
            "at" => inside.parse().ok().map(Self::At),
            "rate" => {
                let (number, unit) = inside.split_once(' ')?;
                let number = number.parse::<i64>().ok().filter(|number| *number > 0)?;
                Some(Self::Rate(match unit {
                    "minute" | "minutes" => number.minutes(),
                    "hour" | "hours" => number.hours(),
                    "day" | "days" => (number * 24).hours(),
                    _ => return None,
                }))
            }
            "cron" => Cron::parse(inside).map(|cron| Self::Cron(Box::new(cron))),
            _ => None,
        }
    }

    /// Returns the next due time after `now`. For a rate, `now` is the last run.
    pub(super) fn next(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::At(time) => zone.to_timestamp(*time).ok().filter(|time| *time > now),
            Self::Rate(span) => now.checked_add(*span).ok(),
            Self::Cron(cron) => cron.next(now, zone),
        }
    }
}

const MONTHS: &str = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC";

impl Cron {
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, date, months, weekday, years] = fields.as_slice() else { return None };
        let days = match (*date, *weekday) {
            ("?", "?") => return None,
            ("?", weekday) => weekday.split(',').map(of_week).collect::<Option<Vec<_>>>()?.concat(),
            (date, "?") => date.split(',').map(of_month).collect::<Option<Vec<_>>>()?.concat(),
            _ => return None,
        };
        Some(Self {
            minutes: numbers(minutes, 0, 59, "")?,
            hours: numbers(hours, 0, 23, "")?,
            months: numbers(months, 1, 12, MONTHS)?,
            years: numbers(years, 1970, 2199, "")?,
            days,
        })
    }

    fn next(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = now.to_zoned(zone.clone()).date();
        today.series(1.day()).take(HORIZON).filter(|date| self.has(*date)).find_map(|date| {
            self.times(date).find_map(|time| match zone.to_ambiguous_timestamp(time).offset() {
                // A time that is skipped when the clocks change has no run, and a repeated one has one run.
                AmbiguousOffset::Gap { .. } => None,
                _ => zone.to_timestamp(time).ok().filter(|time| *time > now),
            })
        })
    }

    fn has(&self, date: Date) -> bool {
        let has = |set: &BTreeSet<u32>, number: i16| u32::try_from(number).is_ok_and(|number| set.contains(&number));
        has(&self.years, date.year())
            && has(&self.months, date.month().into())
            && self.days.iter().any(|day| day.is(date))
    }

    fn times(&self, date: Date) -> impl Iterator<Item = DateTime> {
        let small = |number: &u32| i8::try_from(*number).unwrap_or_default();
        let hours = self.hours.iter().map(small);
        hours.flat_map(move |hour| self.minutes.iter().map(move |minute| date.at(hour, small(minute), 0, 0)))
    }
}

impl Day {
    fn is(self, date: Date) -> bool {
        let weekday = u32::try_from(date.weekday().to_sunday_one_offset()).unwrap_or_default();
        let day = u32::try_from(date.day()).unwrap_or_default();
        let last = date.last_of_month();
        match self {
            Self::Date(wanted) => day == wanted,
            Self::LastOfMonth => date == last,
            Self::LastWeekdayOfMonth => date == nearest_weekday(last),
            Self::WeekdayNearest(wanted) => {
                let wanted = i8::try_from(wanted).ok().and_then(|day| Date::new(date.year(), date.month(), day).ok());
                wanted.is_some_and(|wanted| date == nearest_weekday(wanted))
            }
            Self::Weekday(wanted) => weekday == wanted,
            Self::LastSuchOfMonth(wanted) => weekday == wanted && date.day() > last.day() - 7,
            Self::NthOfMonth(wanted, nth) => weekday == wanted && day.div_ceil(7) == nth,
        }
    }
}

/// Returns the weekday in the same month that is nearest to `date`.
fn nearest_weekday(date: Date) -> Date {
    let (before, after) = match date.weekday() {
        Weekday::Saturday => (1, 2),
        Weekday::Sunday => (2, 1),
        _ => return date,
    };
    let (earlier, later) = (date.saturating_sub(before.days()), date.saturating_add(after.days()));
    let nearer_first = if before < after { [earlier, later] } else { [later, earlier] };
    nearer_first.into_iter().find(|other| other.month() == date.month()).unwrap_or(date)
}

fn of_month(part: &str) -> Option<Vec<Day>> {
    Some(match part {
        "L" => vec![Day::LastOfMonth],
        "LW" => vec![Day::LastWeekdayOfMonth],
        _ => match part.strip_suffix('W') {
            Some(date) => vec![Day::WeekdayNearest(number(date, 1, 31, "")?)],
            None => numbers(part, 1, 31, "")?.into_iter().map(Day::Date).collect(),
        },
    })
}

fn of_week(part: &str) -> Option<Vec<Day>> {
    const DAYS: &str = "SUN MON TUE WED THU FRI SAT";
    if let Some((day, nth)) = part.split_once('#') {
        return Some(vec![Day::NthOfMonth(number(day, 1, 7, DAYS)?, number(nth, 1, 5, "")?)]);
    }
    Some(match part.strip_suffix('L') {
        Some("") => vec![Day::Weekday(7)],
        Some(day) => vec![Day::LastSuchOfMonth(number(day, 1, 7, DAYS)?)],
        None => numbers(part, 1, 7, DAYS)?.into_iter().map(Day::Weekday).collect(),
    })
}

/// Parses the numbers of a field: a list of numbers, ranges and steps.
fn numbers(text: &str, least: u32, most: u32, words: &str) -> Option<BTreeSet<u32>> {
    let mut all = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((first, last)) => (number(first, least, most, words)?, number(last, least, most, words)?),
            // `5/15` continues to the end of the range; `5` is a single number.
            None => {
                let first = number(range, least, most, words)?;
                (first, if step.is_some() { most } else { first })
            }
        };
        let step = usize::try_from(step.map_or(Some(1), |step| number(step, 1, most, ""))?).ok()?;
        // `FRI-MON` wraps around.
        let round: Vec<u32> =
            if first <= last { (first..=last).collect() } else { (first..=most).chain(least..=last).collect() };
        all.extend(round.into_iter().step_by(step));
    }
    Some(all)
}

fn number(text: &str, least: u32, most: u32, words: &str) -> Option<u32> {
    let word = words.split_whitespace().zip(least..).find(|(word, _)| word.eq_ignore_ascii_case(text));
    let number = word.map(|(_, number)| number).or_else(|| text.parse().ok())?;
    (least..=most).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, zone: &str, now: &str) -> String {
        let expression = Expression::parse(expression).unwrap_or_else(|| panic!("{expression}"));
        let zone = TimeZone::get(zone).expect("this computer knows it");
        let next = expression.next(now.parse().expect("a time"), &zone);
        next.map(|next| next.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_cron_is_due_when_all_its_fields_agree() {
        for (cron, now, expected) in [
            ("0 3 * * ? *", "2026-01-31T03:00:00Z", "2026-02-01T03:00:00Z"),
            ("0/20 8-9 ? * MON-FRI *", "2026-01-30T09:40:00Z", "2026-02-02T08:00:00Z"),
            ("0 9 L * ? *", "2026-02-01T00:00:00Z", "2026-02-28T09:00:00Z"),
            ("0 9 15W * ? *", "2026-02-01T00:00:00Z", "2026-02-16T09:00:00Z"),
            ("0 9 1W AUG ? *", "2026-02-01T00:00:00Z", "2026-08-03T09:00:00Z"),
            ("0 9 LW MAY ? *", "2026-02-01T00:00:00Z", "2026-05-29T09:00:00Z"),
            ("0 9 ? * 2#1 *", "2026-02-03T00:00:00Z", "2026-03-02T09:00:00Z"),
            ("0 9 ? * 6L *", "2026-02-01T00:00:00Z", "2026-02-27T09:00:00Z"),
            ("0 9 29 2 ? *", "2026-02-01T00:00:00Z", "2028-02-29T09:00:00Z"),
            ("0 9 1 1 ? 2025", "2026-02-01T00:00:00Z", ""),
        ] {
            assert_eq!(next(&format!("cron({cron})"), "UTC", now), expected, "{cron}");
        }
    }

    #[test]
    fn a_skipped_hour_has_no_run_and_a_repeated_one_has_one() {
        let daily = "cron(30 2 * * ? *)";
        assert_eq!(next(daily, "Europe/Oslo", "2026-03-28T12:00:00Z"), "2026-03-30T00:30:00Z");
        assert_eq!(next(daily, "Europe/Oslo", "2026-10-24T12:00:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(next(daily, "Europe/Oslo", "2026-10-25T00:30:00Z"), "2026-10-26T01:30:00Z");
    }

    #[test]
    fn a_rate_repeats_and_a_time_is_due_once() {
        assert_eq!(next("rate(1 day)", "UTC", "2026-01-31T03:00:00Z"), "2026-02-01T03:00:00Z");
        assert_eq!(next("at(2026-01-31T03:00:00)", "Europe/Oslo", "2026-01-31T01:00:00Z"), "2026-01-31T02:00:00Z");
        assert_eq!(next("at(2026-01-31T03:00:00)", "Europe/Oslo", "2026-01-31T02:00:00Z"), "");
    }

    #[test]
    fn an_invalid_expression_is_none() {
        for text in
            ["", "cron(0 3 * * *)", "cron(0 3 * * * *)", "cron(60 3 * * ? *)", "rate(0 days)", "at(now)", "daily"]
        {
            assert!(Expression::parse(text).is_none(), "{text}");
        }
    }
}
