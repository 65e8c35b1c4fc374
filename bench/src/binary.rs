//! Measures the size of the program and the time that it takes to start.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{project, region::stackctl};

/// The number of starts, of which the median is reported.
const STARTS: usize = 41;

/// The size and the start times of the program.
pub(crate) struct Binary {
    pub(crate) bytes: u64,
    /// The command and the median of its duration.
    pub(crate) starts: Vec<(String, Duration)>,
}

pub(crate) fn measure() -> Result<Binary> {
    let program = stackctl()?;
    let folder = tempfile::tempdir()?;
    let mut starts = vec![(String::from("`stackctl --version`"), median(&["--version"], folder.path())?)];
    for services in [1, 200] {
        project::lay_out(folder.path(), services)?;
        starts.push((format!("`stackctl validate`, {services} services"), median(&["validate"], folder.path())?));
    }
    Ok(Binary { bytes: program.metadata()?.len(), starts })
}

fn median(args: &[&str], folder: &std::path::Path) -> Result<Duration> {
    let program = stackctl()?;
    let mut took = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let began = Instant::now();
        let mut command = Command::new(&program);
        let status = command.args(args).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        took.push(began.elapsed());
        ensure!(status.success(), "stackctl {}: {status}", args.join(" "));
    }
    took.sort_unstable();
    Ok(took[STARTS / 2])
}
