//! From what a run begins with to what it is to bring about.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use crate::kind::{Drift, Sample};

/// One thing that a run does to the resource of a sample.
pub struct Transition<'a> {
    what: String,
    /// What was asked for before; nothing, if the resource is not there.
    pub from: Option<&'a Value>,
    /// What somebody else did since.
    pub drift: Option<Drift>,
    /// What is asked for; nothing, if the resource is to go.
    pub to: Option<&'a Value>,
    fields: &'a [&'a str],
}

impl fmt::Display for Transition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl<'a> Transition<'a> {
    /// The fields that the plan changes.
    pub fn fields(&self) -> BTreeSet<&'a str> {
        self.fields.iter().copied().collect()
    }

    /// What may be asked for after a run that was killed, by name: the same, what there was before, or nothing.
    pub fn next_runs(&self) -> Vec<(&'static str, Option<&'a Value>)> {
        let mut runs = vec![("the same run again", self.to)];
        for (name, desired) in [("a run back", self.from), ("a destroy", None)] {
            if runs.iter().all(|(_, other)| *other != desired) {
                runs.push((name, desired));
            }
        }
        runs
    }
}

/// Everything that a run can do to the resource of `sample`: make it, delete it, change it to each variant and back, which
/// also mends the drift of each field, and mend each other drift.
pub fn transitions(sample: &Sample) -> Vec<Transition<'_>> {
    let base = Some(&sample.base);
    let mut all = vec![
        Transition { what: "create".to_owned(), from: None, drift: None, to: base, fields: &[] },
        Transition { what: "delete".to_owned(), from: base, drift: None, to: None, fields: &[] },
    ];
    for variant in &sample.variants {
        let fields = variant.fields;
        let (other, what) = (Some(&variant.desired), fields.join(" and "));
        all.push(Transition { what: format!("change of {what}"), from: base, drift: None, to: other, fields });
        all.push(Transition { what: format!("way back from {what}"), from: other, drift: None, to: base, fields });
    }
    for drift in &sample.drifts {
        let what = format!("drift of {}", drift.fields.join(" and "));
        all.push(Transition { what, from: base, drift: Some(*drift), to: base, fields: drift.fields });
    }
    all
}
