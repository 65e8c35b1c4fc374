//! Decodes `security_groups` of a service or a job: existing groups that the stack does not own.

use crate::spec::{problem::Collector, read::Map};

/// The maximum number of existing groups. ECS allows five per task, and the stack creates one of them.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>
const MOST: usize = 4;

/// Decodes the groups of `map`, a service or a job. `calls` says whether it calls services: if so, the stack creates a
/// second group for it. `root` is the whole file.
pub(super) fn of(map: &Map, root: &Map, calls: bool, problems: &mut Collector) -> Option<Vec<String>> {
    let mut ids: Vec<String> = Vec::new();
    for (field, id) in map.texts("security_groups", problems)? {
        if ids.contains(&id) {
            field.wrong(format!("duplicate security group `{id}`"), "name each security group once", problems);
        } else {
            ids.push(id);
        }
    }
    if ids.len() > MOST {
        let message = format!("found {} security groups, and a task has at most 5", ids.len());
        let hint = format!("name at most {MOST}; stackctl adds one for the stack");
        map.wrong("security_groups", message, hint, problems);
    } else if calls && ids.len() == MOST {
        let message = format!("found {MOST} security groups, and tasks with `calls` already have 2 of at most 5");
        map.wrong("security_groups", message, "name at most 3", problems);
    }
    let given =
        root.get("network").is_some_and(|network| network.node.entries().iter().any(|(key, _)| key.text == "vpc"));
    if !ids.is_empty() && !given {
        let message = "`security_groups` needs an existing network, and this stack creates a new one";
        let hint =
            "name the network of the groups: `network: { vpc: vpc-…, public_subnets: […], private_subnets: […] }`";
        map.wrong("security_groups", message, hint, problems);
    }
    Some(ids)
}
