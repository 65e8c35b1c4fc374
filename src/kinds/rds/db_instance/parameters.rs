//! The DB parameter group of a database. A database uses another group only after a restart, and RDS does not restart it itself.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithParamGroups.Associating.html>

use super::live::{self, Live};
use crate::{
    aws::{Once, Outcome, given},
    kind::Context,
    kinds::rds,
    model::{Failure, Input, Shown},
};

/// RDS's word for a group that a database uses only after its next restart.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBParameterGroupStatus.html>
const PENDING: &str = "pending-reboot";

/// RDS's word for a group that it applies. It then decides whether this needs a restart.
pub(super) const APPLYING: &str = "applying";

/// The prefix of RDS's own groups.
const DEFAULT: &str = "default.";

/// The desired group of a database: the stack's, or RDS's own for the version in stack.yaml.
pub(super) fn wanted(group: Option<&Input>, version: &str) -> Result<String, Failure> {
    group.map_or_else(|| Ok(default(version)), |group| group.get().map(str::to_owned))
}

fn default(version: &str) -> String {
    let major = version.split('.').next().unwrap_or_default();
    format!("{DEFAULT}postgres{major}")
}

/// The group that a database gets, if it has another one. An adopted database keeps its own group, unless stack.yaml needs one
/// of the stack.
pub(super) fn another(group: Option<&Input>, version: &str, live: &Live) -> Option<Shown> {
    match group {
        Some(group) if group.known() == Some(&live.parameter_group) => None,
        Some(group) => Some(group.known().map_or(Shown::KnownAfterApply, Shown::value)),
        None => live.own_parameters.then(|| Shown::value(default(version))),
    }
}

/// Whether the parameters of its group are applied only after a restart.
pub(super) fn are_pending(group: Option<&Input>, live: &Live) -> bool {
    let is_known = group.is_some() || live.parameter_group.starts_with(DEFAULT);
    is_known && [PENDING, APPLYING].contains(&live.parameters.as_str())
}

/// Whether `seen` is older than `written`: it has another group, or has not been restarted.
pub(super) fn outdated(seen: &Live, written: &Live) -> bool {
    seen.parameter_group != written.parameter_group || (seen.parameters == PENDING && written.parameters == APPLYING)
}

/// `live` with this group. A look shows later whether that needs a restart.
pub(super) fn given_to(live: Live, group: &str) -> Live {
    let own_parameters = !group.starts_with(DEFAULT);
    Live { parameter_group: group.to_owned(), own_parameters, parameters: APPLYING.to_owned(), ..live }
}

/// Restarts the database if its parameters need that.
pub(super) async fn apply(cx: &Context, live: &Live) -> Result<Live, Failure> {
    if live.parameters != PENDING {
        let call = cx.aws.rds.describe_db_instances().db_instance_identifier(&live.identifier);
        let answer = call.send().await.or_absent("DescribeDBInstances", rds::NOT_FOUND)?;
        let found = answer.and_then(|answer| answer.db_instances?.into_iter().next());
        let now = found.map_or_else(|| live.clone(), |instance| live::live(&cx.id, &instance));
        if now.parameters != PENDING {
            return Ok(now);
        }
    }
    let call = cx.aws.rds.reboot_db_instance().db_instance_identifier(&live.identifier);
    let answer = call.customize().once().send().await.during("RebootDBInstance")?;
    let made = live::live(&cx.id, &given(answer.db_instance, "RebootDBInstance", "DBInstance")?);
    Ok(Live { parameters: APPLYING.to_owned(), ..made })
}
