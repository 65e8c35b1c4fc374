//! The documents of `--output json`. They are stable: within a major version, keys are added but never renamed or
//! removed.

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{Action, Address, Change, Plan, StepId};

#[derive(Serialize)]
struct StepDocument<'a> {
    address: &'a Address,
    part: Option<&'a str>,
    action: Action,
    changes: &'a [Change],
    needs: &'a [StepId],
}

/// Returns the plan as a JSON document.
pub fn plan_document(plan: &Plan) -> Value {
    let steps: Vec<StepDocument> = plan
        .steps
        .iter()
        .map(|step| StepDocument {
            address: &step.address,
            part: plan.part_of(&step.address),
            action: step.action,
            changes: &step.changes,
            needs: &step.needs,
        })
        .collect();
    let guarded: Vec<Value> =
        plan.guarded.iter().map(|(address, why)| json!({ "address": address, "why": why })).collect();
    let by_hand: Vec<Value> =
        plan.by_hand.iter().map(|(address, what)| json!({ "address": address, "what": what })).collect();
    let warnings: Vec<Value> =
        plan.warnings.iter().map(|(address, what)| json!({ "address": address, "what": what })).collect();
    json!({
        "stack": plan.id.stack,
        "environment": plan.id.environment,
        "region": plan.place.as_ref().map(|place| &place.region),
        "account": plan.place.as_ref().map(|place| &place.account),
        "targets": plan.targets,
        "steps": steps,
        "guarded": guarded,
        "by_hand": by_hand,
        "warnings": warnings,
        "summary": {
            "create": plan.count(Action::Create),
            "update": plan.count(Action::Update),
            "narrow": plan.count(Action::Narrow),
            "replace": plan.count(Action::Replace),
            "run": plan.count(Action::Run),
            "delete": plan.count(Action::Delete),
            "wait": plan.count(Action::Wait),
        },
    })
}
