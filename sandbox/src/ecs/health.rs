//! Container health checks: a command that runs in the container at an interval.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::work;
use crate::{children::Files, settings::Settings};

/// The shortest interval between checks, however small the time scale.
const LEAST: Duration = Duration::from_millis(50);

/// The health check of a container definition.
pub(super) struct Check {
    line: Vec<String>,
    interval: Duration,
    timeout: Duration,
    retries: u64,
    start_period: Duration,
}

impl Check {
    /// Returns the health check, or `None` if the definition has none. `here` translates the command's ports to this
    /// computer's.
    pub(super) fn of(definition: &Value, settings: &Settings, here: impl Fn(&[String]) -> Vec<String>) -> Option<Self> {
        let words: Vec<String> =
            definition["command"].as_array()?.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect();
        let (kind, words) = words.split_first()?;
        let words = here(words);
        let line = match kind.as_str() {
            "CMD-SHELL" => vec!["/bin/sh".to_owned(), "-c".to_owned(), words.join(" ")],
            _ => words,
        };
        let number = |key: &str, otherwise: u64| definition[key].as_u64().unwrap_or(otherwise);
        let seconds = |key: &str, otherwise: u64| {
            settings.rollout(f64::from(u32::try_from(number(key, otherwise)).unwrap_or_default()))
        };
        Some(Self {
            line,
            interval: seconds("interval", 30).max(LEAST),
            // The timeout is not scaled: a program takes the same time at every scale.
            timeout: Duration::from_secs(number("timeout", 5)),
            retries: number("retries", 3),
            start_period: seconds("startPeriod", 0),
        })
    }

    /// Repeats the check and reports each change: healthy after the first success, unhealthy after too many
    /// consecutive failures. Failures count only after the start period.
    pub(super) async fn repeat(self, files: Files, variables: BTreeMap<String, String>, tell: impl Fn(bool)) {
        let begun = Instant::now();
        let (mut bad, mut told) = (0, None);
        loop {
            sleep(self.interval).await;
            if self.passes(&files, &variables).await {
                bad = 0;
                if told != Some(true) {
                    told = Some(true);
                    tell(true);
                }
            } else if begun.elapsed() >= self.start_period {
                bad += 1;
                if bad >= self.retries && told != Some(false) {
                    told = Some(false);
                    tell(false);
                }
            }
        }
    }

    async fn passes(&self, files: &Files, variables: &BTreeMap<String, String>) -> bool {
        let mut command = work::inside(files, &self.line, variables);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        matches!(timeout(self.timeout, command.status()).await, Ok(Ok(status)) if status.success())
    }
}
