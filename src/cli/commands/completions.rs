//! `stackctl completions`: prints a shell completion script.

use clap::Args;
use clap_complete::Shell;

use crate::{exit, output::Output};

/// Arguments of `stackctl completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stackctl completions bash > ~/.local/share/bash-completion/completions/stackctl\n  \
    stackctl completions zsh > \"${fpath[1]}/_stackctl\"\n  \
    stackctl completions fish > ~/.config/fish/completions/stackctl.fish")]
pub(in crate::cli) struct Completions {
    /// Shell to print the completion script for.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, mut program: clap::Command, output: &Output) -> u8 {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program, "stackctl", &mut script);
        output.data(String::from_utf8_lossy(&script).trim_end());
        exit::DONE
    }
}
