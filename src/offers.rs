//! Checks before the first write whether AWS offers what the plan creates: AWS would refuse in the middle.

use std::collections::BTreeSet;

use crate::{
    kind::{Context, Kind},
    kinds::rds::db_instance::{self, DbInstance, offer},
    model::{Action, Cause, Failure, Plan, Step},
};

/// The fields that decide whether RDS can create a database.
const DECISIVE: [&str; 3] = ["version", "class", "multi_az"];

/// Refuses `plan` if AWS does not offer what it creates. Makes no call if the plan creates no database, or if calls go
/// to an endpoint other than AWS. If the caller may not ask AWS for its offers, the check is skipped.
///
/// The node types of caches are not checked, because ElastiCache has no operation that lists the available ones. Its
/// offerings of reserved nodes are about prices, and its allowed modifications only apply to an existing cache.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReservedCacheNodesOfferings.html>,
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ListAllowedNodeTypeModifications.html>
///
/// # Errors
/// If AWS does not offer it. If AWS fails.
pub async fn refuse(cx: &Context, plan: &Plan) -> Result<(), Failure> {
    if cx.aws.rds_is_elsewhere {
        return Ok(());
    }
    for step in plan.steps.iter().filter(|step| step.address.kind() == DbInstance::NAME && is_made(step)) {
        let desired =
            step.desired.clone().and_then(|desired| serde_json::from_value::<db_instance::Desired>(desired).ok());
        let Some(desired) = desired else { continue };
        let is_new = step.action != Action::Update;
        match offer::missing(cx, &desired, is_new, &zones(plan)).await {
            Ok(None) => {}
            Ok(Some((message, hint))) => {
                return Err(Failure::about(&step.address, format!("{message}; nothing was changed")).hint(hint));
            }
            Err(failure) if failure.cause == Cause::Refused => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// Returns whether `step` creates a database, or changes a field that decides whether RDS can create it.
fn is_made(step: &Step) -> bool {
    match step.action {
        Action::Update => step.changes.iter().any(|change| DECISIVE.contains(&change.field.as_str())),
        _ => step.desired.is_some(),
    }
}

/// Returns the zones of the stack's private subnets, or none if the stack uses an existing network.
fn zones(plan: &Plan) -> BTreeSet<String> {
    let planned = plan.steps.iter().filter_map(|step| Some((&step.address, step.desired.as_ref()?)));
    let there = plan.unchanged.iter().map(|live| (&live.address, &live.live));
    let private =
        planned.chain(there).filter(|(address, _)| address.kind() == "subnet" && address.name().starts_with("private"));
    private.filter_map(|(_, subnet)| subnet["zone"].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Address, Change, How, LiveResource, Shown, StackId};

    fn step(address: &str, action: Action, desired: serde_json::Value, changes: Vec<Change>) -> Step {
        let address = address.parse().expect("it is one");
        Step { address, action, changes, desired: Some(desired), live: None, needs: Vec::new() }
    }

    #[test]
    fn only_decisive_changes_are_checked() {
        let change = |field: &str| Change {
            field: field.into(),
            from: Shown::value("a"),
            to: Shown::value("b"),
            how: How::InPlace,
        };
        let update = |field: &str| step("db_instance.database", Action::Update, json!({}), vec![change(field)]);
        assert!(is_made(&update("class")) && is_made(&update("version")) && !is_made(&update("backup_days")));
        assert!(is_made(&step("db_instance.database", Action::Create, json!({}), Vec::new())));
    }

    #[test]
    fn the_zones_are_those_of_the_private_subnets() {
        let made = step("subnet.private-a", Action::Create, json!({ "zone": "eu-west-1a" }), Vec::new());
        let public = step("subnet.public-c", Action::Create, json!({ "zone": "eu-west-1c" }), Vec::new());
        let live = json!({ "zone": "eu-west-1b" });
        let there = LiveResource { address: Address::new("subnet", "private-b"), id: "subnet-1".into(), live };
        let id = StackId { stack: "demo".into(), environment: "default".into() };
        let plan = Plan { unchanged: vec![there], ..Plan::new(id, vec![made, public]) };
        assert_eq!(zones(&plan).into_iter().collect::<Vec<_>>(), ["eu-west-1a", "eu-west-1b"]);
    }
}
