//! Measures the image of the repository's application: the first build and push, an unchanged build, and one with one
//! changed line; then the same program with Docker.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    docker::Docker,
    region::{Call, Pace, Region, Run, stackctl},
};

/// The path of the program in Cargo's target directory.
const PROGRAM: &str = "stackctl/x86_64-unknown-linux-gnu/release/app";

/// The cost of building and pushing one image.
pub(crate) struct Image {
    pub(crate) what: &'static str,
    /// The time from the start of the command until the registry has the image; for an unchanged image, the time of the
    /// whole command.
    pub(crate) took: Duration,
    /// The part of that time after the compiler: assembling the image, and the time from the first to the last call to
    /// the registry.
    pub(crate) packed: Duration,
    /// The number of layers and configurations that were sent; `bytes` is their size.
    pub(crate) blobs: usize,
    pub(crate) bytes: u64,
}

/// The costs of all images.
#[derive(Default)]
pub(crate) struct Images {
    pub(crate) stackctl: Vec<Image>,
    /// The costs of the same images with Docker; empty if no engine is available.
    pub(crate) docker: Vec<Image>,
}

impl Image {
    fn of(what: &'static str, run: &Run) -> Self {
        let at = |word: &str| {
            let said = |line: &serde_json::Value| {
                line["event"] == "image" && line["message"].as_str().is_some_and(|text| text.starts_with(word))
            };
            run.lines.iter().rev().find(|(_, line)| said(line)).map(|(at, _)| *at)
        };
        let pushed = run.lines.iter().filter(|(_, line)| line["event"] == "image").map(|(at, _)| *at).next_back();
        let laid_out =
            at("built").zip(at("Finished")).map_or(Duration::ZERO, |(built, compiled)| built.saturating_sub(compiled));
        let packed = laid_out + span(&run.calls);
        Self { packed, ..Self::pushed(what, pushed.unwrap_or(run.wall), &run.calls) }
    }

    /// Returns the cost of an image that Docker pushed in the time `took` with these calls.
    pub(crate) fn pushed(what: &'static str, took: Duration, calls: &[Call]) -> Self {
        let sent = || calls.iter().filter(|call| call.service == "registry" && call.operation.ends_with("Blob"));
        let ended = sent().filter(|call| call.operation == "PutBlob").count();
        Self { what, took, packed: took, blobs: ended, bytes: sent().map(|call| call.bytes).sum() }
    }
}

/// Returns the time from the start of the first call to the registry to the end of the last one.
fn span(calls: &[Call]) -> Duration {
    let of_registry = || calls.iter().filter(|call| call.service == "registry");
    let begins = of_registry().map(|call| call.started_ms).fold(f64::INFINITY, f64::min);
    let ends = of_registry().map(|call| call.ended_ms).fold(0.0, f64::max);
    Duration::from_secs_f64((ends - begins).max(0.0) / 1000.0)
}

/// Measures the images with the repository's stack.yaml.
pub(crate) async fn measure(pace: Pace) -> Result<Images> {
    let region = Region::start(pace).await?;
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the repository is above")?;
    let (project, sources) = (region.project(), region.project().join("sources"));
    fs::create_dir(&sources)?;
    for part in ["Cargo.toml", "Cargo.lock", "src", "app", "bench", "limits", "sandbox"] {
        let copied = Command::new("cp").arg("-r").arg(repository.join(part)).arg(&sources).status()?;
        ensure!(copied.success(), "cp {part}: {copied}");
    }
    fs::copy(repository.join("stack.yaml"), project.join("stack.yaml"))?;
    symlink(sources.join("app"), project.join("app"))?;

    // This compiles the application, and the crates that the target directory does not contain yet.
    let compiled = region.run(&["up", "--yes"]).await?;
    let first = project.join("first-program");
    fs::copy(program(&sources)?, &first)?;
    let page = sources.join("app/templates/page.html");
    let before = fs::read_to_string(&page)?;
    fs::write(&page, before.replacen("Hello, <a", "Welcome, <a", 1))?;
    let changed = region.run(&["deploy", "--yes"]).await?;
    let unchanged = region.run(&["deploy", "--yes"]).await?;
    let [new, one_line, same] = ["first, into an empty registry", "one line changed", "unchanged"];
    let mut images = Images {
        stackctl: vec![Image::of(new, &compiled), Image::of(one_line, &changed), Image::of(same, &unchanged)],
        docker: Vec::new(),
    };
    if let Some(mut docker) = Docker::start(&region).await? {
        let second = program(&sources)?;
        for (what, program) in [(new, &first), (one_line, &second), (same, &second)] {
            images.docker.push(docker.measure(what, program, &region).await?);
        }
    }
    Ok(images)
}

/// Returns the path of the last compiled program.
fn program(sources: &Path) -> Result<PathBuf> {
    // The program is in the target directory of this benchmark, or in that of the copied sources if Cargo has no
    // configured target directory.
    let shared = stackctl()?.ancestors().nth(2).map(|target| target.join(PROGRAM));
    let places = shared.into_iter().chain([sources.join("target").join(PROGRAM)]);
    places.into_iter().find(|place| place.exists()).context("the application's program is nowhere")
}
