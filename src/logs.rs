//! Reads the log groups of the stack's tasks, with all lines in order of time, once or continuously.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>

use std::collections::{HashMap, VecDeque};

use futures::future::try_join_all;

use crate::{
    aws::{LogLine, log_page},
    kind::Context,
    model::Failure,
};

/// How far before the newest known line a read starts, in milliseconds. Log drivers send lines in batches, so older
/// lines of one task can arrive after newer lines of another.
const OVERLAP: i64 = 15_000;

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The id that `CloudWatch` gives it.
    pub id: String,
    /// When it was written, in milliseconds since 1970.
    pub time: i64,
    /// The service that wrote it, or the name of stackctl's own task.
    pub service: String,
    /// The id of the ECS task.
    pub task: String,
    /// The text without the line end.
    pub message: String,
}

/// Reads several log groups at the same time, from one moment to another, and returns their lines in order of time.
pub struct Reader<'a> {
    cx: &'a Context,
    times: (i64, Option<i64>),
    groups: Vec<Group>,
}

/// The read position in one log group.
struct Group {
    name: String,
    next: Next,
    /// The lines that were read but not returned yet, oldest first.
    lines: VecDeque<Line>,
}

/// The next page to read.
#[derive(Clone, PartialEq, Eq)]
enum Next {
    First,
    Page(String),
    None,
}

impl<'a> Reader<'a> {
    /// Creates a reader of the stack's log groups called `names`, from `since` to `until` in milliseconds since 1970.
    pub fn new(cx: &'a Context, names: &[String], since: i64, until: Option<i64>) -> Self {
        let group = |name: &String| Group { name: name.clone(), next: Next::First, lines: VecDeque::new() };
        Self { cx, times: (since, until), groups: names.iter().map(group).collect() }
    }

    /// Returns the next lines, or `None` after the last one.
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

/// Removes and returns, in order of time, the lines that cannot be followed by an older line in an unread page.
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

/// The lines that were shown already, for reads that overlap.
#[derive(Default)]
pub struct Seen {
    lines: HashMap<String, i64>,
    newest: Option<i64>,
}

impl Seen {
    /// Removes known lines from `lines` and remembers the others. `now` is in milliseconds since 1970.
    pub fn only_new(&mut self, lines: &mut Vec<Line>, now: i64) {
        lines.retain(|line| self.lines.insert(format!("{} {}", line.service, line.id), line.time).is_none());
        // A task whose clock is fast must not hide the lines of others.
        let newest = lines.iter().map(|line| line.time.min(now)).max();
        self.newest = self.newest.max(newest);
        if let Some(from) = self.from() {
            self.lines.retain(|_, time| *time >= from);
        }
    }

    /// Returns the start of the next read in milliseconds since 1970, or `None` before the first line.
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
    fn a_line_waits_for_older_lines_of_other_groups() {
        let mut groups = [group("web", &[1, 4, 9], Next::None), group("worker", &[2, 5], Next::Page("2".into()))];
        assert_eq!(times(&settled(&mut groups)), [1, 2, 4, 5]);
        assert_eq!(times(&groups[0].lines.clone().into_iter().collect::<Vec<_>>()), [9]);
        assert!(groups[1].is_short());
        groups[1] = group("worker", &[8], Next::None);
        assert_eq!(times(&settled(&mut groups)), [8, 9]);
        assert_eq!(settled(&mut groups), []);
    }

    #[test]
    fn overlapping_reads_show_each_line_once() {
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
    fn a_fast_clock_does_not_hide_lines_of_other_tasks() {
        let mut seen = Seen::default();
        seen.only_new(&mut vec![line("web", 9_000_000)], 1_000_000);
        assert_eq!(seen.from(), Some(1_000_000 - OVERLAP));
    }
}
