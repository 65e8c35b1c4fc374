//! `--target`: limits a plan to some resources.

use clap::Args;

use crate::{
    engine,
    model::{Address, Failure, Plan},
    output::Output,
};

/// Which part of the plan.
#[derive(Debug, Args)]
pub(super) struct Targets {
    /// Limit the plan to this resource and its dependencies; can be repeated.
    #[arg(long, value_name = "ADDRESS")]
    target: Vec<Address>,
}

impl Targets {
    /// Returns the part of `plan` for `--target`, or all of it without the flag.
    pub(super) fn of(&self, plan: Plan) -> Result<Plan, Failure> {
        if self.target.is_empty() { Ok(plan) } else { engine::targeted(&plan, &self.target) }
    }

    /// Warns that the plan is only a part.
    pub(super) fn warn(&self, output: &Output) {
        if !self.target.is_empty() {
            output.status(
                "This plan covers only --target and its dependencies. Run `stackctl plan` without --target to see \
                 the other changes.",
            );
        }
    }
}
