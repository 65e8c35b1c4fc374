//! `stackctl schema`: prints the JSON Schema of stack.yaml for editors.

use clap::Args;

use crate::{cli::error::Stop, exit, output::Output, spec};

/// Arguments of `stackctl schema`.
#[derive(Debug, Args)]
#[command(after_help = "Editors with yaml-language-server use the schema to complete and check stack.yaml.\n\n\
    Example:\n  \
    stackctl schema > stack.schema.json\n  \
    then add this first line to stack.yaml:\n  \
    # yaml-language-server: $schema=stack.schema.json")]
pub(in crate::cli) struct Schema {}

impl Schema {
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as the other commands")]
    pub(super) fn run(&self, output: &Output) -> Result<u8, Stop> {
        output.data(spec::schema().trim_end());
        Ok(exit::DONE)
    }
}
