//! Draws the listener rules. A rule is named by what it matches, not by its position or service. So an edit of
//! stack.yaml creates and deletes only the rules for the paths that it changes, and moving a path to another service
//! updates one rule.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::priorities::Priorities;
use crate::{
    kinds::elb::listener_rule::{Desired, RuleAction},
    model::{Address, Graph, Input},
    spec::{Service, VALUES_A_CONDITION, VALUES_A_RULE, block_expressions, hosts_a_rule, ranges_a_rule},
};

/// The maximum number of wildcards in all conditions of a rule.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
const WILDCARDS_A_RULE: usize = 5;

/// The prefix of the names of rules on the internal load balancer.
const INTERNAL: &str = "internal-";

/// The maximum length of the readable part of a rule's name, in characters.
const LONGEST_WORD: usize = 24;

/// The existing rules.
pub(super) struct Rules<'a> {
    /// The priorities of the stack's rules, by name.
    pub(super) own: &'a BTreeMap<String, u16>,
    /// The priorities of all rules on the listener, if it is an existing one.
    pub(super) all: BTreeSet<u16>,
}

/// Draws the rules of all services on one listener.
pub(super) struct Routes {
    listener: Input,
    /// The prefix of the rules' names: two listeners can have rules for the same paths.
    prefix: &'static str,
    priorities: Priorities,
    /// The rules that block paths. Every route is created after them.
    blocks: Vec<Address>,
}

impl Routes {
    /// Starts the rules of `listener`, with the existing rules `there`. `internal` says whether it is the listener of
    /// the internal load balancer.
    pub(super) fn new(listener: Input, internal: bool, there: Rules) -> Self {
        let prefix = if internal { INTERNAL } else { "" };
        let own = there.own.iter().filter(|(name, _)| name.starts_with(INTERNAL) == internal);
        let own: BTreeMap<String, u16> = own.map(|(name, priority)| (name.clone(), *priority)).collect();
        let others = there.all.into_iter().filter(|priority| own.values().all(|own| own != priority));
        let others = others.map(u32::from).collect();
        let priorities = Priorities::beside(own, others);
        Self { listener, prefix, priorities, blocks: Vec::new() }
    }

    /// Draws the rules for the paths that `service` blocks. Must be called for all services before [`Routes::forward`].
    pub(super) fn block(&mut self, graph: &mut Graph, service: &Service) {
        let mut patterns: Vec<&String> = service.block.iter().collect();
        patterns.sort();
        // Patterns with the same letters can share an expression.
        let mut expressions: Vec<(&str, String)> = Vec::new();
        for pattern in patterns {
            for expression in block_expressions(pattern).unwrap_or_default() {
                if expressions.iter().all(|(_, known)| *known != expression) {
                    expressions.push((pattern, expression));
                }
            }
        }
        for some in expressions.chunks(VALUES_A_CONDITION) {
            let matched: Vec<String> = some.iter().map(|(_, expression)| expression.clone()).collect();
            let first = some.first().map_or("", |(pattern, _)| pattern);
            // Wildcards in regular expressions do not count towards the limit.
            for hosts in together(&service.hosts, VALUES_A_RULE - VALUES_A_CONDITION, WILDCARDS_A_RULE) {
                let name = format!("{}{}", self.prefix, name("block", &hosts, first, &matched));
                let priority = self.priorities.block(&name);
                let block = Desired {
                    listener: self.listener.clone(),
                    priority,
                    waits_at: None,
                    paths: Vec::new(),
                    expressions: matched.clone(),
                    hosts,
                    sources: Vec::new(),
                    action: RuleAction::NotFound,
                };
                self.blocks.push(graph.add(Address::new("listener_rule", name), &block));
            }
        }
    }

    /// Draws a rule that redirects requests for the host `from` to the host `to`.
    pub(super) fn redirect(&mut self, graph: &mut Graph, from: &str, to: &str) {
        let hosts = vec![from.to_owned()];
        let name = name("redirect", &hosts, "", &[to.to_owned()]);
        let rule = Desired {
            listener: self.listener.clone(),
            priority: self.priorities.redirect(&name),
            waits_at: None,
            paths: Vec::new(),
            expressions: Vec::new(),
            hosts,
            sources: Vec::new(),
            action: RuleAction::Redirect(to.to_owned()),
        };
        graph.add(Address::new("listener_rule", name), &rule);
    }

    /// Draws the rules that forward requests for `service` to its target group, and returns them.
    pub(super) fn forward(&mut self, graph: &mut Graph, service: &Service, group: &Address) -> Vec<Address> {
        let mut rules = Vec::new();
        for pattern in &service.routes {
            let left = WILDCARDS_A_RULE.saturating_sub(wildcards(pattern));
            for hosts in together(&service.hosts, hosts_a_rule(service.allow.len()), left) {
                let parts = parts(&service.allow, ranges_a_rule(hosts.len()));
                for sources in &parts {
                    // A single rule's ranges are updated in place. If there are several rules, each is named by its
                    // ranges: a range that moves to another rule is added there before it is removed here.
                    let of_part = Some(sources).filter(|_| parts.len() > 1).into_iter().flatten();
                    let matched: Vec<String> = std::iter::once(pattern).chain(of_part).cloned().collect();
                    let name = format!("{}{}", self.prefix, name("route", &hosts, pattern, &matched));
                    let priority = self.priorities.route(pattern, &hosts, &name);
                    let rule = Desired {
                        listener: self.listener.clone(),
                        priority,
                        waits_at: self.priorities.waiting(&name),
                        paths: vec![pattern.clone()],
                        expressions: Vec::new(),
                        hosts: hosts.clone(),
                        sources: sources.clone(),
                        action: RuleAction::Forward(Input::output(group, "arn")),
                    };
                    let rule = graph.add(Address::new("listener_rule", name), &rule);
                    self.blocks.iter().for_each(|block| graph.need(&rule, block));
                    rules.push(rule);
                }
            }
        }
        rules
    }
}

/// Groups the hosts of rules: at most `most` hosts and `wildcards_left` wildcards in each. Hosts with wildcards are in
/// separate rules, because rules for exact hosts come first. Without hosts, there is one rule without a host condition.
fn together(hosts: &[String], most: usize, wildcards_left: usize) -> Vec<Vec<String>> {
    let mut sorted: Vec<&String> = hosts.iter().collect();
    sorted.sort_by_key(|host| (wildcards(host) > 0, *host));
    let mut rules: Vec<Vec<String>> = Vec::new();
    for host in sorted {
        let fits = |rule: &Vec<String>| {
            let count: usize = rule.iter().map(|other| wildcards(other)).sum();
            rule.len() < most && (count > 0) == (wildcards(host) > 0) && count + wildcards(host) <= wildcards_left
        };
        match rules.last_mut().filter(|rule| fits(rule)) {
            Some(rule) => rule.push(host.clone()),
            None => rules.push(vec![host.clone()]),
        }
    }
    if rules.is_empty() { vec![Vec::new()] } else { rules }
}

/// Groups the address ranges of rules: at most `most` in each. Without ranges, there is one rule without a range
/// condition.
fn parts(ranges: &[String], most: usize) -> Vec<Vec<String>> {
    let mut sorted = ranges.to_vec();
    sorted.sort();
    if sorted.is_empty() { vec![Vec::new()] } else { sorted.chunks(most).map(<[String]>::to_vec).collect() }
}

fn wildcards(pattern: &str) -> usize {
    pattern.matches(['*', '?']).count()
}

/// Returns the name of a rule that matches `values` on `hosts`: a readable part, and a hash that makes it unique.
fn name(what: &str, hosts: &[String], pattern: &str, values: &[String]) -> String {
    let mut digest = Sha256::new();
    for value in hosts.iter().chain(values) {
        digest.update(value);
        digest.update([0]);
    }
    let digest: String = digest.finalize().iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    let letters = hosts.first().map_or("", String::as_str).chars().chain(pattern.chars());
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
    fn rules_are_named_by_what_they_match() {
        let named = |host: Option<&str>, pattern: &str| {
            let hosts: Vec<String> = host.into_iter().map(str::to_owned).collect();
            name("route", &hosts, pattern, &[pattern.to_owned()])
        };
        assert!(named(None, "/*").starts_with("route-all-"));
        assert!(named(None, "/api/*").starts_with("route-api-"));
        assert!(named(Some("*.example.com"), "/*").starts_with("route-example-com-"));
        assert!(named(None, "/a/very/long/path/that/goes/on").len() <= "route-".len() + LONGEST_WORD + 7);
        // Names that look alike must still differ.
        let alike = ["/api/*", "/api", "/API", "/api?"].map(|pattern| named(None, pattern));
        let different: BTreeSet<&String> = alike.iter().collect();
        assert_eq!(different.len(), alike.len(), "{alike:?}");
        assert_ne!(named(Some("a.example.com"), "/*"), named(None, "/*"));
    }

    #[test]
    fn ranges_share_a_rule_within_the_limits_of_aws() {
        let ranges = |count: usize| (0..count).map(|number| format!("10.0.{number}.0/24")).collect::<Vec<String>>();
        let sizes = |count, hosts| parts(&ranges(count), ranges_a_rule(hosts)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!((sizes(0, 0), sizes(3, 0), sizes(4, 1)), (vec![0], vec![3], vec![3, 1]));
        assert_eq!((sizes(3, 2), hosts_a_rule(3), hosts_a_rule(0)), (vec![2, 1], 2, 3));
    }

    #[test]
    fn hosts_share_a_rule_within_the_limits_of_aws() {
        let hosts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let rules = |names: &[&str], most, left| together(&hosts(names), most, left);
        assert_eq!(rules(&[], 3, 4), [hosts(&[])]);
        assert_eq!(
            rules(&["d.io", "b.io", "a.io", "c.io"], 3, 4),
            [hosts(&["a.io", "b.io", "c.io"]), hosts(&["d.io"])]
        );
        assert_eq!(rules(&["*.a.io", "b.io", "*.b.io"], 3, 4), [hosts(&["b.io"]), hosts(&["*.a.io", "*.b.io"])]);
        assert_eq!(rules(&["*.a.io", "*.b.io"], 3, 1), [hosts(&["*.a.io"]), hosts(&["*.b.io"])]);
    }
}
