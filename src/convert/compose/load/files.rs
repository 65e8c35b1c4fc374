//! Which files Compose reads where none is named.

use std::path::{Path, PathBuf};

use crate::document::problem::Problems;

/// The names that Compose looks for, the first that is there.
const NAMES: &[&str] = &["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

/// The files to read, in their order: those that were named, or Compose's own with the one that overrides it.
pub(super) fn chosen(files: &[PathBuf], folder: &Path) -> Result<Vec<PathBuf>, Problems> {
    let folder = match files {
        [] => folder.to_owned(),
        [folder] if folder.is_dir() => folder.clone(),
        files => return Ok(files.to_vec()),
    };
    let Some(base) = NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file()) else {
        let others = others(&folder);
        let hint = match others.as_slice() {
            [] => "name the Compose file, as in `stackctl init --from compose deploy/compose.yaml`".to_owned(),
            others => format!("name the file to read: {}", others.join(", ")),
        };
        let name = folder.join(NAMES[0]).display().to_string();
        return Err(Problems::whole(&name, format!("{} not found", NAMES.join(", ")), &hint));
    };
    let over = NAMES.iter().filter_map(|name| {
        let (stem, ending) = name.rsplit_once('.')?;
        Some(folder.join(format!("{stem}.override.{ending}")))
    });
    let mut files = vec![base];
    files.extend(over.into_iter().find(|path| path.is_file()));
    Ok(files)
}

/// Files that look like Compose's, under other names.
fn others(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_one = |name: &String| {
        let ending = Path::new(name).extension().is_some_and(|ending| ending == "yml" || ending == "yaml");
        ending && (name.contains("compose") || name.contains("docker-stack"))
    };
    let mut found: Vec<String> = names.filter(is_one).collect();
    found.sort_unstable();
    found
}
