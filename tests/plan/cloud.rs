//! A model of AWS: it stores resources as the kinds' own `Live` data, applies a plan step by step, and refuses what
//! AWS refuses. It has no delays and no stale reads; the sandbox covers those.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use serde_json::Value;
use stackctl::{
    kind::{AnyKind, Registry},
    kinds,
    model::{Action, Address, How, LiveResource, Outputs, Plan, StepId, resolve},
};

use crate::made::made;

/// The state of the cloud.
#[derive(Clone, Debug, Default)]
pub struct Cloud {
    /// The resources, in the order of their creation.
    pub live: Vec<LiveResource>,
    /// The one-off tasks that ran, in order.
    pub ran: Vec<Address>,
    made: BTreeMap<Address, u32>,
}

/// Chooses one of several possible next steps, by index.
pub type Choice<'a> = &'a mut dyn FnMut(usize) -> usize;

/// Always chooses the first possible step.
pub fn first(_: usize) -> usize {
    0
}

/// Returns a pseudo-random choice that depends only on `seed`.
pub fn shuffled(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed | 1;
    move |count| {
        // xorshift, by Marsaglia's "Xorshift RNGs" (2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % count as u64).expect("it is below a usize")
    }
}

impl Cloud {
    /// Applies `plan` step by step. A step is possible once its needs are done.
    pub fn carry_out(&mut self, plan: &Plan, choice: Choice) {
        self.carry_out_some(plan, usize::MAX, choice);
    }

    /// Like [`Cloud::carry_out`], but stops after `limit` steps as if killed.
    pub fn carry_out_some(&mut self, plan: &Plan, limit: usize, choice: Choice) {
        let mut outputs: BTreeMap<Address, Outputs> = BTreeMap::new();
        for live in plan.given() {
            outputs.insert(live.address.clone(), kind(&live.address).outputs(&live.live).expect("it reads its own"));
        }
        let mut done: BTreeSet<StepId> = BTreeSet::new();
        while done.len() < plan.steps.len().min(limit) {
            let mut open: Vec<StepId> = (0..plan.steps.len())
                .filter(|step| !done.contains(step) && plan.steps[*step].needs.iter().all(|need| done.contains(need)))
                .collect();
            // AWS refuses to delete a group while the rule of another group refers to it; the engine retries. Nothing
            // else may need a retry.
            open.retain(|step| !self.waits_for_revocation(plan, *step));
            assert!(!open.is_empty(), "{} of {} steps are done and none can go on", done.len(), plan.steps.len());
            let step = open[choice(open.len()) % open.len()];
            self.step(plan, step, &mut outputs);
            done.insert(step);
        }
    }

    fn step(&mut self, plan: &Plan, step: StepId, outputs: &mut BTreeMap<Address, Outputs>) {
        let step = &plan.steps[step];
        let (address, kind) = (&step.address, kind(&step.address));
        if matches!(step.action, Action::Delete | Action::DeleteReplaced) {
            let going = step.live.as_ref().expect("a deletion knows what goes");
            self.delete(going);
            return;
        }
        let desired = resolve(step.desired.as_ref().expect("a step that makes has something desired"), outputs);
        assert!(!desired.to_string().contains("\"$from\""), "{address} begins before all it needs is known: {desired}");
        // The second step of a creation updates the resource of the first step.
        let last = || self.live.iter().rev().find(|live| live.address == step.address).cloned();
        let known = if step.action == Action::Narrow { step.live.clone().or_else(last) } else { step.live.clone() };
        let live = match (step.action, &known) {
            (Action::Update | Action::Narrow, Some(live)) => {
                let changes = kind.diff(&desired, &live.live).expect("it compares");
                let stale = changes.iter().any(|change| change.how == How::Replace);
                assert!(!stale, "the plan says that {address} is updated, and it has to be replaced: {changes:?}");
                let id = if kind.update_renews_outputs() { self.new_id(address) } else { live.id.clone() };
                let at = self.place(live);
                self.live[at] = made(address, &desired, &id, Some(&live.live));
                self.live[at].clone()
            }
            (Action::Wait, Some(live)) => {
                let at = self.place(live);
                self.live[at] = made(address, &desired, &live.id, Some(&live.live));
                self.live[at].clone()
            }
            (Action::Run, _) => {
                self.ran.push(address.clone());
                return;
            }
            _ => {
                let id = self.new_id(address);
                let live = made(address, &desired, &id, None);
                self.live.push(live.clone());
                live
            }
        };
        outputs.insert(address.clone(), kind.outputs(&live.live).expect("it reads its own"));
    }

    fn place(&self, live: &LiveResource) -> usize {
        let at = self.live.iter().position(|other| other.address == live.address && other.id == live.id);
        at.unwrap_or_else(|| panic!("{} {} is not there any more", live.address, live.id))
    }

    fn delete(&mut self, going: &LiveResource) {
        let holders = self.holders(going);
        let refused: Vec<String> = holders.iter().map(|holder| format!("{} {}", holder.address, holder.id)).collect();
        assert!(refused.is_empty(), "DependencyViolation: {} {} is used by {refused:?}", going.address, going.id);
        let at = self.place(going);
        self.live.remove(at);
    }

    /// Returns the resources that block the deletion of `going`: those whose state contains one of its outputs.
    fn holders(&self, going: &LiveResource) -> Vec<&LiveResource> {
        let outputs = kind(&going.address).outputs(&going.live).expect("it reads its own");
        let names: Vec<&str> =
            ["id", "arn", "name", "uri", "image"].iter().filter_map(|key| outputs.get(key)).collect();
        let held_by = |holder: &&LiveResource| {
            // A policy may name missing resources, so it blocks nothing.
            holder.address.kind() != "role"
                // Resources with the same address do not block each other.
                && holder.address != going.address
                && names_any(&holder.live, &names)
        };
        self.live.iter().filter(held_by).collect()
    }

    fn waits_for_revocation(&self, plan: &Plan, step: StepId) -> bool {
        let step = &plan.steps[step];
        let Some(going) = step.live.as_ref().filter(|_| step.desired.is_none()) else { return false };
        let group = "security_group";
        going.address.kind() == group && self.holders(going).iter().any(|holder| holder.address.kind() == group)
    }

    /// Returns the id `<kind>/<name>:<n>` of the n-th resource with this address.
    fn new_id(&mut self, address: &Address) -> String {
        let number = self.made.entry(address.clone()).or_default();
        *number += 1;
        // EC2's ids begin with a prefix for their type.
        let kind = if address.kind() == "security_group" { "sg-" } else { address.kind() };
        format!("{kind}/{}:{number}", address.name())
    }
}

fn kind(address: &Address) -> &'static dyn AnyKind {
    static KINDS: LazyLock<Registry> = LazyLock::new(kinds::registry);
    KINDS.of(address).unwrap_or_else(|failure| panic!("{failure}"))
}

fn names_any(value: &Value, names: &[&str]) -> bool {
    match value {
        Value::String(text) => names.contains(&text.as_str()),
        Value::Array(items) => items.iter().any(|item| names_any(item, names)),
        Value::Object(fields) => fields.values().any(|field| names_any(field, names)),
        _ => false,
    }
}
