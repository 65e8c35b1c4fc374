//! `stackctl plan`: shows what `up` would do.

use std::collections::BTreeMap;

use clap::Args;

use super::{Global, Stop, project::Project};
use crate::{exit, output::Output};

/// Arguments of `stackctl plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// End with exit code 2 if there are changes, 0 if there are none.
    #[arg(long)]
    detailed_exitcode: bool,
}

impl PlanArgs {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let plan = project.plan(project.look().await?, &BTreeMap::new())?;
        output.plan(&plan);
        let code = if self.detailed_exitcode && !plan.is_empty() { exit::CHANGES } else { exit::DONE };
        Ok(code)
    }
}
