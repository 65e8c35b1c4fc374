//! The fields of a service, and which of them start a deployment.

use crate::model::{Changed, fields};

fields! {
    /// The fields that change in place.
    pub enum Field {
        TaskDefinition = "task_definition",
        Replicas = "replicas",
        Subnets = "subnets",
        SecurityGroup = "security_group",
        PublicIp = "public_ip",
        TargetGroup = "target_group",
        Container = "container",
        Port = "port",
        Registry = "registry",
        GraceSeconds = "grace_seconds",
        Exec = "exec",
        Capacity = "capacity",
        CircuitBreaker = "circuit_breaker",
        RollbackAfter = "rollback_after",
        MinimumHealthyPercent = "minimum_healthy_percent",
        MaximumPercent = "maximum_percent",
        Rollout = "rollout",
    }

    /// The fields whose change replaces the service.
    pub enum Fixed {
        Cluster = "cluster",
    }
}

/// The fields that ECS sets together: the network configuration of the tasks.
pub(super) const NETWORK: &[Field] = &[Field::Subnets, Field::SecurityGroup, Field::PublicIp];

/// Returns the effect of `changes` on users, as a sentence that continues after the address. Omits a new task
/// definition, which the plan shows already. `stops_first`: running tasks stop before new ones start.
pub(super) fn consequence(changes: &Changed<Field>, stops_first: bool) -> Option<String> {
    let begins =
        |field: &Field| NETWORK.contains(field) || matches!(field, Field::Exec | Field::Registry | Field::Capacity);
    let begun: Vec<&str> = Field::ALL
        .iter()
        .filter(|field| changes.contains(**field) && begins(field))
        .map(|field| field.name())
        .collect();
    let anyway = [Field::TaskDefinition, Field::Rollout, Field::TargetGroup, Field::Container, Field::Port];
    let anyway = anyway.iter().any(|field| changes.contains(*field));
    let outage = "the old tasks stop before the new ones start (`replace: stop-first`)";
    if anyway || begun.is_empty() {
        return (anyway && stops_first).then(|| format!("will be unavailable for a while: {outage}"));
    }
    let (fields, change) = (begun.join("` and `"), if begun.len() == 1 { "changes" } else { "change" });
    let unavailable = format!("{outage}, and the service is unavailable meanwhile");
    let how = if stops_first { &unavailable } else { "new tasks replace the running ones" };
    Some(format!("starts a deployment because `{fields}` {change}: {how}"))
}
