//! Finds the critical path: the chain of dependent steps with the longest total time.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::region::Run;

/// A chain of dependent steps, and the sum of their times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    pub(crate) takes: Duration,
    pub(crate) steps: Vec<String>,
}

/// Returns the longest chain of the plan that `run` applied, by the times in its events.
pub(crate) fn longest(run: &Run) -> Result<Chain> {
    let events = || run.lines.iter().map(|(_, line)| line);
    let plan = events().find(|event| event["event"] == "plan").context("there is a plan")?;
    let took: HashMap<&str, f64> = events()
        .filter(|event| event["event"] == "done")
        .filter_map(|event| Some((event["address"].as_str()?, event["elapsed"].as_f64()?)))
        .collect();
    let steps = plan["plan"]["steps"].as_array().context("it has steps")?;
    let mut chains: Vec<Option<Chain>> = vec![None; steps.len()];
    (0..steps.len()).for_each(|step| chain(step, steps, &took, &mut chains));
    Ok(chains.into_iter().flatten().max_by_key(|chain| chain.takes).unwrap_or_default())
}

/// Computes the longest chain that ends with `step`, and those of the steps that it needs. Steps can be in any order.
fn chain(step: usize, steps: &[Value], took: &HashMap<&str, f64>, chains: &mut Vec<Option<Chain>>) {
    if chains[step].is_some() {
        return;
    }
    let needs = steps[step]["needs"].as_array().into_iter().flatten().filter_map(Value::as_u64);
    let needs: Vec<usize> = needs.filter_map(|need| usize::try_from(need).ok()).collect();
    for need in &needs {
        chain(*need, steps, took, chains);
    }
    let before = needs.iter().filter_map(|need| chains[*need].as_ref()).max_by_key(|chain| chain.takes);
    let mut chain = before.cloned().unwrap_or_default();
    let address = steps[step]["address"].as_str().unwrap_or_default();
    chain.takes += Duration::from_secs_f64(took.get(address).copied().unwrap_or_default());
    chain.steps.push(address.to_owned());
    chains[step] = Some(chain);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn longest_chain_is_found_in_any_order_of_steps() {
        let steps = json!([
            { "address": "service.web", "needs": [1, 2] },
            { "address": "database", "needs": [3] },
            { "address": "image", "needs": [] },
            { "address": "vpc", "needs": [] },
        ]);
        let done = |address: &str, elapsed: f64| {
            (Duration::ZERO, json!({ "event": "done", "address": address, "elapsed": elapsed }))
        };
        let run = Run {
            wall: Duration::ZERO,
            lines: vec![
                (Duration::ZERO, json!({ "event": "plan", "plan": { "steps": steps } })),
                done("vpc", 1.0),
                done("database", 5.0),
                done("image", 5.5),
                done("service.web", 2.0),
            ],
            calls: Vec::new(),
            peak_kib: 0,
        };
        let chain = longest(&run).expect("there is one");
        assert_eq!(chain.steps, ["vpc", "database", "service.web"]);
        assert_eq!(chain.takes, Duration::from_secs(8));
    }
}
