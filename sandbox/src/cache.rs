//! The cache that sandboxes share: moto's virtual environment and the empty Postgres cluster.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

/// Returns the folder of the cache.
pub(crate) fn folder() -> Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let folder =
        cache.context("there is no home folder for what the sandbox keeps: set XDG_CACHE_HOME")?.join("stackctl");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
