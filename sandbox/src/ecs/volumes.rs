//! The volumes of a task, as folders of this computer. An EFS volume exists as long as its file system; a volume that
//! the containers of a task share is deleted with the task.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/efs-volumes.html>

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use super::{
    fargate::Ecs,
    input::text,
    work::{Folder, Unstarted},
};
use crate::{children, permissions, place::Place};

/// The agent's error for a file system that it cannot mount.
fn unmounted(why: &str) -> Unstarted {
    let what = "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr:";
    Unstarted(format!("{what} {why} : unsuccessful EFS utils command execution; code: 1"))
}

/// Returns the volumes of the task `arn`, by name.
pub(super) async fn of(
    ecs: &Arc<Ecs>,
    arn: &str,
    definition: &Value,
    roles: &Value,
) -> Result<BTreeMap<String, Folder>, Unstarted> {
    let declared: Vec<&Value> = definition["volumes"].as_array().into_iter().flatten().collect();
    if declared.is_empty() {
        return Ok(BTreeMap::new());
    }
    let known = ecs.works.moto.get("/volumes").await.unwrap_or_default();
    let (subnet, groups) = stands(ecs, arn);
    let task = Task { definition, roles, zone: text(&known["zones"], &subnet).to_owned(), groups };
    let volumes = declared.into_iter().map(|volume| {
        let name = text(volume, "name").to_owned();
        let efs = &volume["efsVolumeConfiguration"];
        let folder = if efs.is_null() {
            let id = arn.rsplit('/').next().unwrap_or_default();
            made(&of_task(&ecs.works.place, id).join(&name), true)
        } else {
            mounted(&ecs.works.place, &task, &known, efs)
        };
        Ok((name, folder?))
    });
    volumes.collect()
}

/// The task that mounts a volume.
struct Task<'a> {
    definition: &'a Value,
    roles: &'a Value,
    zone: String,
    groups: Vec<String>,
}

/// Returns the subnet and the security groups of a task.
fn stands(ecs: &Ecs, arn: &str) -> (String, Vec<String>) {
    let state = ecs.state();
    let Some(task) = state.tasks.get(arn) else { return <_>::default() };
    let groups = task.network["awsvpcConfiguration"]["securityGroups"].as_array().into_iter().flatten();
    let groups = groups.filter_map(Value::as_str).map(str::to_owned).collect();
    (task.subnet.clone().unwrap_or_default(), groups)
}

fn mounted(place: &Place, task: &Task, known: &Value, efs: &Value) -> Result<Folder, Unstarted> {
    let id = text(efs, "fileSystemId");
    let system = &known["file_systems"][id];
    let target = &system["targets"][task.zone.as_str()];
    if target.is_null() {
        return Err(unmounted(&format!(
            "Failed to resolve \"{id}.efs.amazonaws.com\" - check that your file system ID is correct, and ensure that the VPC has an \
             EFS mount target for this file system ID."
        )));
    }
    let admits = |source: &Value| {
        let source = source.as_str().unwrap_or_default();
        source.contains('/') || task.groups.iter().any(|group| group == source)
    };
    if !target.as_array().is_some_and(|sources| sources.iter().any(admits)) {
        return Err(unmounted("b'mount.nfs4: Connection timed out'"));
    }
    let (role, arn) = (text(task.definition, "taskRoleArn"), text(system, "arn"));
    let may = |action: &str| permissions::allows(task.roles, role, action, arn);
    if !may("elasticfilesystem:ClientMount") {
        return Err(unmounted("b'mount.nfs4: access denied by server while mounting 127.0.0.1:/'"));
    }
    let point = &known["access_points"][text(&efs["authorizationConfig"], "accessPointId")];
    if point["file_system"] != id {
        return Err(unmounted("b'mount.nfs4: access denied by server while mounting 127.0.0.1:/'"));
    }
    let path = place.dir.join("volumes").join(id).join(text(point, "path").trim_start_matches('/'));
    made(&path, may("elasticfilesystem:ClientWrite"))
}

/// Returns the folder at `path` and creates it if it is missing. All tasks here have the same user.
pub(super) fn made(path: &Path, writable: bool) -> Result<Folder, Unstarted> {
    let make = || {
        fs::create_dir_all(path)?;
        children::own(path)
    };
    make().map_err(|error| Unstarted(format!("ResourceInitializationError: {error:#}")))?;
    Ok(Folder { path: path.to_owned(), writable })
}

fn of_task(place: &Place, id: &str) -> PathBuf {
    place.dir.join("tasks").join(id).join("volumes")
}

/// Returns the parent folder of a task's in-memory folders. All processes of a container see the same files there.
pub(super) fn in_memory(place: &Place, id: &str) -> PathBuf {
    place.dir.join("tasks").join(id).join("memory")
}

/// Deletes the files of a task.
pub(super) fn forget(place: &Place, id: &str) {
    // Most tasks have none.
    for folder in [of_task(place, id), in_memory(place, id)] {
        drop(fs::remove_dir_all(folder));
    }
}

/// Returns the path of `path` in a container on this computer. Creates it if it is missing.
pub(super) fn place(root: &Path, path: &str) -> Result<PathBuf, Unstarted> {
    let mut place = root.to_owned();
    for part in Path::new(path).components() {
        let Component::Normal(part) = part else { continue };
        place.push(part);
        // A link in the image could point out of it.
        if place.is_symlink() {
            let why =
                format!("CannotStartContainerError: {path} leads through a link, and the sandbox mounts nothing there");
            return Err(Unstarted(why));
        }
    }
    fs::create_dir_all(&place).map_err(|error| Unstarted(format!("CannotStartContainerError: {error}")))?;
    Ok(place)
}
