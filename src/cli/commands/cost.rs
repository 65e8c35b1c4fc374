//! `stackctl cost`: estimates the monthly cost of a stack. Calls AWS only to compare with the live stack.

use std::{collections::BTreeMap, fs, path::PathBuf};

use clap::Args;

use crate::{
    blueprint,
    cli::{
        error::Stop,
        global::Global,
        project::{self, Project},
    },
    cost::{self, Prices},
    exit, kinds,
    output::Output,
};

/// Arguments of `stackctl cost`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl cost --env production     what stack.yaml describes, without calling AWS\n  \
    stackctl cost --plan               how `up` would change the monthly cost")]
pub(in crate::cli) struct CostArgs {
    /// Compare with what exists on AWS, and show how `up` would change the cost.
    #[arg(long)]
    plan: bool,
    /// File with additional or different prices, in the format of src/cost/prices.json.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

impl CostArgs {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let stack = project::read(global)?;
        let prices = self.prices()?;
        let region = &stack.region;
        let kinds = kinds::registry();
        if !prices.regions.contains_key(region) {
            let known = prices.regions.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let message = format!("no prices for {region}");
            return Err(Stop::usage(
                message,
                format!(
                    "stackctl knows the prices of {known}; pass other prices with \
             --prices FILE"
                ),
            ));
        }
        if self.plan {
            let project = Project::open(global, output).await?;
            let plan = project.plan(project.look().await?, &BTreeMap::new())?;
            let before = cost::estimate(&kinds, &cost::before(&plan), region, &prices)?;
            let after = cost::estimate(&kinds, &cost::after(&plan), region, &prices)?;
            output.difference(&before, &after);
        } else {
            let asked_for = cost::asked_for(&blueprint::sketch(&stack)?);
            output.estimate(&cost::estimate(&kinds, &asked_for, region, &prices)?);
        }
        Ok(exit::DONE)
    }

    fn prices(&self) -> Result<Prices, Stop> {
        let own = cost::built_in()?;
        let Some(path) = &self.prices else { return Ok(own) };
        let hint = "use the format of src/cost/prices.json in stackctl's repository";
        let refused = |problem: String| Stop::usage(format!("{}: {problem}", path.display()), hint);
        let text = fs::read_to_string(path).map_err(|error| refused(error.to_string()))?;
        Ok(Prices::parse(&text).map_err(refused)?.or(&own))
    }
}
