//! `stackctl plan`: shows what `up` would do.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;

use super::{Global, Stop, project::Project, saved};
use crate::{exit, output::Output};

/// Arguments of `stackctl plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// End with exit code 2 if there are changes, 0 if there are none.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Write the plan to this file as well, for `stackctl up FILE` to carry out exactly that.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl PlanArgs {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let plan = project.plan(project.look().await?, &BTreeMap::new())?;
        output.plan(&plan);
        if let Some(file) = &self.out {
            saved::write(file, &project, &plan).await?;
            output.status(&format!("Written to {0}. `stackctl up {0}` carries out exactly this.", file.display()));
        }
        let code = if self.detailed_exitcode && !plan.is_empty() { exit::CHANGES } else { exit::DONE };
        Ok(code)
    }
}
