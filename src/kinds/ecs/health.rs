//! The load balancer's health check of a task: what it asks, and what helps where it got another answer, or none.
//!
//! The page docs/guides/troubleshooting/starting.md has a row for each of the answers below.

use crate::{kind::Context, kinds::elb, model::HealthCheck};

/// What a failed check got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// An answer with this status code.
    Code(u16),
    /// No answer in time.
    Nothing,
    /// No connection, or an answer that is not HTTP.
    NoConnection,
}

/// What the load balancer says of each, which ECS passes on in events and in the reason of a task that it stopped.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/check-target-health.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-unhealthy-event-messages.html>
const CODES: &str = "Health checks failed with these codes: [";
const TIMED_OUT: &str = "Request timed out";
const FAILED: &str = "Health checks failed";

impl Got {
    /// What the first line of `said` that tells it says.
    pub(super) fn of(said: &[String]) -> Option<Self> {
        said.iter().find_map(|line| {
            if let Some((_, codes)) = line.split_once(CODES) {
                let digits = codes.split(|c: char| !c.is_ascii_digit()).next()?;
                return digits.parse().ok().map(Self::Code);
            }
            if line.contains(TIMED_OUT) {
                return Some(Self::Nothing);
            }
            line.contains(FAILED).then_some(Self::NoConnection)
        })
    }
}

/// The health check of the target group `arn`, if it can be read. `port` is that of its tasks.
pub(super) async fn check(cx: &Context, arn: &str, port: Option<u16>) -> Option<HealthCheck> {
    let groups = elb::target_groups(cx).await.ok()?;
    let (_, group) = groups.into_iter().find(|(_, group)| group.target_group_arn() == Some(arn))?;
    let own = group.health_check_port().and_then(|port| port.parse().ok());
    Some(HealthCheck {
        path: group.health_check_path().unwrap_or("/").to_owned(),
        port: own.or(port.map(i32::from)).or(group.port()).unwrap_or_default(),
        expects: group.matcher().and_then(|matcher| matcher.http_code()).unwrap_or("200").to_owned(),
        interval_seconds: group.health_check_interval_seconds().unwrap_or_default(),
        failures: group.unhealthy_threshold_count().unwrap_or_default(),
    })
}

/// What is likely to be wrong with a task that did not pass `check`, and what to do next.
pub(super) fn advice(check: &HealthCheck, got: Option<Got>) -> (String, String) {
    let HealthCheck { path, port, expects, .. } = check;
    let pass = |code: u16| format!("accept the code: `health: {{ path: {path}, codes: \"{expects},{code}\" }}`");
    let more_time = format!(
        "If the program only needs more time to start, set a longer `grace`: `health: {{ path: {path}, \
                 grace: 3m }}`."
    );
    match got {
        Some(Got::Code(code @ (301 | 302 | 303 | 307 | 308))) => (
            format!(
                "GET {path} returned {code}. The load balancer does not follow redirects, and sends the check over \
                 HTTP without X-Forwarded-Proto."
            ),
            format!(
                "Answer {path} without a redirect, set `health` in stack.yaml to the target of the redirect, or {}.",
                pass(code)
            ),
        ),
        Some(Got::Code(400)) => (
            format!(
                "GET {path} returned 400. The load balancer sends the task's address as the Host header, such as \
                 10.20.0.7:{port}. Programs that check the host reject it."
            ),
            format!(
                "Answer {path} before the program checks the host, or add the task's own address to the allowed \
                 hosts."
            ),
        ),
        Some(Got::Code(code @ (401 | 403))) => (
            format!(
                "GET {path} returned {code}. The load balancer sends no credentials, and sends the task's address as \
                 the Host header."
            ),
            format!("Answer {path} without a login and before the program checks the host, or {}.", pass(code)),
        ),
        Some(Got::Code(404)) => (
            format!("GET {path} on port {port} returned 404: the program does not serve this path."),
            format!("Set `health` in stack.yaml to a path that returns {expects} once the program is ready."),
        ),
        Some(Got::Code(code @ 500..)) => (
            format!("GET {path} returned {code}: the program or one of its dependencies is not ready."),
            format!("See the log for the reason. {more_time}"),
        ),
        Some(Got::Code(code)) => (
            format!("GET {path} returned {code}, but the check expects {expects}."),
            format!("Return {expects}, or {}.", pass(code)),
        ),
        Some(Got::Nothing) => (
            format!("GET {path} on port {port} timed out."),
            format!(
                "Answer {path} without waiting for other systems, or raise `timeout` and `interval` under `health`. \
                 {more_time}"
            ),
        ),
        Some(Got::NoConnection) => (
            format!("The program does not listen on port {port}, or does not answer HTTP requests there."),
            format!(
                "Listen on 0.0.0.0 and on the port in PORT, or on the `port` of `health` if it is set. \
                     {more_time}"
            ),
        ),
        None => (
            format!("The program does not listen on port {port}, or GET {path} does not return {expects}."),
            format!(
                "Listen on 0.0.0.0 and on the port in PORT, and return {expects} for GET {path} once the program is \
                 ready. To change the path, codes, times or port of the check, set `health` in stack.yaml."
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> HealthCheck {
        HealthCheck { path: "/up".into(), port: 3000, expects: "200".into(), interval_seconds: 5, failures: 3 }
    }

    #[test]
    fn what_a_check_got_is_read_from_what_aws_says() {
        let event = |reason: &str| {
            vec![
                "(service web) has reached a steady state.".to_owned(),
                format!(
                    "(service web) (task 1) (port 3000) is unhealthy in (target-group arn) due to (reason {reason})"
                ),
            ]
        };
        let table = [
            ("Health checks failed with these codes: [301]", Some(Got::Code(301))),
            ("Health checks failed with these codes: [502, 503]", Some(Got::Code(502))),
            ("Request timed out", Some(Got::Nothing)),
            ("Health checks failed", Some(Got::NoConnection)),
            ("Target is in the stopped state", None),
        ];
        for (reason, expected) in table {
            assert_eq!(Got::of(&event(reason)), expected, "{reason}");
        }
        let task = "Task failed ELB health checks in (target-group arn)".to_owned();
        assert_eq!(Got::of(&[task]), None, "without a reason");
    }

    #[test]
    fn each_answer_has_a_cause_and_a_fix_of_its_own() {
        let codes = [301, 400, 403, 404, 204, 503].map(|code| Some(Got::Code(code)));
        let gots = codes.into_iter().chain([Some(Got::Nothing), Some(Got::NoConnection), None]);
        let all: Vec<(String, String)> = gots.map(|got| advice(&check(), got)).collect();
        for (at, (cause, next)) in all.iter().enumerate() {
            assert!(all[..at].iter().all(|other| other.0 != *cause && other.1 != *next), "{cause} {next}");
        }
        assert!(all[0].0.contains("does not follow redirects"));
        assert!(all[1].0.contains("10.20.0.7:3000"));
        assert_eq!(all[4].1, "Return 200, or accept the code: `health: { path: /up, codes: \"200,204\" }`.");
        assert!(all[5].1.ends_with("set a longer `grace`: `health: { path: /up, grace: 3m }`."));
    }
}
