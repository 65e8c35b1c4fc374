//! Capacity providers: which one a task of a service gets, and Spot interruptions.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html>

use serde_json::Value;

use super::{fargate::Ecs, ledger::Ledger, model::Service};
use crate::api::ApiError;

const ON_DEMAND: &str = "FARGATE";
const SPOT: &str = "FARGATE_SPOT";

/// Checks a capacity provider strategy: it names providers of its cluster and excludes a launch type.
pub(super) fn check(state: &Ledger, cluster: &str, input: &Value) -> Result<(), ApiError> {
    let wrong = |message: &str| Err(ApiError::client("InvalidParameterException", message));
    let Some(strategy) = input["capacityProviderStrategy"].as_array() else { return Ok(()) };
    if !input["launchType"].is_null() {
        return wrong(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        );
    }
    let has = state.clusters.get(cluster).map(|cluster| &cluster.capacity_providers);
    let is_there =
        |item: &Value| has.and_then(Value::as_array).is_some_and(|all| all.contains(&item["capacityProvider"]));
    if !strategy.iter().all(is_there) {
        return wrong(
            "The capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. \
             Associate the capacity provider with the cluster and try again.",
        );
    }
    if strategy.iter().filter(|item| item["base"].as_u64().unwrap_or_default() > 0).count() > 1 {
        return wrong(
            "The specified capacity provider strategy contains multiple base values. Remove one and try again.",
        );
    }
    Ok(())
}

/// Returns the provider of the next task of `service`, which has `on_demand` tasks on demand and `on_spot` tasks on
/// Spot, or `None` without a strategy. The base is filled first; then the weights apply.
pub(super) fn next(service: &Service, on_demand: usize, on_spot: usize) -> Option<&'static str> {
    let strategy = service.settings["capacityProviderStrategy"].as_array().filter(|items| !items.is_empty())?;
    let number = |provider: &str, key: &str| {
        let item = strategy.iter().find(|item| item["capacityProvider"] == provider);
        item.and_then(|item| item[key].as_u64()).and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
    };
    let base = number(ON_DEMAND, "base");
    if on_demand < base {
        return Some(ON_DEMAND);
    }
    if on_spot < number(SPOT, "base") {
        return Some(SPOT);
    }
    let (demand, spot) = (number(ON_DEMAND, "weight"), number(SPOT, "weight"));
    let spot_is_behind = on_spot * demand <= (on_demand - base) * spot;
    Some(if spot > 0 && spot_is_behind { SPOT } else { ON_DEMAND })
}

impl Ecs {
    /// Simulates a Spot interruption: each Spot task gets SIGTERM and ends within two minutes. Returns their number.
    pub(crate) fn interrupt_spot(&self) -> usize {
        let mut count = 0;
        for task in self.state().tasks.values_mut().filter(|task| task.provider == Some(SPOT) && task.is_alive()) {
            task.stop("Your Spot Task was interrupted.", "SpotInterruption");
            count += 1;
        }
        self.wake();
        count
    }
}
