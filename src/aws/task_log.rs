//! Reads the output of tasks from CloudWatch Logs: the stream of one task, and the pages of a whole log group.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>

use std::fmt;

use super::{Aws, Outcome, last_part, log_prefix};
use crate::model::{Failure, StackId};

/// The error of CloudWatch Logs for a stream without lines, and for a deleted log group.
const ABSENT: &[&str] = &["ResourceNotFoundException"];

/// The log of one task, which returns each line once.
#[derive(Debug)]
pub struct TaskLog {
    group: String,
    stream: String,
    next: Option<String>,
}

impl fmt::Display for TaskLog {
    /// Names the log stream and its group.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stream {} of the log group {}", self.stream, self.group)
    }
}

impl TaskLog {
    /// Creates the log of the container `container` of the task `task` (an ARN or an id), in the stack's log group for
    /// `name`.
    pub fn new(id: &StackId, name: &str, container: &str, task: &str) -> Self {
        // The prefix of the stream is the name of the container: see kinds/ecs/task_definition.
        let stream = format!("{container}/{container}/{}", last_part(task));
        Self { group: group(id, name), stream, next: None }
    }

    /// Returns the last lines, at most `count`, oldest first, or `None` if the task wrote nothing.
    ///
    /// # Errors
    /// If CloudWatch Logs cannot be read.
    pub async fn last(&self, aws: &Aws, count: i32) -> Result<Option<Vec<String>>, Failure> {
        let call = aws.logs.get_log_events().log_group_name(&self.group).log_stream_name(&self.stream);
        let answer = call.start_from_head(false).limit(count).send().await.or_absent("GetLogEvents", ABSENT)?;
        Ok(answer.map(|answer| lines(answer.events.unwrap_or_default())))
    }

    /// Returns the lines since the last call. The first call starts at the beginning.
    ///
    /// # Errors
    /// If CloudWatch Logs cannot be read.
    pub async fn new_lines(&mut self, aws: &Aws) -> Result<Vec<String>, Failure> {
        let call = aws.logs.get_log_events().log_group_name(&self.group).log_stream_name(&self.stream);
        let call = call.start_from_head(true).set_next_token(self.next.clone());
        let Some(answer) = call.send().await.or_absent("GetLogEvents", ABSENT)? else { return Ok(Vec::new()) };
        self.next = answer.next_forward_token;
        Ok(lines(answer.events.unwrap_or_default()))
    }
}

fn lines(events: Vec<aws_sdk_cloudwatchlogs::types::OutputLogEvent>) -> Vec<String> {
    events.into_iter().filter_map(|event| event.message).map(|line| line.trim_end().to_owned()).collect()
}

/// A line of a log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The id that `CloudWatch` gives it.
    pub id: String,
    /// When it was written, in milliseconds since 1970.
    pub time: i64,
    /// The id of the task that wrote it.
    pub task: String,
    /// The text without the line end.
    pub message: String,
}

/// Reads a page of the stack's log group for `name`, of all tasks, from `since` to `until` in milliseconds since 1970.
/// Also returns the token of the next page, if there is one. A page may be empty although others follow.
///
/// # Errors
/// If CloudWatch Logs cannot be read.
pub async fn log_page(
    aws: &Aws,
    (id, name): (&StackId, &str),
    (since, until): (i64, Option<i64>),
    token: Option<String>,
) -> Result<(Vec<LogLine>, Option<String>), Failure> {
    let call = aws.logs.filter_log_events().log_group_name(group(id, name));
    let call = call.start_time(since).set_end_time(until).set_next_token(token);
    // The group may be deleted during the read.
    let Some(answer) = call.send().await.or_absent("FilterLogEvents", ABSENT)? else { return Ok((Vec::new(), None)) };
    let line = |event: aws_sdk_cloudwatchlogs::types::FilteredLogEvent| LogLine {
        id: event.event_id.unwrap_or_default(),
        time: event.timestamp.unwrap_or_default(),
        task: event.log_stream_name.as_deref().map(last_part).unwrap_or_default().to_owned(),
        message: event.message.unwrap_or_default().trim_end().to_owned(),
    };
    Ok((answer.events.unwrap_or_default().into_iter().map(line).collect(), answer.next_token))
}

fn group(id: &StackId, name: &str) -> String {
    format!("{}{name}", log_prefix(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_its_own_stream() {
        let id = StackId { stack: "demo".into(), environment: "default".into() };
        for task in ["arn:aws:ecs:eu-west-1:123456789012:task/demo-default-main/c71a9526", "c71a9526"] {
            let log = TaskLog::new(&id, "database_load", "psql", task);
            assert_eq!(log.group, "/stackctl/demo/default/database_load");
            assert_eq!(log.stream, "psql/psql/c71a9526");
        }
    }
}
