//! The load balancing configuration of the control plane, as moto's process exports it.

use std::{collections::BTreeMap, time::Duration};

pub(super) use crate::api::text;
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Snapshot {
    pub(super) load_balancers: Vec<LoadBalancer>,
    pub(super) target_groups: Vec<TargetGroup>,
}

/// The default idle timeout of a connection.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html#connection-idle-timeout>
pub(super) const IDLE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Deserialize)]
pub(super) struct LoadBalancer {
    pub(super) arn: String,
    pub(super) address: String,
    pub(super) listeners: Vec<Listener>,
    pub(super) attributes: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Listener {
    pub(super) arn: String,
    pub(super) port: u16,
    pub(super) protocol: String,
    #[serde(rename = "certificate")]
    shown: Option<Shown>,
    /// The certificate that the listener presents, filled in by [`Snapshot::completed`].
    #[serde(skip)]
    pub(super) certificate: Option<Certificate>,
    pub(super) rules: Vec<Rule>,
}

/// The source of a listener's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Shown {
    /// A certificate that a caller imported.
    Imported(Certificate),
    /// A certificate that Amazon would have issued. Here, the sandbox's own authority issues it.
    Issued { arn: String, issued_for: Vec<String> },
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Certificate {
    pub(super) certificate: String,
    pub(super) key: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Rule {
    /// `None` for the default rule, which comes last.
    pub(super) priority: Option<u32>,
    pub(super) conditions: Vec<Value>,
    pub(super) actions: Vec<Value>,
    /// The regular expressions of its path condition, compiled once and not for each request.
    #[serde(skip)]
    pub(super) expressions: Vec<Regex>,
}

impl Rule {
    /// Compiles the regular expressions. moto has already refused those that AWS would refuse.
    pub(super) fn compiled(mut self) -> Self {
        let paths = self.conditions.iter().filter(|condition| text(condition, "Field") == "path-pattern");
        let written = paths.filter_map(|condition| condition["PathPatternConfig"]["RegexValues"].as_array()).flatten();
        self.expressions = written.filter_map(|written| Regex::new(written.as_str()?).ok()).collect();
        self
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct TargetGroup {
    pub(super) arn: String,
    pub(super) path: String,
    /// The version of HTTP that targets speak: `HTTP1`, `HTTP2` or `GRPC`.
    #[serde(default)]
    pub(super) protocol: Spoken,
    /// The health check port: `traffic-port` or a number.
    health_port: String,
    pub(super) interval: u32,
    pub(super) timeout: u32,
    pub(super) healthy: u32,
    pub(super) unhealthy: u32,
    pub(super) matcher: String,
    pub(super) attributes: BTreeMap<String, Value>,
}

/// The protocol version of a target group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Spoken {
    #[default]
    Http1,
    Http2,
    Grpc,
}

impl Snapshot {
    /// Compiles the regular expressions of all rules, and fills in the certificates that `issue` returns for an ARN
    /// and its names.
    pub(super) fn completed(mut self, issue: impl Fn(&str, &[String]) -> Option<Certificate>) -> Self {
        for listener in self.load_balancers.iter_mut().flat_map(|balancer| &mut balancer.listeners) {
            listener.rules = std::mem::take(&mut listener.rules).into_iter().map(Rule::compiled).collect();
            listener.certificate = match listener.shown.take() {
                Some(Shown::Imported(certificate)) => Some(certificate),
                Some(Shown::Issued { arn, issued_for }) => issue(&arn, &issued_for),
                None => None,
            };
        }
        self
    }

    pub(super) fn group(&self, arn: &str) -> Option<&TargetGroup> {
        self.target_groups.iter().find(|group| group.arn == arn)
    }

    pub(super) fn listener(&self, arn: &str) -> Option<(&LoadBalancer, &Listener)> {
        self.load_balancers
            .iter()
            .find_map(|balancer| Some((balancer, balancer.listeners.iter().find(|listener| listener.arn == arn)?)))
    }

    pub(super) fn actions(&self) -> impl Iterator<Item = &Value> {
        let listeners = self.load_balancers.iter().flat_map(|balancer| &balancer.listeners);
        listeners.flat_map(|listener| &listener.rules).flat_map(|rule| &rule.actions)
    }
}

impl LoadBalancer {
    fn attribute(&self, key: &str) -> &str {
        self.attributes.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the idle timeout of connections.
    pub(super) fn idle(&self) -> Duration {
        self.attribute("idle_timeout.timeout_seconds").parse().map_or(IDLE, Duration::from_secs)
    }

    /// Whether HTTPS listeners offer HTTP/2, as they do by default.
    pub(super) fn speaks_http2(&self) -> bool {
        self.attribute("routing.http2.enabled") != "false"
    }
}

impl TargetGroup {
    /// Returns the deregistration delay in seconds; AWS's default is 300.
    pub(super) fn deregistration_delay(&self) -> f64 {
        let value = self.attributes.get("deregistration_delay.timeout_seconds");
        let text = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        text.and_then(|text| text.parse().ok()).unwrap_or(300.0)
    }

    /// Returns how long a client stays with a target, in seconds, or `None` if the group is not sticky.
    pub(super) fn sticky_seconds(&self) -> Option<i64> {
        let attribute = |key: &str| {
            let value = self.attributes.get(key)?;
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        attribute("stickiness.enabled").filter(|enabled| enabled == "true")?;
        Some(attribute("stickiness.lb_cookie.duration_seconds").and_then(|text| text.parse().ok()).unwrap_or(86_400))
    }

    /// Returns the health check port of a target that receives requests at `port`.
    pub(super) fn health_port(&self, port: u16) -> u16 {
        self.health_port.parse().unwrap_or(port)
    }

    /// Returns whether an HTTP status counts as healthy. The matcher is `200`, `200-299` or `200,204`, for example.
    pub(super) fn accepts(&self, status: u16) -> bool {
        self.matcher.split(',').any(|part| match part.trim().split_once('-') {
            Some((first, last)) => {
                let bound = |text: &str| text.parse::<u16>().unwrap_or_default();
                (bound(first)..=bound(last)).contains(&status)
            }
            None => part.trim().parse() == Ok(status),
        })
    }
}

/// Returns the groups that an action forwards to, with their weights.
pub(super) fn forwards_to(action: &Value) -> Vec<(String, u32)> {
    if text(action, "Type") != "forward" {
        return Vec::new();
    }
    let groups = action["ForwardConfig"]["TargetGroups"].as_array().into_iter().flatten();
    let weighted: Vec<(String, u32)> = groups
        .map(|group| {
            let weight = &group["Weight"];
            let weight = weight.as_u64().or_else(|| weight.as_str()?.parse().ok()).unwrap_or(1);
            (text(group, "TargetGroupArn").to_owned(), u32::try_from(weight).unwrap_or(1))
        })
        .collect();
    if weighted.is_empty() { vec![(text(action, "TargetGroupArn").to_owned(), 1)] } else { weighted }
}
