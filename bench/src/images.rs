//! The image of the repository's application: built and pushed from nothing, unchanged, and with one line changed.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::region::{Pace, Region, Run};

/// What one way to an image has cost.
pub(crate) struct Image {
    pub(crate) what: &'static str,
    /// From the command's start until the registry has the image; for an unchanged one, the whole command.
    pub(crate) took: Duration,
    /// Layers and configurations that were sent, and their bytes.
    pub(crate) blobs: usize,
    pub(crate) bytes: u64,
}

impl Image {
    fn of(what: &'static str, run: &Run) -> Self {
        let pushed = run.lines.iter().filter(|(_, line)| line["event"] == "image").map(|(at, _)| *at).next_back();
        let sent = || run.calls.iter().filter(|call| call.service == "registry" && call.operation == "PutBlob");
        Self {
            what,
            took: pushed.unwrap_or(run.wall),
            blobs: sent().count(),
            bytes: sent().map(|call| call.bytes).sum(),
        }
    }
}

/// Measures them on the repository's own stack.yaml.
pub(crate) async fn measure(pace: Pace) -> Result<Vec<Image>> {
    let region = Region::start(pace).await?;
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the repository is above")?;
    let (project, sources) = (region.project(), region.project().join("sources"));
    fs::create_dir(&sources)?;
    for part in ["Cargo.toml", "Cargo.lock", "src", "app", "sandbox", "bench"] {
        let copied = Command::new("cp").arg("-r").arg(repository.join(part)).arg(&sources).status()?;
        ensure!(copied.success(), "cp {part}: {copied}");
    }
    fs::copy(repository.join("stack.yaml"), project.join("stack.yaml"))?;
    symlink(sources.join("app"), project.join("app"))?;

    // Compiles the application, and the crates that it uses where the target directory has none of them yet.
    let compiled = region.run(&["up", "--yes"]).await?;
    let page = sources.join("app/templates/page.html");
    let before = fs::read_to_string(&page)?;
    fs::write(&page, before.replacen("Hello, <a", "Welcome, <a", 1))?;
    let changed = region.run(&["deploy", "--yes"]).await?;
    let unchanged = region.run(&["deploy", "--yes"]).await?;
    Ok(vec![
        Image::of("first, into an empty registry", &compiled),
        Image::of("one line changed", &changed),
        Image::of("unchanged", &unchanged),
    ])
}
