//! `stackctl validate`: checks stack.yaml without AWS.

use clap::Args;

use crate::{
    cli::{error::Stop, global::Global, project},
    exit,
    output::Output,
};

/// Arguments of `stackctl validate`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl validate\n  \
    stackctl validate --file infra/stack.yaml --output json")]
pub(in crate::cli) struct Validate {}

impl Validate {
    #[expect(clippy::unused_self, reason = "every command has a run of the same shape")]
    pub(super) fn run(&self, global: &Global, output: &Output) -> Result<u8, Stop> {
        let stack = project::read(global)?;
        if output.is_json() {
            output
                .document(&serde_json::json!({ "valid": true, "stack": stack.name, "environment": stack.environment }));
        } else {
            let services = stack.services.keys().cloned().collect::<Vec<_>>().join(", ");
            let database = if stack.database.is_some() { ", a database" } else { "" };
            output.data(&format!(
                "{} is valid: stack {}, environment {}, in {}; services: {services}{database}",
                global.file.display(),
                stack.name,
                stack.environment,
                stack.region,
            ));
        }
        Ok(exit::DONE)
    }
}
