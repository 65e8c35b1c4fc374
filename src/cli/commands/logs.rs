//! `stackctl logs`: shows the log lines of all tasks in order of time.

use std::time::Duration;

use clap::Args;
use tokio::time::sleep;

use crate::{
    cli::{
        error::Stop,
        global::{Global, duration},
        project::Project,
        signals::Signals,
    },
    exit,
    logs::{Reader, Seen},
    model::{Failure, Subject},
    output::{LogWriter, Output},
};

/// How far back lines are shown without `--since`: without and with `--follow`.
const SINCE: (Duration, Duration) = (Duration::from_secs(3600), Duration::from_secs(60));

/// The pause between two reads of one log group. An account may call `FilterLogEvents` five times a second in the
/// slowest regions.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const PAUSE: Duration = Duration::from_millis(500);

/// The shortest pause between two reads.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// Arguments of `stackctl logs`.
#[derive(Debug, Args)]
#[command(after_help = "The log of a service includes stopped tasks, release tasks, and tasks of `stackctl run`.\n\n\
    Examples:\n  \
    stackctl logs                              the last hour of all services\n  \
    stackctl logs web --follow                 new lines, until Ctrl-C\n  \
    stackctl logs web --since 1d --grep ERROR  lines that contain a text\n  \
    stackctl logs --output json | jq .message  one JSON document per line")]
pub(in crate::cli) struct Logs {
    /// Service to show [default: all services].
    service: Option<String>,
    /// Show new lines as they arrive, until Ctrl-C.
    #[arg(short = 'F', long)]
    follow: bool,
    /// Show lines since this long ago, such as `30m`, `1h` or `2d` [default: 1h; with --follow 1m].
    #[arg(long, value_parser = duration, value_name = "TIME")]
    since: Option<Duration>,
    /// Show only lines that contain this text (case-sensitive).
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
}

impl Logs {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let names = self.names(&project).await?;
        let mut writer = output.log(self.grep.clone());
        let mut signals = Signals::listen()?;
        tokio::select! {
            shown = self.show(&project, &names, &mut writer) => shown.map(|()| exit::DONE).map_err(Stop::from),
            by = signals.next() => Ok(by.code()),
        }
    }

    /// Returns the log groups to read: that of the service, or all of the stack.
    async fn names(&self, project: &Project) -> Result<Vec<String>, Stop> {
        let found = project.observe_kind("log_group").await?;
        let mut names: Vec<String> = found.iter().map(|group| group.address.name().to_owned()).collect();
        names.sort();
        let Some(service) = &self.service else {
            if names.is_empty() {
                return Err(nothing(project, "no logs"));
            }
            return Ok(names);
        };
        if names.contains(service) {
            return Ok(vec![service.clone()]);
        }
        if project.stack.program(service).is_some() {
            return Err(nothing(project, &format!("no logs of {service}")));
        }
        names.extend(project.stack.programs().map(|(name, _)| name.clone()));
        names.sort();
        names.dedup();
        Err(Stop::usage(format!("service `{service}` not found"), format!("services: {}", names.join(", "))))
    }

    async fn show(&self, project: &Project, names: &[String], writer: &mut LogWriter) -> Result<(), Failure> {
        let default = if self.follow { SINCE.1 } else { SINCE.0 };
        let back = i64::try_from(self.since.unwrap_or(default).as_millis()).unwrap_or(i64::MAX);
        let since = now().saturating_sub(back).max(0);
        let mut seen = Seen::default();
        loop {
            // A read needs an end time, or it would never finish if lines are written faster than they are read.
            let mut reader = Reader::new(&project.cx, names, seen.from().unwrap_or(since).max(since), Some(now()));
            while let Some(mut lines) = reader.next().await? {
                if self.follow {
                    seen.only_new(&mut lines, now());
                }
                if !writer.write(&lines) {
                    return Ok(());
                }
            }
            if !self.follow {
                return Ok(());
            }
            let groups = u32::try_from(names.len()).unwrap_or(u32::MAX);
            sleep(PAUSE.saturating_mul(groups).max(SHORTEST_PAUSE)).await;
        }
    }
}

fn nothing(project: &Project, what: &str) -> Stop {
    let message = format!("{} has {what}", project.cx.id);
    Failure::about(Subject::command("logs"), message).hint("create it first: stackctl up").into()
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
