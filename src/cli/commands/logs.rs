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

/// How far `--tail` goes back, step by step, until it has found enough lines.
const LOOK_BACK: [Duration; 3] =
    [Duration::from_secs(3600), Duration::from_secs(86_400), Duration::from_secs(30 * 86_400)];

/// The pause between two looks at one log group. An account may call `FilterLogEvents` five times a second in its slowest
/// regions.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const PAUSE: Duration = Duration::from_millis(500);

/// The shortest pause between two reads.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// Arguments of `stackctl logs`.
#[derive(Debug, Args)]
#[command(after_help = "The log of a service includes stopped tasks, release tasks, and tasks of `stackctl run`.\n\n\
    Examples:\n  \
    stackctl logs                              the last hour of all services\n  \
    stackctl logs web -f                       new lines, until Ctrl-C\n  \
    stackctl logs web -n 50                    the last 50 lines\n  \
    stackctl logs web --since 1d --grep ERROR  lines that contain a text\n  \
    stackctl logs --output json | jq .message  one JSON document per line")]
pub(in crate::cli) struct Logs {
    /// Service to show [default: all services].
    service: Option<String>,
    /// Show new lines as they arrive, until Ctrl-C.
    #[arg(short, long, short_alias = 'F')]
    follow: bool,
    /// Show only the last lines. Without --since, the search goes back up to 30 days.
    #[arg(short = 'n', long, value_name = "LINES")]
    tail: Option<usize>,
    /// Show lines since this long ago, such as `30m`, `1h` or `2d` [default: 1h; with --follow 1m].
    #[arg(long, value_parser = duration, value_name = "TIME")]
    since: Option<Duration>,
    /// Show only lines that contain this text (case-sensitive).
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
}

impl Logs {
    /// Whether new lines are shown as they arrive.
    #[cfg(test)]
    pub(in crate::cli) fn follows(&self) -> bool {
        self.follow
    }

    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let names = self.names(&project).await?;
        let mut writer = output.log(self.grep.clone());
        let mut signals = Signals::listen()?;
        tokio::select! {
            shown = self.show(&project, &names, &mut writer, output) => shown.map(|()| exit::DONE).map_err(Stop::from),
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

    async fn show(
        &self,
        project: &Project,
        names: &[String],
        writer: &mut LogWriter,
        output: &Output,
    ) -> Result<(), Failure> {
        let default = if self.follow { SINCE.1 } else { SINCE.0 };
        let mut seen = Seen::default();
        let mut since = ago(self.since.unwrap_or(default));
        if let Some(most) = self.tail {
            let spans = self.since.map_or_else(|| LOOK_BACK.to_vec(), |since| vec![since]);
            for span in spans {
                seen = Seen::default();
                since = ago(span);
                writer.hold(most);
                look(project, names, since, &mut seen, writer).await?;
                if writer.held() == most {
                    break;
                }
            }
            if !writer.release() {
                return Ok(());
            }
        } else if !look(project, names, since, &mut seen, writer).await? {
            return Ok(());
        }
        if !self.follow {
            if writer.written() == 0 {
                output.status(&self.no_lines());
            }
            return Ok(());
        }
        let groups = u32::try_from(names.len()).unwrap_or(u32::MAX);
        loop {
            sleep(PAUSE.saturating_mul(groups).max(SHORTEST_PAUSE)).await;
            if !look(project, names, since, &mut seen, writer).await? {
                return Ok(());
            }
        }
    }

    /// What is said if no line was found.
    fn no_lines(&self) -> String {
        let span = self.since.or(self.tail.map(|_| LOOK_BACK[2])).unwrap_or(SINCE.0);
        let span = jiff::SignedDuration::try_from(span).unwrap_or(jiff::SignedDuration::MAX);
        let found = self.grep.as_ref().map_or_else(String::new, |grep| format!(" that contain \"{grep}\""));
        let further =
            if self.tail.is_some() && self.since.is_none() { "" } else { " Look further back with --since 2d." };
        format!("No lines{found} in the last {span:#}.{further}")
    }
}

/// Reads what was written since `since` and is not `seen` yet, and writes it; false when nobody reads it any more.
async fn look(
    project: &Project,
    names: &[String],
    since: i64,
    seen: &mut Seen,
    writer: &mut LogWriter,
) -> Result<bool, Failure> {
    // Without an end, a log that is written faster than it is read would keep this look from ending.
    let mut reader = Reader::new(&project.cx, names, seen.from().unwrap_or(since).max(since), Some(now()));
    while let Some(mut lines) = reader.next().await? {
        seen.only_new(&mut lines, now());
        if !writer.write(&lines) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The moment that is `back` ago, in milliseconds since 1970.
fn ago(back: Duration) -> i64 {
    let back = i64::try_from(back.as_millis()).unwrap_or(i64::MAX);
    now().saturating_sub(back).max(0)
}

fn nothing(project: &Project, what: &str) -> Stop {
    let message = format!("{} has {what}", project.cx.id);
    Failure::about(Subject::command("logs"), message).hint("create it first: stackctl up").into()
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
