//! The rules of the load balancer. A rule is called after what it matches, and never after its place in a list or after its
//! service: an edit of stack.yaml makes and deletes only rules whose paths it changes, and a path that another service gets
//! is moved there by its one rule.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::priorities::Priorities;
use crate::{
    kinds::elb::listener_rule::{Desired, RuleAction},
    model::{Address, Graph, Input},
    spec::{Service, VALUES_A_CONDITION, VALUES_A_RULE, block_expressions, hosts_a_rule, ranges_a_rule},
};

/// How many wildcards all conditions of a rule may have.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
const WILDCARDS_A_RULE: usize = 5;

/// What the names of rules on the internal load balancer begin with.
const INTERNAL: &str = "internal-";

/// The longest part of a rule's name that a person reads, in characters.
const LONGEST_WORD: usize = 24;

/// The rules that are there.
pub(super) struct Rules<'a> {
    /// Those of the stack, by name, and their priorities.
    pub(super) own: &'a BTreeMap<String, u16>,
    /// The priorities of all on the listener, if it is not the stack's.
    pub(super) all: BTreeSet<u16>,
}

/// Draws the rules of all services on one listener.
pub(super) struct Routes {
    listener: Input,
    /// What the names of its rules begin with: two listeners can have rules for the same paths.
    prefix: &'static str,
    priorities: Priorities,
    /// Nothing is let in before all that is blocked is.
    blocks: Vec<Address>,
}

impl Routes {
    /// On `listener`, which is that of the internal load balancer or not, beside the rules that are there.
    pub(super) fn new(listener: Input, internal: bool, there: Rules) -> Self {
        let prefix = if internal { INTERNAL } else { "" };
        let own = there.own.iter().filter(|(name, _)| name.starts_with(INTERNAL) == internal);
        let own: BTreeMap<String, u16> = own.map(|(name, priority)| (name.clone(), *priority)).collect();
        let others = there.all.into_iter().filter(|priority| own.values().all(|own| own != priority));
        let others = others.map(u32::from).collect();
        let priorities = Priorities::beside(own, others);
        Self { listener, prefix, priorities, blocks: Vec::new() }
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
        for some in expressions.chunks(VALUES_A_CONDITION) {
            let matched: Vec<String> = some.iter().map(|(_, expression)| expression.clone()).collect();
            let first = some.first().map_or("", |(pattern, _)| pattern);
            // The wildcards of expressions do not count.
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

    /// Draws that requests for the host `from` are sent on to the host `to`.
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

    /// Draws the way of the requests for `service` to its target group, and gives the rules.
    pub(super) fn forward(&mut self, graph: &mut Graph, service: &Service, group: &Address) -> Vec<Address> {
        let mut rules = Vec::new();
        for pattern in &service.routes {
            let left = WILDCARDS_A_RULE.saturating_sub(wildcards(pattern));
            for hosts in together(&service.hosts, hosts_a_rule(service.allow.len()), left) {
                let parts = parts(&service.allow, ranges_a_rule(hosts.len()));
                for sources in &parts {
                    // The ranges of one rule are changed in place. Of several, each is called after its own, so that a range
                    // which moves from one to the other is in the one before it is gone from the other.
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

/// The hosts as rules have them: at most `most` in each, with at most so many wildcards. Those with wildcards are by themselves,
/// because a rule for exactly one host is asked before them. For all hosts there is one rule without any.
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

/// The ranges as rules have them: at most `most` in each. For all clients there is one rule without any.
fn parts(ranges: &[String], most: usize) -> Vec<Vec<String>> {
    let mut sorted = ranges.to_vec();
    sorted.sort();
    if sorted.is_empty() { vec![Vec::new()] } else { sorted.chunks(most).map(<[String]>::to_vec).collect() }
}

fn wildcards(pattern: &str) -> usize {
    pattern.matches(['*', '?']).count()
}

/// The name of a rule that matches `values` on `hosts`: what a person knows it by, and what tells it from all others.
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
    fn a_rule_is_called_after_what_it_matches() {
        let named = |host: Option<&str>, pattern: &str| {
            let hosts: Vec<String> = host.into_iter().map(str::to_owned).collect();
            name("route", &hosts, pattern, &[pattern.to_owned()])
        };
        assert!(named(None, "/*").starts_with("route-all-"));
        assert!(named(None, "/api/*").starts_with("route-api-"));
        assert!(named(Some("*.example.com"), "/*").starts_with("route-example-com-"));
        assert!(named(None, "/a/very/long/path/that/goes/on").len() <= "route-".len() + LONGEST_WORD + 7);
        // Names that a person would take for the same are not.
        let alike = ["/api/*", "/api", "/API", "/api?"].map(|pattern| named(None, pattern));
        let different: BTreeSet<&String> = alike.iter().collect();
        assert_eq!(different.len(), alike.len(), "{alike:?}");
        assert_ne!(named(Some("a.example.com"), "/*"), named(None, "/*"));
    }

    #[test]
    fn ranges_share_a_rule_as_far_as_aws_lets_them() {
        let ranges = |count: usize| (0..count).map(|number| format!("10.0.{number}.0/24")).collect::<Vec<String>>();
        let sizes = |count, hosts| parts(&ranges(count), ranges_a_rule(hosts)).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!((sizes(0, 0), sizes(3, 0), sizes(4, 1)), (vec![0], vec![3], vec![3, 1]));
        assert_eq!((sizes(3, 2), hosts_a_rule(3), hosts_a_rule(0)), (vec![2, 1], 2, 3));
    }

    #[test]
    fn hosts_share_a_rule_as_far_as_aws_lets_them() {
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
