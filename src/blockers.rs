//! Looks for resources outside the stack that would block a deletion, before anything is deleted: AWS would refuse in
//! the middle. Each kind knows what to look for ([`crate::kind::Kind::blockers`]).

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use crate::{
    kind::{Blocker, Context, Owned, Registry},
    model::{Action, Evidence, Failure, LiveResource, Plan, Subject},
};

/// Refuses `plan` if resources outside the stack block a deletion. Makes no call if the plan deletes nothing that
/// others can block, and repeats no read that `cx` has cached.
///
/// # Errors
/// If something blocks a deletion; the details list everything. If AWS fails.
pub async fn refuse(kinds: &Registry, cx: &Context, command: &str, plan: &Plan) -> Result<(), Failure> {
    let (going, owned) = sorted(kinds, plan)?;
    let mut looks = Vec::with_capacity(going.len());
    for resources in going.values() {
        if let [first, ..] = resources.as_slice() {
            looks.push(kinds.of(&first.address)?.blockers(cx, resources, &owned));
        }
    }
    let found: BTreeSet<Blocker> = try_join_all(looks).await?.into_iter().flatten().collect();
    if found.is_empty() {
        return Ok(());
    }
    let things = if found.len() == 1 {
        "1 resource or setting outside this stack blocks its deletion".to_owned()
    } else {
        format!("{} resources or settings outside this stack block its deletion", found.len())
    };
    let failure = Failure::about(Subject::command(command), format!("{things}; nothing was deleted"))
        .hint(format!("remove the items listed above, then run `stackctl {command}` again"));
    Err(failure.evidence(Evidence::Findings { lines: found.iter().map(ToString::to_string).collect() }))
}

/// Returns the resources that `plan` deletes, by kind, and all resources of the stack.
fn sorted<'a>(kinds: &Registry, plan: &'a Plan) -> Result<(BTreeMap<&'a str, Vec<LiveResource>>, Owned), Failure> {
    let mut going: BTreeMap<&str, Vec<LiveResource>> = BTreeMap::new();
    let mut owned = Owned::default();
    let of_steps = plan.steps.iter().filter_map(|step| Some((Some(step.action), step.live.as_ref()?)));
    let unchanged = plan.unchanged.iter().map(|live| (None, live));
    for (action, resource) in of_steps.chain(unchanged) {
        let goes = matches!(action, Some(Action::Delete | Action::DeleteReplaced));
        owned.add(resource, kinds.of(&resource.address)?.identifiers(&resource.live)?, goes);
        if goes {
            going.entry(resource.address.kind()).or_default().push(resource.clone());
        }
    }
    Ok((going, owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        kinds,
        model::{Address, StackId, Step},
    };

    #[test]
    fn a_resource_is_identified_by_its_id_and_its_arn() {
        let cluster = LiveResource {
            address: Address::new("cluster", "main"),
            id: "demo-default-main".into(),
            live: json!({ "name": "demo-default-main", "arn": "arn:cluster", "status": "ACTIVE" }),
        };
        let vpc = LiveResource {
            address: Address::new("vpc", "main"),
            id: "vpc-1".into(),
            live: json!({ "id": "vpc-1", "cidr": "10.0.0.0/16", "available": true }),
        };
        let step = Step {
            address: cluster.address.clone(),
            action: Action::Delete,
            changes: Vec::new(),
            desired: None,
            live: Some(cluster.clone()),
            needs: Vec::new(),
        };
        let id = StackId { stack: "demo".into(), environment: "default".into() };
        let plan = Plan { unchanged: vec![vpc], ..Plan::new(id, vec![step]) };
        let (going, owned) = sorted(&kinds::registry(), &plan).expect("they can be read");
        assert_eq!(going, BTreeMap::from([("cluster", vec![cluster])]));
        for id in ["demo-default-main", "arn:cluster", "vpc-1"] {
            assert!(owned.has(id), "{id}");
        }
        assert!(owned.going("arn:cluster").is_some() && owned.going("vpc-1").is_none());
    }
}
