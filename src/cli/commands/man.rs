//! `stackctl man`: writes a manual page for each command.

use std::path::PathBuf;

use clap::Args;

use crate::{
    cli::error::Stop,
    exit,
    model::{Failure, Subject},
    output::Output,
};

/// Arguments of `stackctl man`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  stackctl man ~/.local/share/man/man1 && man stackctl-deploy")]
pub(in crate::cli) struct Man {
    /// Folder to write to; created if it does not exist.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl Man {
    pub(super) fn run(&self, program: clap::Command, output: &Output) -> Result<u8, Stop> {
        let written =
            std::fs::create_dir_all(&self.folder).and_then(|()| clap_mangen::generate_to(program, &self.folder));
        written.map_err(|error| Failure::about(Subject::file(&self.folder), error.to_string()))?;
        output.status(&format!("Wrote the manual pages to {}. Start with stackctl(1).", self.folder.display()));
        Ok(exit::DONE)
    }
}
