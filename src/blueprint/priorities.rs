//! Rule priorities that do not move: a rule's place follows from what it matches, and one that has a good place keeps it, so
//! that nothing else in stack.yaml renumbers it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::{
    kinds::elb::listener_rule,
    model::{Failure, LiveResource},
};

/// Blocks come before every route.
const BLOCKS: (u32, u32) = (1, 900);

/// Names that redirect come before every route, and after what is blocked.
const REDIRECTS: (u32, u32) = (901, 99);

/// The first priority of a route.
const ROUTES_FROM: u32 = 1000;

/// The longest pattern that an ALB takes, in characters.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html>
const LONGEST: usize = 128;

/// How many rules of one specificity can stand side by side; with [`LONGEST`] this stays below [`WAITING`].
const BAND: u32 = 300;

/// The listener rules among `live`, by name, and their priorities.
pub(super) fn of(live: &[LiveResource]) -> Result<BTreeMap<String, u16>, Failure> {
    let rules = live.iter().filter(|resource| resource.address.kind() == "listener_rule");
    let priorities = rules.map(|rule| {
        let listener_rule::Live { priority, .. } = rule.decoded()?;
        Ok((rule.address.name().to_owned(), u16::try_from(priority).unwrap_or_default()))
    });
    priorities.collect()
}

/// Where a route waits, after all that are asked, while its service is being made.
const WAITING: (u32, u32) = (40_000, 10_000);

/// Hands out priorities, each once.
#[derive(Default)]
pub(super) struct Priorities {
    /// Those of the rules that are there, by name.
    there: BTreeMap<String, u16>,
    taken: BTreeSet<u32>,
}

impl Priorities {
    /// Beside the rules that are `there`, by name: a new rule gets a priority that none of them has, because each of them may be
    /// there until the new one is. The priorities of `others` are never the stack's.
    pub(super) fn beside(there: BTreeMap<String, u16>, others: BTreeSet<u32>) -> Self {
        Self { there, taken: others }
    }

    /// For a rule that blocks; `key` is what tells it from others.
    pub(super) fn block(&mut self, key: &str) -> u16 {
        self.take(BLOCKS.0, BLOCKS.1, key)
    }

    /// For a rule that redirects.
    pub(super) fn redirect(&mut self, key: &str) -> u16 {
        self.take(REDIRECTS.0, REDIRECTS.1, key)
    }

    /// For a rule that forwards `pattern`: the more of it is literal, the earlier it is asked; one that names `hosts` before one
    /// that does not, and hosts without wildcards first, and then the longer ones.
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

    /// Where the rule `key` waits; nowhere, where there are no others.
    pub(super) fn waiting(&mut self, key: &str) -> Option<u16> {
        (!self.there.is_empty()).then(|| self.take(WAITING.0, WAITING.1, key))
    }

    /// The priority that the rule `key` has, if it is one of the `count` from `first`; else the first free one of them from where
    /// `key` hashes to.
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
    fn the_more_literal_pattern_is_asked_first() {
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
    fn another_rule_moves_none_that_was_there() {
        let alone = Priorities::default().route("/*", &[], "web");
        let mut both = Priorities::default();
        both.route("/api/*", &[], "api");
        assert_eq!(both.route("/*", &[], "web"), alone);
    }

    #[test]
    fn a_rule_keeps_its_place_and_a_new_one_takes_no_others() {
        let free = Priorities::default().route("/*", &[], "route-all");
        let there = BTreeMap::from([("old".to_owned(), free)]);
        let mut priorities = Priorities::beside(there, BTreeSet::new());
        assert_ne!(priorities.route("/*", &[], "route-all"), free, "the old one may be there until the new one is");
        let kept = BTreeMap::from([("route-all".to_owned(), free + 1)]);
        assert_eq!(Priorities::beside(kept.clone(), BTreeSet::new()).route("/*", &[], "route-all"), free + 1);
        // A place in another band is wrong.
        assert_ne!(Priorities::beside(kept.clone(), BTreeSet::new()).route("/api/*", &[], "route-all"), free + 1);
    }

    #[test]
    fn the_least_literal_pattern_stays_within_what_aws_takes() {
        assert!(u32::from(Priorities::default().route("*", &[], "web")) < WAITING.0);
        assert!(WAITING.0 + WAITING.1 <= 50_000);
    }
}
