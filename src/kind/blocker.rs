//! Resources outside the stack that block the deletion of its resources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::model::{Address, LiveResource};

/// A resource outside the stack that blocks the deletion of one of the stack's resources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blocker {
    /// The type of the blocker, such as `network interface`.
    pub what: &'static str,
    /// Its id or ARN.
    pub id: String,
    /// Its location or what it refers to, such as `in subnet.private-a`.
    pub place: String,
    /// What AWS says about it: its description or name, and who created it.
    pub about: Vec<String>,
    /// How to remove it.
    pub way_out: String,
}

impl Blocker {
    /// Creates a blocker.
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

/// The identifiers of all resources that the stack owns, and of those that a plan deletes.
#[derive(Clone, Debug, Default)]
pub struct Owned {
    ids: BTreeSet<String>,
    going: BTreeMap<String, Address>,
}

impl Owned {
    /// Adds a resource. `identifiers` are its identifiers besides the id; `goes` says whether the plan deletes it.
    pub fn add(&mut self, resource: &LiveResource, identifiers: Vec<String>, goes: bool) {
        for id in identifiers.into_iter().chain([resource.id.clone()]) {
            if goes {
                self.going.insert(id.clone(), resource.address.clone());
            }
            self.ids.insert(id);
        }
    }

    /// Returns whether the stack owns the resource `id`, deleted or not.
    pub fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Returns the address of the resource `id` if the plan deletes it. `id` must be unique across kinds, such as an
    /// ARN.
    pub fn going(&self, id: &str) -> Option<&Address> {
        self.going.get(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_resource_is_owned_and_not_deleted() {
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
    fn a_blocker_is_shown_with_its_place_and_its_removal() {
        let mut blocker = Blocker::new("subnet", "subnet-1", "in vpc.main", ["named reports".to_owned()], "delete it");
        assert_eq!(blocker.to_string(), "subnet subnet-1 in vpc.main (named reports): delete it");
        blocker.about.clear();
        assert_eq!(blocker.to_string(), "subnet subnet-1 in vpc.main: delete it");
    }
}
