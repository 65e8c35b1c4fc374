//! The rules of the load balancer. A rule is called after what it matches, and never after its place in a list or after its
//! service: an edit of stack.yaml makes and deletes only rules whose paths it changes, and a path that another service gets
//! is moved there by its one rule.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::priorities::Priorities;
use crate::{
    kinds::elb::listener_rule::{Desired, RuleAction},
    model::{Address, Graph, Input},
    spec::{Service, block_expressions},
};

/// How many values one condition of a rule may have. The quota on a rule's values, which is 5, leaves room for a host beside.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html>
const VALUES_A_CONDITION: usize = 3;

/// The longest part of a rule's name that a person reads, in characters.
const LONGEST_WORD: usize = 24;

/// Draws the rules of all services on one listener.
pub(super) struct Routes {
    listener: Input,
    priorities: Priorities,
    /// Nothing is let in before all that is blocked is.
    blocks: Vec<Address>,
}

impl Routes {
    /// On `listener`. `there` are the rules that the stack has, by name, and their priorities.
    pub(super) fn new(listener: &Address, there: &BTreeMap<String, u16>) -> Self {
        let listener = Input::output(listener, "arn");
        Self { listener, priorities: Priorities::beside(there), blocks: Vec::new() }
    }

    /// Draws what `service` blocks. To be called for all services before [`Routes::forward`].
    pub(super) fn block(&mut self, graph: &mut Graph, service: &Service) {
        let mut patterns: Vec<&String> = service.block.iter().collect();
        patterns.sort();
        // Patterns of the same letters share an expression.
        let mut expressions: Vec<(&str, String)> = Vec::new();
        for pattern in patterns {
            for expression in block_expressions(pattern).unwrap_or_default() {
                if expressions.iter().all(|(_, known)| *known != expression) {
                    expressions.push((pattern, expression));
                }
            }
        }
        let hosts: Vec<String> = service.host.iter().cloned().collect();
        for some in expressions.chunks(VALUES_A_CONDITION) {
            let matched: Vec<String> = some.iter().map(|(_, expression)| expression.clone()).collect();
            let first = some.first().map_or("", |(pattern, _)| pattern);
            let name = name("block", service.host.as_deref(), first, &matched);
            let priority = self.priorities.block(&name);
            let block = Desired {
                listener: self.listener.clone(),
                priority,
                waits_at: None,
                paths: Vec::new(),
                expressions: matched,
                hosts: hosts.clone(),
                action: RuleAction::NotFound,
            };
            self.blocks.push(graph.add(Address::new("listener_rule", name), &block));
        }
    }

    /// Draws the way of the requests for `service` to its target group, and gives the rules.
    pub(super) fn forward(&mut self, graph: &mut Graph, service: &Service, group: &Address) -> Vec<Address> {
        let hosts: Vec<String> = service.host.iter().cloned().collect();
        let mut rules = Vec::new();
        for pattern in &service.routes {
            let host = service.host.as_deref();
            let name = name("route", host, pattern, std::slice::from_ref(pattern));
            let priority = self.priorities.route(pattern, host, &name);
            let rule = Desired {
                listener: self.listener.clone(),
                priority,
                waits_at: self.priorities.waiting(&name),
                paths: vec![pattern.clone()],
                expressions: Vec::new(),
                hosts: hosts.clone(),
                action: RuleAction::Forward(Input::output(group, "arn")),
            };
            let rule = graph.add(Address::new("listener_rule", name), &rule);
            self.blocks.iter().for_each(|block| graph.need(&rule, block));
            rules.push(rule);
        }
        rules
    }
}

/// The name of a rule that matches `values` on `host`: what a person knows it by, and what tells it from all others.
fn name(what: &str, host: Option<&str>, pattern: &str, values: &[String]) -> String {
    let mut digest = Sha256::new();
    for value in host.iter().copied().chain(values.iter().map(String::as_str)) {
        digest.update(value);
        digest.update([0]);
    }
    let digest: String = digest.finalize().iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    let letters = host.unwrap_or_default().chars().chain(pattern.chars());
    let written: String = letters.map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let words = written.to_ascii_lowercase();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    let word: String = words.join("-").chars().take(LONGEST_WORD).collect();
    let word = if words.is_empty() { "all" } else { word.trim_end_matches('-') };
    format!("{what}-{word}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_called_after_what_it_matches() {
        let named = |host, pattern: &str| name("route", host, pattern, &[pattern.to_owned()]);
        assert!(named(None, "/*").starts_with("route-all-"));
        assert!(named(None, "/api/*").starts_with("route-api-"));
        assert!(named(Some("*.example.com"), "/*").starts_with("route-example-com-"));
        assert!(named(None, "/a/very/long/path/that/goes/on").len() <= "route-".len() + LONGEST_WORD + 7);
        // Names that a person would take for the same are not.
        let alike = ["/api/*", "/api", "/API", "/api?"].map(|pattern| named(None, pattern));
        let different: std::collections::BTreeSet<&String> = alike.iter().collect();
        assert_eq!(different.len(), alike.len(), "{alike:?}");
        assert_ne!(named(Some("a.example.com"), "/*"), named(None, "/*"));
    }
}
