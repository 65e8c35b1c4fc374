//! What RDS's words for the state of a database mean, and what to do about those in which it stays.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>

use super::{
    live::{Live, Password},
    parameters,
};
use crate::model::{Explanation, Failure, Phase};

/// RDS's word for a database that is stopped, until somebody starts it or seven days are over.
const STOPPED: &str = "stopped";

/// RDS's word for a database that cannot write, because its storage is full.
const FULL: &str = "storage-full";

/// RDS's code for what an account of AWS's free plan cannot have.
const FREE_PLAN: &str = "FreeTierRestrictionError";

/// The states beside `available` in which a database answers. RDS takes no change in them.
fn is_usable(status: &str) -> bool {
    // RDS goes into the first of these every night.
    matches!(status, "backing-up" | "storage-config-upgrade" | "storage-initialization" | "storage-optimization")
        || status.starts_with("configuring-")
}

/// Whether its name and endpoint stay as they are until it is available again. A change, an upgrade, maintenance and a restart leave
/// them; a database that is stopped keeps them too. One that is created has no endpoint at first, and one that is renamed gets
/// another: [`Live`] gives no port while another one is pending.
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

/// The same after a write that left it as `written`: a database that is given more storage shows that it is full until it has it.
pub(super) fn phase_after(live: &Live, written: &Live) -> Phase {
    if live.status == FULL && written.growing { growing() } else { phase(live) }
}

fn growing() -> Phase {
    Phase::Pending("storage-full, waiting for RDS to add storage".into())
}

/// What to do about a database that RDS leaves in a state in which it cannot be used.
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

/// Refuses a change of a database that is stopped: RDS would refuse it for as long as nobody starts it.
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

/// `failure`, with a way out where the account is on AWS's free plan. RDS has one code for all that the plan lacks, and says in
/// the message which of these it is. `freetier:GetAccountPlanState` would tell the plan beforehand. It is not asked: it takes a
/// permission on billing data that nothing else here needs, and no API tells what the plan limits a database to.
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
