//! What keeps the resources of a kind from being deleted, although it does not belong to the stack.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::model::{Address, LiveResource};

/// Something that does not belong to the stack and keeps a resource of it from being deleted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blocker {
    /// What it is, such as `network interface`.
    pub what: &'static str,
    /// AWS's id or ARN of it.
    pub id: String,
    /// Where it is or what it refers to, such as `in subnet.private-a`.
    pub place: String,
    /// What AWS says about it: its description or name, who made it.
    pub about: Vec<String>,
    /// How to remove it.
    pub way_out: String,
}

impl Blocker {
    /// A blocker.
    pub fn new(
        what: &'static str,
        id: impl Into<String>,
        place: impl Into<String>,
        about: impl IntoIterator<Item = String>,
        way_out: impl Into<String>,
    ) -> Self {
        let about = about.into_iter().collect();
        Self { what, id: id.into(), place: place.into(), about, way_out: way_out.into() }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.what, self.id, self.place)?;
        if !self.about.is_empty() {
            write!(f, " ({})", self.about.join(", "))?;
        }
        write!(f, ": {}", self.way_out)
    }
}

/// All that the stack owns, and what of that a plan deletes.
#[derive(Clone, Debug, Default)]
pub struct Owned {
    ids: BTreeSet<String>,
    going: BTreeMap<String, Address>,
}

impl Owned {
    /// Adds a resource. `identifiers` are those that AWS has for it beside its id; `goes` says whether it is deleted.
    pub fn add(&mut self, resource: &LiveResource, identifiers: Vec<String>, goes: bool) {
        for id in identifiers.into_iter().chain([resource.id.clone()]) {
            if goes {
                self.going.insert(id.clone(), resource.address.clone());
            }
            self.ids.insert(id);
        }
    }

    /// Whether the stack owns what AWS calls `id`, be it deleted or not.
    pub fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// The address of what AWS calls `id`, if it is deleted. `id` has to be one that no other kind can have, such as an ARN.
    pub fn going(&self, id: &str) -> Option<&Address> {
        self.going.get(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_owned_and_does_not_go() {
        let resource = |address: &str, id: &str| LiveResource {
            address: address.parse().expect("it is one"),
            id: id.to_owned(),
            live: serde_json::json!({}),
        };
        let mut owned = Owned::default();
        owned.add(&resource("subnet.a", "subnet-1"), Vec::new(), true);
        owned.add(&resource("service.web", "web"), vec!["arn:web".to_owned()], false);
        assert_eq!(owned.going("subnet-1").map(ToString::to_string).as_deref(), Some("subnet.a"));
        assert!(owned.has("subnet-1") && owned.has("web") && owned.has("arn:web"));
        assert_eq!(owned.going("arn:web"), None);
        assert!(!owned.has("subnet-2"));
    }

    #[test]
    fn a_blocker_is_named_with_its_place_and_a_way_out() {
        let mut blocker = Blocker::new("subnet", "subnet-1", "in vpc.main", ["named reports".to_owned()], "delete it");
        assert_eq!(blocker.to_string(), "subnet subnet-1 in vpc.main (named reports): delete it");
        blocker.about.clear();
        assert_eq!(blocker.to_string(), "subnet subnet-1 in vpc.main: delete it");
    }
}
