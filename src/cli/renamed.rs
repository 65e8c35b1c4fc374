//! A stack with a new name is a new stack: the one with the old name runs, and costs, until somebody deletes it.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    cli::{
        project::{Project, View},
        provenance::git,
    },
    engine,
    kind::Context,
    model::{Failure, StackId},
    output::Output,
};

/// How many changes of the name are looked at.
const CHANGES: &str = "-n5";

/// Warns if nothing of the stack exists, and a stack with a name that stack.yaml had before does. git knows the earlier names.
pub(super) async fn warn(project: &Project, view: &View, output: &Output) -> Result<(), Failure> {
    if !view.live.is_empty() {
        return Ok(());
    }
    for name in earlier_names(project).await {
        let id = StackId { stack: name.clone(), environment: project.cx.id.environment.clone() };
        let cx = Context::new(id.clone(), Arc::clone(&project.cx.aws), project.cx.images.clone());
        if !engine::observe_kind(&project.kinds, &cx, "cluster").await?.is_empty() {
            output.status(&format!(
                "warning: stack.yaml had the name {name} before, and {id} still exists in {}. With the new name, `up` \
                 creates a second stack. To delete the old one, set `name: {name}` and run `stackctl destroy`.",
                project.stack.region
            ));
        }
    }
    Ok(())
}

/// The names that stack.yaml had before, as far as git knows them.
async fn earlier_names(project: &Project) -> BTreeSet<String> {
    let Some(file) = project.file.file_name().and_then(|name| name.to_str()) else { return BTreeSet::new() };
    let log = ["log", CHANGES, "--format=%H", "-G^name:", "--", file];
    let changes = git(&project.folder, &log).await.unwrap_or_default();
    let mut names = BTreeSet::new();
    for commit in changes.lines() {
        let versions = [format!("{commit}:./{file}"), format!("{commit}^:./{file}")];
        for version in versions {
            let text = git(&project.folder, &["show", &version]).await.unwrap_or_default();
            names.extend(name_in(&text).map(str::to_owned));
        }
    }
    names.remove(&project.stack.name);
    names
}

/// The name in the text of a stack.yaml.
fn name_in(text: &str) -> Option<&str> {
    let value = text.lines().find_map(|line| line.strip_prefix("name:"))?;
    let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
    let is_name = !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    is_name.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_read_from_a_version_of_the_file() {
        assert_eq!(name_in("# shop\nname: \"shop\" # ours\nregion: eu-west-1\n"), Some("shop"));
        assert_eq!(name_in("region: eu-west-1\n"), None);
        assert_eq!(name_in("name: ${NAME}\n"), None);
    }
}
