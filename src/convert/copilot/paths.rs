//! Paths of the workspace, as stack.yaml has them: from its own folder, and never out of it.

use std::path::{Component, Path, PathBuf};

/// Where the paths of the manifests lead from.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    /// The folder that has `copilot/`.
    root: PathBuf,
    /// How many folders above it the paths lead at most.
    up: usize,
    /// The names of these folders, down to `root`.
    below: Vec<String>,
}

impl Paths {
    /// For the workspace `root`, whose manifests name `paths`.
    pub(super) fn of<'a>(root: &Path, paths: impl Iterator<Item = &'a str>) -> Self {
        let up = paths.map(|path| ups(Path::new(path))).max().unwrap_or(0);
        let whole = root.canonicalize().unwrap_or_default();
        let names: Vec<String> = whole.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        let below = names.len().checked_sub(up).map(|at| names[at..].to_vec()).unwrap_or_default();
        Self { root: root.to_owned(), up: if below.len() == up { up } else { 0 }, below }
    }

    /// The folder that stack.yaml belongs in, from the workspace's own, if it is another one.
    pub(super) fn elsewhere(&self) -> Option<String> {
        (self.up > 0).then(|| vec![".."; self.up].join("/"))
    }

    /// `path` from the folder of stack.yaml.
    pub(super) fn of_stack(&self, path: &str) -> String {
        let mut parts: Vec<String> = self.below.iter().take(self.up).cloned().collect();
        let mut over = 0;
        for part in Path::new(path).components() {
            match part {
                Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
                Component::ParentDir if parts.pop().is_none() => over += 1,
                _ => {}
            }
        }
        let parts: Vec<String> = vec!["..".to_owned(); over].into_iter().chain(parts).collect();
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }

    /// The file or folder itself.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

/// How many folders above the first one a path leads.
fn ups(path: &Path) -> usize {
    let (mut depth, mut most) = (0_isize, 0_isize);
    for part in path.components() {
        match part {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
        most = most.max(-depth);
    }
    usize::try_from(most).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_from_the_folder_of_stack_yaml() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let below = root.path().join("deploy");
        std::fs::create_dir(&below).expect("it can be made");
        let paths = Paths::of(&below, ["../api/Dockerfile", "./web/Dockerfile"].into_iter());
        assert_eq!(paths.elsewhere().as_deref(), Some(".."));
        assert_eq!(paths.of_stack("../api/Dockerfile"), "api/Dockerfile");
        assert_eq!(paths.of_stack("./web"), "deploy/web");
        let paths = Paths::of(&below, ["web/../Dockerfile"].into_iter());
        assert_eq!(paths.elsewhere(), None);
        assert_eq!([paths.of_stack("./web/Dockerfile"), paths.of_stack("./")], ["web/Dockerfile", "."]);
    }
}
