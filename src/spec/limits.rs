//! How much of what a service is told fits into the calls by which AWS is told it.

use serde_json::json;

use super::containers::Sidecar;
use super::template::Template;

/// The most that a task definition has, in bytes of its JSON.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
pub(super) const DEFINITION: usize = 64 * 1024;

/// What a task definition has beside the environment, secrets and commands of stack.yaml, in bytes: names, roles, image, log
/// group, and what every container gets. It is less than that.
const REST: usize = 3 * 1024;

/// The ARN of a secret and the label with the version of its value, in bytes, beside its name.
const SECRET: usize = 256;

/// The most that the overrides of a task have, in characters of their JSON.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
pub(super) const OVERRIDES: usize = 8192;

/// How many wildcards the conditions of one listener rule have. Accounts of before 2020 may have 6.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
pub(super) const WILDCARDS: usize = 5;

/// The most values that one condition of a listener rule has, and all of them together.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
pub(crate) const VALUES_A_CONDITION: usize = 3;
/// See [`VALUES_A_CONDITION`].
pub(crate) const VALUES_A_RULE: usize = 5;

/// The most listener rules of a service with `allow`: a load balancer has 100 by default, for all services.
pub(super) const RULES_OF_ALLOW: usize = 25;

/// What is counted of a task definition: how many bytes each part takes.
#[derive(Default)]
pub(super) struct Definition {
    pub(super) environment: usize,
    pub(super) secrets: usize,
    pub(super) command: usize,
}

impl Definition {
    pub(super) fn of<'a>(
        environment: impl Iterator<Item = (&'a String, &'a Template)>,
        secrets: impl Iterator<Item = &'a String>,
        words: impl Iterator<Item = &'a String>,
    ) -> Self {
        // A comma after each.
        let bytes = |value: serde_json::Value| value.to_string().len() + 1;
        Self {
            environment: environment.map(|(name, value)| bytes(json!({ "name": name, "value": value.sketch() }))).sum(),
            // The name stands there once more, in the label and in the name of the secret.
            secrets: secrets.map(|name| bytes(json!({ "name": name })) + 2 * name.len() + SECRET).sum(),
            command: words.map(|word| bytes(json!(word))).sum(),
        }
    }

    /// Adds a container beside the service's own. One of the service's image has its environment too, which is not counted.
    pub(super) fn add_sidecar(&mut self, sidecar: &Sidecar) {
        let words = sidecar.entrypoint.iter().chain(&sidecar.command);
        let more = Self::of(sidecar.env.iter(), sidecar.secrets.keys(), words);
        self.environment += more.environment;
        self.secrets += more.secrets;
        self.command += more.command;
    }

    /// All of it, in bytes.
    pub(super) fn whole(&self) -> usize {
        REST + self.environment + self.secrets + self.command
    }
}

/// How long the overrides are that run `command` in `container`, in characters.
pub(super) fn overrides(container: &str, command: &[String]) -> usize {
    json!({ "containerOverrides": [{ "name": container, "command": command }] }).to_string().chars().count()
}

/// How many hosts a rule can have that also has a path and, if there are any, `ranges` of addresses.
#[must_use]
pub(crate) const fn hosts_a_rule(ranges: usize) -> usize {
    if ranges == 0 { VALUES_A_CONDITION } else { 2 }
}

/// How many ranges of addresses a rule can have that also has a path and so many hosts.
#[must_use]
pub(crate) const fn ranges_a_rule(hosts: usize) -> usize {
    let left = VALUES_A_RULE - 1 - hosts;
    if left < VALUES_A_CONDITION { left } else { VALUES_A_CONDITION }
}

/// How many rules so many routes, hosts and ranges of addresses take at most: hosts with wildcards may not share a rule.
pub(super) fn rules(routes: usize, hosts: usize, ranges: usize) -> usize {
    let most_hosts = hosts.min(hosts_a_rule(ranges));
    routes * hosts.max(1) * ranges.div_ceil(ranges_a_rule(most_hosts)).max(1)
}

/// How many wildcards a pattern has.
pub(super) fn wildcards(pattern: &str) -> usize {
    pattern.matches(['*', '?']).count()
}
