//! Assigns stable priorities to listener rules. A rule's priority follows from what it matches, and an existing rule
//! keeps a valid priority, so other changes in stack.yaml do not renumber it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::{
    kinds::elb::listener_rule,
    model::{Failure, LiveResource},
};

/// The first priority and the number of priorities for blocked paths, which come before every route.
const BLOCKS: (u32, u32) = (1, 900);

/// The priorities for redirects, which come after blocked paths and before every route.
const REDIRECTS: (u32, u32) = (901, 99);

/// The first priority of a route.
const ROUTES_FROM: u32 = 1000;

/// The longest pattern that an Application Load Balancer allows, in characters.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html>
const LONGEST: usize = 128;

/// The number of priorities per specificity. With [`LONGEST`], all of them stay below [`WAITING`].
const BAND: u32 = 300;

/// Returns the priorities of the listener rules in `live`, by name.
pub(super) fn of(live: &[LiveResource]) -> Result<BTreeMap<String, u16>, Failure> {
    let rules = live.iter().filter(|resource| resource.address.kind() == "listener_rule");
    let priorities = rules.map(|rule| {
        let listener_rule::Live { priority, .. } = rule.decoded()?;
        Ok((rule.address.name().to_owned(), u16::try_from(priority).unwrap_or_default()))
    });
    priorities.collect()
}

/// The priorities of routes whose service is still being created, after all other routes.
const WAITING: (u32, u32) = (40_000, 10_000);

/// Assigns each priority once.
#[derive(Default)]
pub(super) struct Priorities {
    /// The priorities of existing rules, by name.
    there: BTreeMap<String, u16>,
    taken: BTreeSet<u32>,
}

impl Priorities {
    /// Starts with the existing rules `there`, by name. A new rule gets none of their priorities, because every
    /// existing rule may remain until the new rule is created. Priorities of `others` are never used.
    pub(super) fn beside(there: BTreeMap<String, u16>, others: BTreeSet<u32>) -> Self {
        Self { there, taken: others }
    }

    /// Returns the priority of a rule that blocks paths; `key` identifies the rule.
    pub(super) fn block(&mut self, key: &str) -> u16 {
        self.take(BLOCKS.0, BLOCKS.1, key)
    }

    /// Returns the priority of a rule that redirects.
    pub(super) fn redirect(&mut self, key: &str) -> u16 {
        self.take(REDIRECTS.0, REDIRECTS.1, key)
    }

    /// Returns the priority of a rule that forwards `pattern`. A longer literal prefix comes first; then rules with
    /// `hosts` before rules without; then hosts without wildcards, and longer hosts.
    pub(super) fn route(&mut self, pattern: &str, hosts: &[String], key: &str) -> u16 {
        let literal = pattern.find(['*', '?']).unwrap_or(pattern.len()).min(LONGEST);
        let specificity = LONGEST - literal;
        let band = u32::try_from(specificity).expect("a pattern has at most 128 characters");
        let (from, count) = match hosts.first() {
            None => (BAND / 2, BAND / 2),
            Some(host) if !host.contains(['*', '?']) => (0, 100),
            Some(host) if host.matches('.').count() > 2 => (100, 25),
            Some(_) => (125, 25),
        };
        self.take(ROUTES_FROM + band * BAND + from, count, key)
    }

    /// Returns the temporary priority of the rule `key`; none if no rules exist yet.
    pub(super) fn waiting(&mut self, key: &str) -> Option<u16> {
        (!self.there.is_empty()).then(|| self.take(WAITING.0, WAITING.1, key))
    }

    /// Returns the current priority of the rule `key` if it is one of the `count` priorities from `first`. Otherwise
    /// returns the first free one, starting from the hash of `key`.
    fn take(&mut self, first: u32, count: u32, key: &str) -> u16 {
        let band = first..first + count;
        let has =
            self.there.get(key).copied().map(u32::from).filter(|has| band.contains(has) && !self.taken.contains(has));
        let priority = has.unwrap_or_else(|| {
            let digest = Sha256::digest(key.as_bytes());
            let start = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % count;
            let used = |priority: &u32| self.there.values().any(|there| u32::from(*there) == *priority);
            (0..count)
                .map(|step| first + (start + step) % count)
                .find(|priority| !self.taken.contains(priority) && !used(priority))
                .expect("a listener takes 100 rules by default, and a band has more places")
        });
        self.taken.insert(priority);
        u16::try_from(priority).expect("the last band ends at 50,000")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_literal_patterns_come_first() {
        let mut priorities = Priorities::default();
        let all = priorities.route("/*", &[], "web");
        let api = priorities.route("/api/*", &[], "api");
        let host = priorities.route("/*", &["api.example.com".to_owned()], "api");
        let block = priorities.block("web");
        let redirect = priorities.redirect("www");
        let below = priorities.route("/*", &["*.api.example.com".to_owned()], "api");
        let above = priorities.route("/*", &["*.example.com".to_owned()], "api");
        assert!(block < redirect && redirect < api && api < host && host < below && below < above && above < all);
    }

    #[test]
    fn new_rule_does_not_move_existing_rules() {
        let alone = Priorities::default().route("/*", &[], "web");
        let mut both = Priorities::default();
        both.route("/api/*", &[], "api");
        assert_eq!(both.route("/*", &[], "web"), alone);
    }

    #[test]
    fn rules_keep_their_priority_and_new_ones_use_free_ones() {
        let free = Priorities::default().route("/*", &[], "route-all");
        let there = BTreeMap::from([("old".to_owned(), free)]);
        let mut priorities = Priorities::beside(there, BTreeSet::new());
        assert_ne!(priorities.route("/*", &[], "route-all"), free, "the old one may be there until the new one is");
        let kept = BTreeMap::from([("route-all".to_owned(), free + 1)]);
        assert_eq!(Priorities::beside(kept.clone(), BTreeSet::new()).route("/*", &[], "route-all"), free + 1);
        // A priority in another band is not kept.
        assert_ne!(Priorities::beside(kept.clone(), BTreeSet::new()).route("/api/*", &[], "route-all"), free + 1);
    }

    #[test]
    fn least_literal_pattern_has_a_valid_priority() {
        assert!(u32::from(Priorities::default().route("*", &[], "web")) < WAITING.0);
        assert!(WAITING.0 + WAITING.1 <= 50_000);
    }
}
