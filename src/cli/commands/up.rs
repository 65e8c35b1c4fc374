//! `stackctl up`: creates and updates what stack.yaml describes.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;

use crate::{
    cli::{
        change::{About, Change, Consent},
        error::Stop,
        global::Global,
        project::Project,
        saved_plan,
        target::Targets,
        unconfirmed, url,
    },
    exit,
    output::Output,
};

/// Arguments of `stackctl up`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl up\n  \
    stackctl up --env staging --yes\n  \
    stackctl up plan.json              apply exactly the plan that `plan --out` saved\n  \
    stackctl up --target db_instance.database")]
pub(in crate::cli) struct Up {
    /// Also delete or replace protected resources such as a database; a final snapshot is kept.
    #[arg(long)]
    unprotect: bool,
    /// Plan file from `plan --out`: apply exactly this plan without asking, or fail if it is out of date.
    #[arg(value_name = "PLAN")]
    #[arg(conflicts_with = "target")]
    planned: Option<PathBuf>,
    #[command(flatten)]
    targets: Targets,
}

impl Up {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let change = Change {
            command: "up",
            consent: match &self.planned {
                Some(file) => Consent::Plan(Box::new(saved_plan::read(file, &project).await?)),
                None => Consent::Yes,
            },
            about: About::Stack,
            unprotect: self.unprotect,
            plan: &|view| self.targets.of(project.plan(view, &BTreeMap::new())?),
        };
        self.targets.warn(output);
        let ended = change.run(&project, global, output).await?;
        if ended.code == exit::DONE {
            unconfirmed::show(&project, &ended.untouched, output).await?;
            url::show(&project, &ended.untouched, output).await?;
        }
        Ok(ended.code)
    }
}
