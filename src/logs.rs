//! What the stack's tasks have written: read from all their log groups, in the order of time, once or on and on.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>

use std::collections::{HashMap, VecDeque};

use futures::future::try_join_all;

use crate::{
    aws::{LogLine, log_page},
    kind::Context,
    model::Failure,
};

/// How far a look goes back behind the newest line that was seen, in milliseconds: a log driver sends its lines in batches,
/// so those of one task can arrive after newer ones of another.
const OVERLAP: i64 = 15_000;

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `CloudWatch`'s own name for it.
    pub id: String,
    /// When it was written, in milliseconds since 1970.
    pub time: i64,
    /// The service, or the task of stackctl's own, that wrote it.
    pub service: String,
    /// The id of the ECS task.
    pub task: String,
    /// What was written, without the line end.
    pub message: String,
}

/// Reads some log groups from one moment to another, all at once, and gives their lines in the order of time.
pub struct Reader<'a> {
    cx: &'a Context,
    times: (i64, Option<i64>),
    groups: Vec<Group>,
}

/// How far one log group has been read.
struct Group {
    name: String,
    next: Next,
    /// What was read and is not given out yet, the oldest first.
    lines: VecDeque<Line>,
}

/// The page that comes next.
#[derive(Clone, PartialEq, Eq)]
enum Next {
    First,
    Page(String),
    None,
}

impl<'a> Reader<'a> {
    /// A reader of the log groups called `names` in the stack, from `since` to `until` in milliseconds since 1970.
    pub fn new(cx: &'a Context, names: &[String], since: i64, until: Option<i64>) -> Self {
        let group = |name: &String| Group { name: name.clone(), next: Next::First, lines: VecDeque::new() };
        Self { cx, times: (since, until), groups: names.iter().map(group).collect() }
    }

    /// The next lines; none when all have been read.
    ///
    /// # Errors
    /// If a log group cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<Line>>, Failure> {
        let (cx, times) = (self.cx, self.times);
        // A page may be empty although others follow.
        while self.groups.iter().any(Group::is_short) {
            let short = self.groups.iter_mut().filter(|group| group.is_short());
            try_join_all(short.map(|group| group.read(cx, times))).await?;
        }
        let lines = settled(&mut self.groups);
        Ok((!lines.is_empty()).then_some(lines))
    }
}

impl Group {
    fn is_short(&self) -> bool {
        self.lines.is_empty() && self.next != Next::None
    }

    async fn read(&mut self, cx: &Context, times: (i64, Option<i64>)) -> Result<(), Failure> {
        let token = match &self.next {
            Next::First => None,
            Next::Page(token) => Some(token.clone()),
            Next::None => return Ok(()),
        };
        let (lines, next) = log_page(&cx.aws, (&cx.id, &self.name), times, token).await?;
        self.next = next.map_or(Next::None, Next::Page);
        let service = &self.name;
        self.lines.extend(lines.into_iter().map(|LogLine { id, time, task, message }| Line {
            id,
            time,
            service: service.clone(),
            task,
            message,
        }));
        Ok(())
    }
}

/// The lines that no page still to come can have an older one than, in the order of time.
fn settled(groups: &mut [Group]) -> Vec<Line> {
    let unread = groups.iter().filter(|group| group.next != Next::None);
    let until = unread.filter_map(|group| group.lines.back().map(|line| line.time)).min();
    let mut lines = Vec::new();
    for group in groups {
        let settled = group.lines.partition_point(|line| until.is_none_or(|until| line.time <= until));
        lines.extend(group.lines.drain(..settled));
    }
    lines.sort_by_key(|line| line.time);
    lines
}

/// What of the last lines was shown already, for looks that overlap.
#[derive(Default)]
pub struct Seen {
    lines: HashMap<String, i64>,
    newest: Option<i64>,
}

impl Seen {
    /// Takes out of `lines` what was seen before, and remembers the others; `now` is in milliseconds since 1970.
    pub fn only_new(&mut self, lines: &mut Vec<Line>, now: i64) {
        lines.retain(|line| self.lines.insert(format!("{} {}", line.service, line.id), line.time).is_none());
        // The clock of a task that is fast must not hide the lines of the others.
        let newest = lines.iter().map(|line| line.time.min(now)).max();
        self.newest = self.newest.max(newest);
        if let Some(from) = self.from() {
            self.lines.retain(|_, time| *time >= from);
        }
    }

    /// Where the next look begins, in milliseconds since 1970; none before the first line.
    pub fn from(&self) -> Option<i64> {
        self.newest.map(|newest| newest - OVERLAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(service: &str, time: i64) -> Line {
        let id = format!("{time}");
        Line { id, time, service: service.into(), task: "1".into(), message: format!("{service} {time}") }
    }

    fn group(name: &str, times: &[i64], next: Next) -> Group {
        Group { name: name.into(), next, lines: times.iter().map(|time| line(name, *time)).collect() }
    }

    fn times(lines: &[Line]) -> Vec<i64> {
        lines.iter().map(|line| line.time).collect()
    }

    #[test]
    fn a_line_waits_for_an_older_one_of_another_group() {
        let mut groups = [group("web", &[1, 4, 9], Next::None), group("worker", &[2, 5], Next::Page("2".into()))];
        assert_eq!(times(&settled(&mut groups)), [1, 2, 4, 5]);
        assert_eq!(times(&groups[0].lines.clone().into_iter().collect::<Vec<_>>()), [9]);
        assert!(groups[1].is_short());
        groups[1] = group("worker", &[8], Next::None);
        assert_eq!(times(&settled(&mut groups)), [8, 9]);
        assert_eq!(settled(&mut groups), []);
    }

    #[test]
    fn looks_that_overlap_show_each_line_once_and_a_late_one_too() {
        let mut seen = Seen::default();
        let mut look = |times: &[i64]| -> Vec<i64> {
            let mut lines: Vec<Line> = times.iter().map(|time| line("web", *time)).collect();
            seen.only_new(&mut lines, 1_000_000);
            lines.iter().map(|line| line.time).collect()
        };
        assert_eq!(look(&[100_000, 101_000]), [100_000, 101_000]);
        assert_eq!(look(&[99_000, 100_000, 101_000, 102_000]), [99_000, 102_000]);
        assert_eq!(look(&[99_000, 100_000, 101_000, 102_000]), [0; 0]);
    }

    #[test]
    fn a_clock_that_is_fast_does_not_hide_the_lines_of_others() {
        let mut seen = Seen::default();
        seen.only_new(&mut vec![line("web", 9_000_000)], 1_000_000);
        assert_eq!(seen.from(), Some(1_000_000 - OVERLAP));
    }
}
