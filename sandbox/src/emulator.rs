//! Runs programs for 64-bit ARM on other processors with QEMU's user emulation, as Debian packages it. Only the main
//! program of a container is emulated, not the programs that it starts.

use std::{env, fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

/// The name of 64-bit ARM in images.
pub(crate) const ARM: &str = "arm64";

/// The emulator: a static program, which runs inside a container's files.
const PROGRAM: &str = "/usr/bin/qemu-aarch64-static";

/// The path of the emulator in a container.
const PLACE: &str = "/.qemu-aarch64";

/// The search path for a program without a path.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Copies the emulator into the files of an image, if this computer cannot run the image natively.
pub(crate) fn lay(config: &Value, root: &Path) -> Result<()> {
    if config["architecture"] != ARM || env::consts::ARCH == "aarch64" {
        return Ok(());
    }
    let copied = fs::copy(PROGRAM, root.join(PLACE.trim_start_matches('/')));
    copied.context("this computer cannot run programs for arm64: sudo apt-get install qemu-user-static")?;
    Ok(())
}

/// Returns the command line that runs `line` in the files at `root`.
pub(crate) fn line(root: &Path, line: &[String]) -> Vec<String> {
    let inside = |path: &str| root.join(path.trim_start_matches('/'));
    let ([program, arguments @ ..], true) = (line, inside(PLACE).exists()) else { return line.to_vec() };
    let found = PATH.iter().map(|folder| format!("{folder}/{program}")).find(|path| inside(path).exists());
    let program = found.filter(|_| !program.contains('/')).unwrap_or_else(|| program.clone());
    [PLACE.to_owned(), program].into_iter().chain(arguments.iter().cloned()).collect()
}
