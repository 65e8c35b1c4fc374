//! The files in `copilot/`: workloads, environments, addons, overrides and pipelines.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    convert::source::{Item, Sources},
    document::problem::Problems,
};

/// A workload or an environment, and what changes it.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) manifest: Item,
    pub(super) addons: Vec<Item>,
    pub(super) patches: Vec<Item>,
}

/// All that Copilot reads.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    /// The folder that has `copilot/`.
    pub(super) root: PathBuf,
    pub(super) summary: Option<Item>,
    pub(super) workloads: BTreeMap<String, Unit>,
    pub(super) environments: BTreeMap<String, Unit>,
    /// Addons and patches of every environment.
    pub(super) addons: Vec<Item>,
    pub(super) patches: Vec<Item>,
    pub(super) pipelines: Vec<Item>,
    /// Manifests that Copilot does not read where they are.
    pub(super) stray: Vec<Item>,
    /// Programs of the CDK.
    pub(super) programs: Vec<PathBuf>,
}

const TYPES: [&str; 6] = [
    "Load Balanced Web Service",
    "Backend Service",
    "Request-Driven Web Service",
    "Worker Service",
    "Scheduled Job",
    "Static Site",
];

impl Workspace {
    /// Reads the workspace in `folder`, or that whose `copilot/` it is.
    ///
    /// # Errors
    /// There is none, or a file in it cannot be read.
    pub(super) fn read(folder: &Path, sources: &mut Sources) -> Result<Self, Problems> {
        let below = folder.join("copilot");
        let is_own = !below.is_dir() && folder.canonicalize().is_ok_and(|path| path.ends_with("copilot"));
        let copilot = if is_own { folder.to_owned() } else { below };
        if !copilot.is_dir() {
            let name = copilot.display().to_string();
            return Err(Problems::whole(&name, format!("{name} not found"), "name the folder that contains copilot/"));
        }
        let root = if is_own { folder.join("..") } else { folder.to_owned() };
        let mut all = Self { root, ..Self::default() };
        if copilot.join(".workspace").is_file() {
            all.summary = Some(sources.yaml(&copilot.join(".workspace"))?);
        }
        for path in folders(&copilot) {
            let name = name(&path);
            match name.as_str() {
                "environments" => all.environments(&path, sources)?,
                "pipelines" => {
                    for path in folders(&path) {
                        if path.join("manifest.yml").is_file() {
                            all.pipelines.push(sources.yaml(&path.join("manifest.yml"))?);
                        }
                    }
                }
                _ if path.join("manifest.yml").is_file() => {
                    let unit = all.unit(&path, sources)?;
                    match unit.manifest.at(&["type"]).and_then(Item::text) {
                        Some("Environment") => all.stray.push(unit.manifest),
                        Some(kind) if TYPES.contains(&kind) => drop(all.workloads.insert(name, unit)),
                        kind => {
                            let message = match kind {
                                Some(kind) => format!("`{kind}` is not a Copilot workload type"),
                                None => "`type` is missing".to_owned(),
                            };
                            let place =
                                unit.manifest.entry("type").map_or(unit.manifest.place, |entry| entry.item.place);
                            return Err(sources.problem(place, message, format!("use one of: {}", TYPES.join(", "))));
                        }
                    }
                }
                _ => {}
            }
        }
        if copilot.join("pipeline.yml").is_file() {
            all.pipelines.push(sources.yaml(&copilot.join("pipeline.yml"))?);
        }
        if all.workloads.is_empty() {
            let name = copilot.display().to_string();
            return Err(Problems::whole(
                &name,
                format!("{name} contains no workload"),
                "expected copilot/NAME/manifest.yml",
            ));
        }
        Ok(all)
    }

    fn environments(&mut self, folder: &Path, sources: &mut Sources) -> Result<(), Problems> {
        self.addons = files(&folder.join("addons"), sources)?;
        self.patches = self.patched(folder, sources)?;
        for path in folders(folder) {
            if path.join("manifest.yml").is_file() {
                let unit = self.unit(&path, sources)?;
                self.environments.insert(name(&path), unit);
            }
        }
        Ok(())
    }

    fn unit(&mut self, folder: &Path, sources: &mut Sources) -> Result<Unit, Problems> {
        let manifest = sources.yaml(&folder.join("manifest.yml"))?;
        if manifest.entries().is_empty() {
            return Err(sources.problem(
                manifest.place,
                format!("expected a mapping, found {}", manifest.what()),
                "write `name:` and `type:`",
            ));
        }
        Ok(Unit { manifest, addons: files(&folder.join("addons"), sources)?, patches: self.patched(folder, sources)? })
    }

    fn patched(&mut self, folder: &Path, sources: &mut Sources) -> Result<Vec<Item>, Problems> {
        let overrides = folder.join("overrides");
        for name in ["stack.ts", "cdk.json"] {
            if overrides.join(name).is_file() {
                self.programs.push(overrides.join(name));
                break;
            }
        }
        let path = overrides.join("cfn.patches.yml");
        if path.is_file() { Ok(vec![sources.yaml(&path)?]) } else { Ok(Vec::new()) }
    }
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The folders in `folder`, in the order of their names.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    all.sort();
    all
}

/// The templates in a folder of addons.
fn files(folder: &Path, sources: &mut Sources) -> Result<Vec<Item>, Problems> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.is_file() && path.extension().is_some_and(|end| end == "yml" || end == "yaml"));
    // Those that hold what others read come first.
    paths.sort();
    paths.into_iter().map(|path| sources.yaml(&path)).collect()
}
