//! The capacity provider strategy of a service: on demand only, or Fargate Spot with some tasks on demand.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html>

use aws_sdk_ecs::types::CapacityProviderStrategyItem as Item;
use serde::{Deserialize, Serialize};

use crate::{aws, model::Failure};

const ON_DEMAND: &str = "FARGATE";
const SPOT: &str = "FARGATE_SPOT";

/// The settings of a service on Fargate Spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The number of tasks that run on demand. All further tasks run on Spot.
    pub on_demand: u32,
}

/// Returns the settings as text. Empty if all tasks run on demand.
pub(super) fn in_words(spot: Option<Spot>) -> String {
    match spot {
        None => String::new(),
        Some(Spot { on_demand: 0 }) => "spot".to_owned(),
        Some(Spot { on_demand }) => format!("spot, {on_demand} on demand"),
    }
}

/// Parses the text of [`in_words`].
pub(super) fn read(words: &str) -> Option<Spot> {
    if words == "spot" {
        return Some(Spot { on_demand: 0 });
    }
    let on_demand = words.strip_prefix("spot, ")?.strip_suffix(" on demand")?.parse().ok()?;
    Some(Spot { on_demand })
}

/// Returns the strategy for these settings. A service that was on Spot needs an explicit strategy without Spot.
pub(super) fn strategy(spot: Option<Spot>) -> Result<Vec<Item>, Failure> {
    let item = |provider: &str, base: u32, weight: i32| {
        let item = Item::builder().capacity_provider(provider).base(aws::signed(base)).weight(weight).build();
        item.map_err(|error| Failure::internal(error.to_string()))
    };
    Ok(match spot {
        None => vec![item(ON_DEMAND, 0, 1)?],
        Some(Spot { on_demand: 0 }) => vec![item(SPOT, 0, 1)?],
        Some(Spot { on_demand }) => vec![item(ON_DEMAND, on_demand, 0)?, item(SPOT, 0, 1)?],
    })
}

/// Returns a strategy as the text of [`in_words`], or in the terms of AWS if stackctl did not write it.
pub(super) fn of(strategy: &[Item]) -> String {
    let others = |item: &&Item| item.weight() > 0 || item.base() > 0;
    let mut used: Vec<&Item> = strategy.iter().filter(others).collect();
    used.sort_by_key(|item| item.capacity_provider() != ON_DEMAND);
    match used.as_slice() {
        [] => String::new(),
        [one] if one.capacity_provider() == ON_DEMAND => String::new(),
        [one] if one.capacity_provider() == SPOT => in_words(Some(Spot { on_demand: 0 })),
        [first, second]
            if (first.capacity_provider(), first.weight(), second.capacity_provider(), second.base())
                == (ON_DEMAND, 0, SPOT, 0) =>
        {
            in_words(Some(Spot { on_demand: u32::try_from(first.base()).unwrap_or_default() }))
        }
        others => {
            let words =
                others.iter().map(|item| format!("{} {}:{}", item.capacity_provider(), item.base(), item.weight()));
            words.collect::<Vec<String>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_strategy_is_read_back_as_written() {
        for spot in [None, Some(Spot { on_demand: 0 }), Some(Spot { on_demand: 2 })] {
            let strategy = strategy(spot).expect("it is whole");
            assert_eq!((of(&strategy), read(&of(&strategy))), (in_words(spot), spot));
            let turned: Vec<Item> = strategy.into_iter().rev().collect();
            assert_eq!(of(&turned), in_words(spot), "the order does not count");
        }
        let item = |provider: &str, weight| Item::builder().capacity_provider(provider).weight(weight).build();
        let both = [item("FARGATE_SPOT", 3), item("FARGATE", 1)].map(|item| item.expect("it is whole"));
        assert_eq!(of(&both), "FARGATE 0:1, FARGATE_SPOT 0:3");
        assert_eq!(read("FARGATE 0:1, FARGATE_SPOT 0:3"), None);
    }
}
