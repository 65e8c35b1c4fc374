//! `stackctl up`: makes the stack as stack.yaml says.

use std::collections::BTreeMap;

use clap::Args;

use super::{
    Global, Stop,
    carry_out::{CarryOut, Consent},
    project::Project,
    reminder, url,
};
use crate::{exit, output::Output};

/// Arguments of `stackctl up`.
#[derive(Debug, Args)]
pub(super) struct Up {
    /// Also delete or replace what is protected, such as a database; a final snapshot is kept.
    #[arg(long)]
    unprotect: bool,
}

impl Up {
    pub(super) async fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let project = Project::open(global, output).await?;
        let carry_out = CarryOut {
            command: "up",
            consent: Consent::Yes,
            unprotect: self.unprotect,
            plan: &|view| project.plan(view, &BTreeMap::new()),
        };
        let ended = carry_out.run(&project, global, output).await?;
        if ended.code == exit::DONE {
            reminder::show(&project, ended.unchanged.as_deref(), output).await?;
            url::show(&project, ended.unchanged, output).await?;
        }
        Ok(ended.code)
    }
}
