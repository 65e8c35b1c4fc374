//! The transitions of a resource: the state before a run and the desired state.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use crate::kind::{Drift, Sample};

/// A change that a run makes to the resource of a sample.
pub struct Transition<'a> {
    what: String,
    /// The previous desired state, or `None` if the resource does not exist.
    pub from: Option<&'a Value>,
    /// A change outside stackctl since then.
    pub drift: Option<Drift>,
    /// The desired state, or `None` if the resource is to be deleted.
    pub to: Option<&'a Value>,
    fields: &'a [&'a str],
    /// Whether another run can undo it.
    returns: bool,
    /// Whether the resource exists until it is deleted.
    lasts: bool,
}

impl fmt::Display for Transition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl<'a> Transition<'a> {
    /// Returns the fields that the plan changes.
    pub fn fields(&self) -> BTreeSet<&'a str> {
        self.fields.iter().copied().collect()
    }

    /// Returns the desired states that may follow a killed run, by name: the same, the previous one, or none.
    pub fn next_runs(&self) -> Vec<(&'static str, Option<&'a Value>)> {
        let mut runs = vec![("the same run again", self.to)];
        let back = self.returns.then_some(("a run back", self.from));
        let destroy = self.lasts.then_some(("a destroy", None));
        for (name, desired) in back.into_iter().chain(destroy) {
            if runs.iter().all(|(_, other)| *other != desired) {
                runs.push((name, desired));
            }
        }
        runs
    }
}

/// Returns every transition of the resource of `sample`: create it, delete it, change it to each variant and back,
/// which also repairs a drift in each field, and repair every other drift. A one-off task is only run.
pub fn transitions(sample: &Sample, lasts: bool) -> Vec<Transition<'_>> {
    let base = Some(&sample.base);
    let transition =
        |what: String, from, to| Transition { what, from, drift: None, to, fields: &[], returns: true, lasts };
    if !lasts {
        return vec![Transition { returns: false, ..transition("run".to_owned(), None, base) }];
    }
    let mut all = vec![transition("create".to_owned(), None, base), transition("delete".to_owned(), base, None)];
    for variant in &sample.variants {
        let (fields, returns) = (variant.fields, variant.returns);
        let (other, what) = (Some(&variant.desired), fields.join(" and "));
        let there = transition(format!("change of {what}"), base, other);
        all.push(Transition { fields, returns, ..there });
        if returns {
            all.push(Transition { fields, ..transition(format!("way back from {what}"), other, base) });
        }
    }
    for drift in &sample.drifts {
        let variant = drift.variant.map(|number| &sample.variants[number]);
        let (desired, of) = match variant {
            Some(variant) => (Some(&variant.desired), format!(" after a change of {}", variant.fields.join(" and "))),
            None => (base, String::new()),
        };
        let mended = transition(format!("drift of {}{of}", drift.fields.join(" and ")), desired, desired);
        all.push(Transition { drift: Some(*drift), fields: drift.fields, ..mended });
    }
    all
}
