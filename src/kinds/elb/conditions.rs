//! The conditions of a listener rule in AWS.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>

use aws_sdk_elasticloadbalancingv2::types::{
    HostHeaderConditionConfig, PathPatternConditionConfig, Rule, RuleCondition, SourceIpConditionConfig,
};

/// The conditions of a rule. An empty list means no condition.
#[derive(Default)]
pub(super) struct Conditions {
    /// Path patterns.
    pub(super) paths: Vec<String>,
    /// Regular expressions for paths.
    pub(super) expressions: Vec<String>,
    /// Host patterns.
    pub(super) hosts: Vec<String>,
    /// Address ranges of the clients that connect to the load balancer.
    pub(super) sources: Vec<String>,
    /// The fields of conditions that stackctl never sets.
    pub(super) others: Vec<String>,
}

impl Conditions {
    /// Reads the conditions of `rule`.
    pub(super) fn of(rule: &Rule) -> Self {
        let mut found = Self::default();
        for condition in rule.conditions() {
            match condition.field() {
                Some("path-pattern") => {
                    let config = condition.path_pattern_config();
                    found.paths = config.map_or_else(|| condition.values().to_vec(), |config| config.values().to_vec());
                    found.expressions = config.map_or_else(Vec::new, |config| config.regex_values().to_vec());
                }
                Some("host-header") => {
                    let config = condition.host_header_config();
                    found.hosts = config.map_or_else(|| condition.values().to_vec(), |config| config.values().to_vec());
                }
                Some("source-ip") => {
                    let config = condition.source_ip_config();
                    found.sources = config.map_or_else(Vec::new, |config| config.values().to_vec());
                }
                other => found.others.push(other.unwrap_or_default().to_owned()),
            }
        }
        found
    }

    /// Returns the conditions for a call.
    pub(super) fn written(self) -> Vec<RuleCondition> {
        let given = |values: Vec<String>| (!values.is_empty()).then_some(values);
        let of = |field: &str| RuleCondition::builder().field(field);
        let hosts = given(self.hosts).map(|hosts| {
            let config = HostHeaderConditionConfig::builder().set_values(Some(hosts)).build();
            of("host-header").host_header_config(config).build()
        });
        let (paths, expressions) = (given(self.paths), given(self.expressions));
        let paths = (paths.is_some() || expressions.is_some()).then(|| {
            let config = PathPatternConditionConfig::builder().set_values(paths).set_regex_values(expressions).build();
            of("path-pattern").path_pattern_config(config).build()
        });
        let sources = given(self.sources).map(|sources| {
            let config = SourceIpConditionConfig::builder().set_values(Some(sources)).build();
            of("source-ip").source_ip_config(config).build()
        });
        hosts.into_iter().chain(paths).chain(sources).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_back_as_written() {
        let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<String>>();
        let all = || Conditions {
            paths: texts(&["/*"]),
            expressions: Vec::new(),
            hosts: texts(&["a.io", "b.io"]),
            sources: texts(&["203.0.113.0/24", "2001:db8::/32"]),
            others: Vec::new(),
        };
        let rule = Rule::builder().set_conditions(Some(all().written())).build();
        let read = Conditions::of(&rule);
        assert_eq!((read.paths, read.hosts, read.sources), (all().paths, all().hosts, all().sources));
        assert_eq!((read.expressions, read.others), (Vec::<String>::new(), Vec::new()));
        assert_eq!(Conditions { hosts: Vec::new(), sources: Vec::new(), ..all() }.written().len(), 1);
    }
}
