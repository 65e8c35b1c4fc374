//! The size limits of the AWS calls that carry a service's settings, and how much of each limit a service uses.

use serde_json::json;

use super::containers::Sidecar;
use super::template::Template;

/// The largest task definition, in bytes of JSON.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
pub(super) const DEFINITION: usize = 64 * 1024;

/// An upper bound for the part of a task definition that does not come from the environment, secrets and commands of
/// stack.yaml, in bytes: names, roles, image, log group, and what every container gets.
const REST: usize = 3 * 1024;

/// The bytes of a secret's ARN and of the label with its version, without the name.
const SECRET: usize = 256;

/// The longest overrides of a task, in characters of JSON.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
pub(super) const OVERRIDES: usize = 8192;

/// The maximum number of wildcards in the conditions of one listener rule. Accounts from before 2020 may have 6.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
pub(super) const WILDCARDS: usize = 5;

/// The maximum number of values in one condition of a listener rule.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
pub(crate) const VALUES_A_CONDITION: usize = 3;
/// The maximum number of values in all conditions of a listener rule. See [`VALUES_A_CONDITION`].
pub(crate) const VALUES_A_RULE: usize = 5;

/// The maximum number of listener rules for one service with `allow`. A load balancer has 100 by default, for all
/// services.
pub(super) const RULES_OF_ALLOW: usize = 25;

/// The size of a task definition, in bytes of each counted part.
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
        // A comma follows each entry.
        let bytes = |value: serde_json::Value| value.to_string().len() + 1;
        Self {
            environment: environment.map(|(name, value)| bytes(json!({ "name": name, "value": value.sketch() }))).sum(),
            // The name also occurs in the label and in the name of the secret.
            secrets: secrets.map(|name| bytes(json!({ "name": name })) + 2 * name.len() + SECRET).sum(),
            command: words.map(|word| bytes(json!(word))).sum(),
        }
    }

    /// Adds a sidecar. A sidecar that runs the service's image also gets the service's environment, which is not
    /// counted here.
    pub(super) fn add_sidecar(&mut self, sidecar: &Sidecar) {
        let words = sidecar.entrypoint.iter().chain(&sidecar.command);
        let more = Self::of(sidecar.env.iter(), sidecar.secrets.keys(), words);
        self.environment += more.environment;
        self.secrets += more.secrets;
        self.command += more.command;
    }

    /// Returns the total size in bytes.
    pub(super) fn whole(&self) -> usize {
        REST + self.environment + self.secrets + self.command
    }
}

/// Returns the length of the overrides that run `command` in `container`, in characters.
pub(super) fn overrides(container: &str, command: &[String]) -> usize {
    json!({ "containerOverrides": [{ "name": container, "command": command }] }).to_string().chars().count()
}

/// Returns how many hosts fit into a rule that also has a path and, if `ranges` is not 0, address ranges.
#[must_use]
pub(crate) const fn hosts_a_rule(ranges: usize) -> usize {
    if ranges == 0 { VALUES_A_CONDITION } else { 2 }
}

/// Returns how many address ranges fit into a rule that also has a path and `hosts` hosts.
#[must_use]
pub(crate) const fn ranges_a_rule(hosts: usize) -> usize {
    let left = VALUES_A_RULE - 1 - hosts;
    if left < VALUES_A_CONDITION { left } else { VALUES_A_CONDITION }
}

/// Returns the maximum number of rules for these counts. Hosts with wildcards may not share a rule.
pub(super) fn rules(routes: usize, hosts: usize, ranges: usize) -> usize {
    let most_hosts = hosts.min(hosts_a_rule(ranges));
    routes * hosts.max(1) * ranges.div_ceil(ranges_a_rule(most_hosts)).max(1)
}

pub(super) fn wildcards(pattern: &str) -> usize {
    pattern.matches(['*', '?']).count()
}
