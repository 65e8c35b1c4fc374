//! `--target`: a part of a plan, for when the whole must wait.

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
    /// The part of `plan` that is wanted: all of it without `--target`.
    pub(super) fn of(&self, plan: Plan) -> Result<Plan, Failure> {
        if self.target.is_empty() { Ok(plan) } else { engine::targeted(&plan, &self.target) }
    }

    /// Says that it is a part.
    pub(super) fn warn(&self, output: &Output) {
        if !self.target.is_empty() {
            output.status(
                "This plan covers only --target and its dependencies. Run `stackctl plan` without --target to see \
                 the other changes.",
            );
        }
    }
}
