//! The `stackctl` command: parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    stackctl::cli::main()
}
