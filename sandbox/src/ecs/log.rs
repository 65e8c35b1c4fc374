//! Sends the output of a container to CloudWatch Logs.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    sync::mpsc,
    task::JoinHandle,
};

use super::{
    fargate::Ecs,
    input::text,
    work::{Unstarted, Work},
};
use crate::{permissions, place::ACCOUNT};

/// The number of log lines per call.
const LOG_BATCH: usize = 500;

/// The channel for lines, and the task that delivers them.
pub(super) type Log = (mpsc::UnboundedSender<String>, JoinHandle<()>);

/// Opens the log of a container. CloudWatch Logs gets the lines in batches.
pub(super) async fn open(ecs: &Arc<Ecs>, work: &Work, roles: &Value, role: &str) -> Result<Option<Log>, Unstarted> {
    let options = &work.container["logConfiguration"]["options"];
    let group = text(options, "awslogs-group").to_owned();
    if group.is_empty() {
        return Ok(None);
    }
    let arn = format!("arn:aws:logs:{}:{}:log-group:{group}:log-stream:", work.region, ACCOUNT);
    if !permissions::allows(roles, role, "logs:PutLogEvents", &arn) {
        let why = format!(
            "failed to validate logger args: AccessDeniedException: {role} is not authorized to perform: logs:PutLogEvents on resource: {arn}"
        );
        return Err(Unstarted(format!("ResourceInitializationError: {why}")));
    }
    let name = text(&work.container, "name");
    let stream = format!("{}/{name}/{}", text(options, "awslogs-stream-prefix"), work.id);
    let body = json!({ "logGroupName": group, "logStreamName": stream });
    let made = ecs.works.moto.json("logs", "Logs_20140328.CreateLogStream", &work.region, &body).await;
    made.map_err(|error| Unstarted(format!("ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: {}: {}", error.code, error.message)))?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let delivered = tokio::spawn(deliver(Arc::clone(ecs), work.region.clone(), group, stream, receiver));
    Ok(Some((sender, delivered)))
}

/// Reads lines until the output closes, even if nobody receives them: a closed pipe would end the task.
pub(super) async fn read_lines(from: impl AsyncRead + Unpin, to: mpsc::UnboundedSender<String>) {
    let (mut reader, mut line) = (BufReader::new(from), Vec::new());
    while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
        drop(to.send(without_end(&line)));
        line.clear();
    }
}

/// Returns the text of a line without its line break. Invalid UTF-8 is replaced.
fn without_end(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

async fn deliver(ecs: Arc<Ecs>, at: String, group: String, stream: String, mut lines: mpsc::UnboundedReceiver<String>) {
    let mut batch = Vec::new();
    while lines.recv_many(&mut batch, LOG_BATCH).await > 0 {
        let stamp = jiff::Timestamp::now().as_millisecond();
        let events: Vec<Value> = batch
            .drain(..)
            .filter(|line| !line.is_empty())
            .map(|line| json!({ "timestamp": stamp, "message": line }))
            .collect();
        if events.is_empty() {
            continue;
        }
        let body = json!({ "logGroupName": group, "logStreamName": stream, "logEvents": events });
        drop(ecs.works.moto.json("logs", "Logs_20140328.PutLogEvents", &at, &body).await);
        // Batches the lines of a chatty task. A task that has ended writes no more, so its last lines go at once.
        if !lines.is_closed() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn line_with_invalid_utf8_does_not_end_the_log() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        read_lines(&b"caf\xe9\r\n\n next \nlast"[..], sender).await;
        let mut lines = Vec::new();
        receiver.recv_many(&mut lines, 10).await;
        assert_eq!(lines, ["caf\u{fffd}", "", " next ", "last"]);
    }
}
