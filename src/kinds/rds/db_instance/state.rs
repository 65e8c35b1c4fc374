//! The meaning of the RDS states of a database, and advice for the states in which it stays.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>

use super::{
    live::{Live, Password},
    parameters,
};
use crate::model::{Explanation, Failure, Phase};

/// The RDS state of a stopped database. It ends when somebody starts the database, or after seven days.
const STOPPED: &str = "stopped";

/// The RDS state of a database that cannot write because its storage is full.
const FULL: &str = "storage-full";

/// The RDS error code for settings that the AWS free plan does not allow.
const FREE_PLAN: &str = "FreeTierRestrictionError";

/// Whether a database in this state accepts connections, besides `available`. RDS accepts no change in these states.
fn is_usable(status: &str) -> bool {
    // RDS enters the first of these every night.
    matches!(status, "backing-up" | "storage-config-upgrade" | "storage-initialization" | "storage-optimization")
        || status.starts_with("configuring-")
}

/// Whether its name and endpoint stay the same until it is available again. They stay through a modification, an
/// upgrade, maintenance, a restart and a stop. A new database has no endpoint at first, and a renamed one gets another.
/// [`Live`] has no port while a port change is pending.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.DBInstance.Modifying.html>
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html>
pub(super) fn keeps_endpoint(live: &Live) -> bool {
    let passing = [
        "available",
        "maintenance",
        "modifying",
        "rebooting",
        "resetting-master-credentials",
        "starting",
        "stopping",
        "upgrading",
        FULL,
        STOPPED,
    ];
    live.host.is_some() && (passing.contains(&live.status.as_str()) || is_usable(&live.status))
}

pub(super) fn phase(live: &Live) -> Phase {
    let word = live.status.clone();
    let usable = live.status == "available" || is_usable(&live.status);
    match live.status.as_str() {
        _ if usable && matches!(live.password, Password::BeingSet | Password::Replaced) => {
            Phase::Pending("waiting for RDS to set the password".into())
        }
        _ if usable && live.parameters == parameters::APPLYING => Phase::Pending("its parameters to be applied".into()),
        _ if usable && live.host.is_some() => Phase::Ready,
        "deleting" => Phase::Deleting(word),
        FULL if live.growing => growing(),
        "failed" | "restore-error" | FULL | "insufficient-capacity" | STOPPED => Phase::Failed(word),
        status if status.starts_with("incompatible-") || status.starts_with("inaccessible-") => Phase::Failed(word),
        _ => Phase::Pending(word),
    }
}

/// Returns the phase after a write with the result `written`. A database that gets more storage reports that it is full
/// until it has it.
pub(super) fn phase_after(live: &Live, written: &Live) -> Phase {
    if live.status == FULL && written.growing { growing() } else { phase(live) }
}

fn growing() -> Phase {
    Phase::Pending("storage-full, waiting for RDS to add storage".into())
}

/// Returns advice for a database that stays in an unusable state.
pub(super) fn explanation(live: &Live) -> Explanation {
    let (cause, next) = match live.status.as_str() {
        FULL => (
            "The storage of the database is full.",
            format!("Set `database.storage` to more than {} in stack.yaml, then run `stackctl up`.", live.storage),
        ),
        STOPPED => ("Somebody stopped the database.", format!("{}.", start(live))),
        _ => return Explanation::default(),
    };
    Explanation { likely_cause: Some(cause.to_owned()), next: Some(next), ..Explanation::default() }
}

/// Rejects a change of a stopped database, which RDS rejects until somebody starts it.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html>
pub(super) fn refuse_stopped(live: &Live) -> Result<(), Failure> {
    if live.status != STOPPED {
        return Ok(());
    }
    let failure =
        Failure::new(format!("the database {} is stopped, and RDS cannot change a stopped database", live.identifier));
    Err(failure.hint(format!("{}, then run the command again once the database is available", start(live))))
}

fn start(live: &Live) -> String {
    format!("Start it with `aws rds start-db-instance --db-instance-identifier {}`", live.identifier)
}

/// Adds a hint to `failure` if the account is on the AWS free plan. RDS has one code for all settings that the plan
/// does not allow, and names the setting in the message. `freetier:GetAccountPlanState` would return the plan in
/// advance. It is not called, because it needs a permission on billing data that nothing else here needs, and no API
/// returns the limits of the plan for databases.
/// <https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_freetier_GetAccountPlanState.html>
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Troubleshooting.html>
pub(super) fn with_hint(failure: Failure) -> Failure {
    if !failure.is(&[FREE_PLAN]) {
        return failure;
    }
    failure.hint(
        "AWS's free plan limits the databases of this account: in stack.yaml, set `database.backup_days: 1` and keep \
         `class: db.t4g.micro`, `storage: 20` and `multi_az: false`, or upgrade the plan in the AWS console (Billing \
         and Cost Management)",
    )
}
