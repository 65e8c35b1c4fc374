//! Checks the grammar of a job's schedule: `cron(…)`, `rate(…)` and `at(…)`, by the rules of EventBridge Scheduler.
//!
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>

/// Why EventBridge Scheduler would reject a schedule, and a hint.
pub(super) type Refusal = (String, String);

/// Returns what is wrong with the schedule `text`, if anything.
pub(super) fn problem(text: &str) -> Option<Refusal> {
    let inside = |kind: &str| text.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(fields) = inside("cron") {
        cron(fields)
    } else if let Some(rate) = inside("rate") {
        self::rate(rate)
    } else if let Some(time) = inside("at") {
        at(time)
    } else {
        let hint = match text.split_whitespace().count() {
            5 => "use the six fields of EventBridge; for `0 3 * * *`, write cron(0 3 * * ? *)",
            _ => "write cron(0 3 * * ? *), rate(1 hour) or at(2030-01-31T03:00:00)",
        };
        Some(("not an EventBridge schedule".to_owned(), hint.to_owned()))
    }
}

/// Checks a number of minutes, hours or days. Unlike the older rules of EventBridge, Scheduler accepts both `1 hours`
/// and `1 hour`.
/// <https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html>
fn rate(text: &str) -> Option<Refusal> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [number, unit] = words.as_slice() else {
        return Some(("expected a number and a unit".to_owned(), "write a rate such as rate(15 minutes)".to_owned()));
    };
    if number.parse::<u32>().ok().is_none_or(|number| number == 0) || number.starts_with('+') {
        return Some((
            format!("expected a positive whole number, found `{number}`"),
            "write a rate such as rate(15 minutes); the shortest is rate(1 minute)".to_owned(),
        ));
    }
    if ["minute", "minutes", "hour", "hours", "day", "days"].contains(unit) {
        return None;
    }
    let hint = "use minutes, hours or days; for once a week, write cron(0 3 ? * MON *)";
    Some((format!("invalid unit `{unit}`"), hint.to_owned()))
}

/// Checks a date and time without a time zone; the zone is in `timezone`.
fn at(text: &str) -> Option<Refusal> {
    let is_whole = text.len() == "2030-01-31T03:00:00".len() && text.as_bytes()[10] == b'T';
    if is_whole && text.parse::<jiff::civil::DateTime>().is_ok() {
        return None;
    }
    let hint = "write a time such as at(2030-01-31T03:00:00), and its time zone in `timezone`";
    Some((format!("invalid date and time `{text}`"), hint.to_owned()))
}

/// One of the six fields of a cron expression.
struct CronField {
    name: &'static str,
    least: u32,
    most: u32,
    /// The words for the numbers from `least` upwards.
    words: &'static [&'static str],
}

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const FIELDS: [CronField; 6] = [
    CronField { name: "minutes", least: 0, most: 59, words: &[] },
    CronField { name: "hours", least: 0, most: 23, words: &[] },
    CronField { name: "day-of-month", least: 1, most: 31, words: &[] },
    CronField { name: "month", least: 1, most: 12, words: MONTHS },
    CronField { name: "day-of-week", least: 1, most: 7, words: DAYS },
    CronField { name: "year", least: 1970, most: 2199, words: &[] },
];

fn cron(text: &str) -> Option<Refusal> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
        let hint = format!("write {}, as in cron(0 3 * * ? *)", names.join(", "));
        return Some((format!("expected six fields, found {}", fields.len()), hint));
    }
    for (field, text) in FIELDS.iter().zip(&fields) {
        if !field.takes(text) {
            return Some((format!("invalid {} `{text}`", field.name), field.hint()));
        }
    }
    match (fields[2], fields[4]) {
        ("?", "?") => {
            let why = "day-of-month and day-of-week are both `?`";
            Some((why.to_owned(), "write `*` for one of them: cron(0 3 * * ? *)".to_owned()))
        }
        ("?", _) | (_, "?") => None,
        _ => {
            let why = "day-of-month and day-of-week are both set";
            Some((why.to_owned(), "write `?` for one of them: cron(0 3 * * ? *) or cron(0 3 ? * MON *)".to_owned()))
        }
    }
}

impl CronField {
    fn takes(&self, text: &str) -> bool {
        let is_day = self.name.starts_with("day");
        match text {
            "*" => true,
            "?" => is_day,
            // `#` cannot be combined with other values: the second Monday is one day.
            list => list.split(',').all(|part| self.takes_part(part)) && !(list.contains('#') && list.contains(',')),
        }
    }

    fn takes_part(&self, part: &str) -> bool {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        if let Some(step) = step {
            let is_step = step.parse::<u32>().is_ok_and(|step| (1..=self.most).contains(&step));
            return is_step && (range == "*" || self.takes_range(range));
        }
        self.takes_range(part) || self.takes_special(part)
    }

    fn takes_range(&self, range: &str) -> bool {
        range.split_once('-').map_or_else(
            || self.number(range).is_some(),
            |(first, last)| self.number(first).is_some() && self.number(last).is_some(),
        )
    }

    /// Whether `part` is the last day of a month or week, the weekday nearest to a date, or the last or n-th weekday of
    /// a month.
    fn takes_special(&self, part: &str) -> bool {
        match self.name {
            "day-of-month" => {
                part == "L" || part == "LW" || part.strip_suffix('W').is_some_and(|date| self.number(date).is_some())
            }
            "day-of-week" => {
                let nth = part.split_once('#').is_some_and(|(day, nth)| {
                    self.number(day).is_some() && nth.parse::<u32>().is_ok_and(|nth| (1..=5).contains(&nth))
                });
                nth || part == "L" || part.strip_suffix('L').is_some_and(|day| self.number(day).is_some())
            }
            _ => false,
        }
    }

    fn number(&self, text: &str) -> Option<u32> {
        let word = self.words.iter().zip(self.least..).find(|(word, _)| word.eq_ignore_ascii_case(text));
        let number = || text.parse::<u32>().ok().filter(|_| text.chars().all(|c| c.is_ascii_digit()));
        word.map(|(_, number)| number).or_else(number).filter(|number| (self.least..=self.most).contains(number))
    }

    fn hint(&self) -> String {
        let words = match self.words {
            [first, .., last] => format!(" or {first} to {last}"),
            _ => String::new(),
        };
        let more = match self.name {
            "day-of-month" => ", `?`, `L` and `15W`",
            "day-of-week" => ", `?`, `L`, `6L` and `2#1`; 1 is Sunday",
            _ => "",
        };
        format!("use {} to {}{words}, with `*` `,` `-` and `/`{more}", self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_schedules_are_accepted() {
        for text in [
            "cron(0 3 * * ? *)",
            "cron(15 10 ? * 6L 2022-2023)",
            "cron(0/15 8-17 ? * MON-FRI *)",
            "cron(*/5 * * * ? *)",
            "cron(0 9 L JAN,jul ? 2030/2)",
            "cron(0 9 15W * ? *)",
            "cron(0 9 ? * 2#1 *)",
            "cron(0  9  ?  *  TUE,THU  *)",
            "rate(1 minute)",
            "rate(1 hours)",
            "rate(30 days)",
            "at(2030-01-31T03:00:00)",
        ] {
            assert_eq!(problem(text), None, "{text}");
        }
    }

    #[test]
    fn invalid_schedules_are_rejected_with_the_reason() {
        for (text, reason) in [
            ("0 3 * * *", "not an EventBridge schedule"),
            ("daily", "not an EventBridge schedule"),
            ("cron(0 3 * * ? *", "not an EventBridge schedule"),
            ("Cron(0 3 * * ? *)", "not an EventBridge schedule"),
            ("cron(0 3 * * *)", "six fields, found 5"),
            ("cron(0 3 * * * *)", "both set"),
            ("cron(0 3 1 * MON *)", "both set"),
            ("cron(0 3 ? * ? *)", "both `?`"),
            ("cron(60 3 * * ? *)", "invalid minutes `60`"),
            ("cron(? 3 * * ? *)", "invalid minutes `?`"),
            ("cron(0 24 * * ? *)", "invalid hours `24`"),
            ("cron(0 3 0 * ? *)", "invalid day-of-month `0`"),
            ("cron(0 3 32W * ? *)", "invalid day-of-month"),
            ("cron(0 3 * 13 ? *)", "invalid month `13`"),
            ("cron(0 3 ? * 8 *)", "invalid day-of-week `8`"),
            ("cron(0 3 ? * MON#6 *)", "invalid day-of-week"),
            ("cron(0 3 ? * 2#1,3#1 *)", "invalid day-of-week"),
            ("cron(0/0 3 * * ? *)", "invalid minutes `0/0`"),
            ("cron(0 3 * * ? 1969)", "invalid year `1969`"),
            ("rate(0 minutes)", "expected a positive whole number"),
            ("rate(1.5 hours)", "expected a positive whole number"),
            ("rate(-5 minutes)", "expected a positive whole number"),
            ("rate(30 seconds)", "invalid unit `seconds`"),
            ("rate(1 week)", "invalid unit `week`"),
            ("rate(5minutes)", "a number and a unit"),
            ("at(2030-01-31)", "invalid date and time"),
            ("at(2030-02-30T03:00:00)", "invalid date and time"),
            ("at(2030-01-31T03:00:00Z)", "invalid date and time"),
        ] {
            let (why, hint) = problem(text).unwrap_or_else(|| panic!("{text} is taken"));
            assert!(why.contains(reason), "{text}: {why}");
            assert!(!hint.is_empty(), "{text}");
        }
    }
}
