//! `stackctl plan`: shows what `up` would change.

use std::{collections::BTreeMap, fs, path::PathBuf};

use clap::Args;

use crate::{
    cli::{
        error::Stop,
        global::Global,
        project::{Project, View},
        renamed, saved_plan,
        target::Targets,
    },
    exit,
    model::{Failure, Plan},
    output::{self, Output},
};

/// Arguments of `stackctl plan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl plan\n  \
    stackctl plan --env production --detailed-exitcode\n  \
    stackctl plan --out plan.json      then: stackctl up plan.json\n  \
    stackctl plan --target service.web\n  \
    stackctl plan --destroy            what `stackctl destroy` would delete")]
pub(in crate::cli) struct PlanArgs {
    /// Exit with code 2 if there are changes, and 0 if there are none.
    #[arg(long)]
    detailed_exitcode: bool,
    /// Also write the plan to this file. `stackctl up FILE` applies exactly this plan.
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with = "target")]
    out: Option<PathBuf>,
    #[command(flatten)]
    targets: Targets,
    /// Show what `stackctl destroy` would delete.
    #[arg(long, conflicts_with_all = ["out", "target"])]
    destroy: bool,
    /// Also write the plan to this file as Markdown for a comment on a pull request, at most 65,536 characters (GitHub's
    /// limit).
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl PlanArgs {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let project = if self.destroy { project.deleting_all() } else { project };
        let view = project.look().await?;
        if !self.destroy {
            renamed::warn(&project, &view, output).await?;
        }
        let plan = project.planned(view, &|view| self.plan(&project, view)).await?;
        output.plan(&project.kinds, &plan);
        self.targets.warn(output);
        if let Some(file) = &self.out {
            saved_plan::write(file, &project, &plan).await?;
            output.status(&format!(
                "Wrote the plan to {0}. Run `stackctl up {0}` to apply exactly this plan.",
                file.display()
            ));
        }
        if let Some(file) = &self.markdown {
            fs::write(file, output::plan_markdown(&project.kinds, &plan)).map_err(|error| {
                let message = format!("cannot write {}: {error}", file.display());
                Stop::usage(message, "name another file with --markdown")
            })?;
        }
        let code = if self.detailed_exitcode && !plan.is_empty() { exit::CHANGES } else { exit::DONE };
        Ok(code)
    }

    fn plan(&self, project: &Project, view: View) -> Result<Plan, Failure> {
        if self.destroy {
            return project.plan_to_delete(view);
        }
        self.targets.of(project.plan(view, &BTreeMap::new())?)
    }
}
