//! `stackctl schema`: the JSON Schema of stack.yaml, for editors.

use clap::Args;

use crate::{cli::error::Stop, exit, output::Output, spec};

/// Arguments of `stackctl schema`.
#[derive(Debug, Args)]
#[command(after_help = "An editor with yaml-language-server completes and checks stack.yaml by it.\n\n\
    Example:\n  \
    stackctl schema > stack.schema.json\n  \
    and as the first line of stack.yaml\n  \
    # yaml-language-server: $schema=stack.schema.json")]
pub(in crate::cli) struct Schema {}

impl Schema {
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as the other commands")]
    pub(super) fn run(&self, output: &Output) -> Result<u8, Stop> {
        output.data(spec::schema().trim_end());
        Ok(exit::DONE)
    }
}
