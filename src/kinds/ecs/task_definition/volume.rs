//! The volumes of a task, the mounts of its containers, and their tmpfs directories: how they are written to ECS,
//! compared and read back.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_data_volumes.html>

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    ContainerDefinition, EfsAuthorizationConfig, EfsAuthorizationConfigIam, EfsTransitEncryption,
    EfsVolumeConfiguration, LinuxParameters, MountPoint, TaskDefinition as SdkDefinition, Tmpfs, Volume as SdkVolume,
};
use serde::{Deserialize, Serialize};

use super::field::Field;
use crate::{
    aws,
    model::{Failure, Input, Name},
};

/// A volume of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Volume {
    /// Files that the containers of one task share. They are deleted with the task.
    Task,
    /// Files of an EFS file system, mounted over TLS with the role of the task.
    Efs {
        /// The id of the file system.
        file_system: Input,
        /// The id of the access point, which selects a directory.
        access_point: Input,
    },
}

/// A mount of a volume in a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mount {
    /// The directory in the container.
    pub path: String,
    /// Whether the mount is read-only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

/// Returns the values of volumes that `diff` compares. `None` for a value that depends on a resource that does not
/// exist yet.
pub(super) fn compared(volumes: &BTreeMap<String, Volume>) -> impl Iterator<Item = (Name<Field>, Option<String>)> {
    volumes.iter().map(|(name, volume)| {
        let value = match volume {
            Volume::Task => Some("of the task".to_owned()),
            Volume::Efs { file_system, access_point } => {
                let both = file_system.known().zip(access_point.known());
                both.map(|(file_system, access_point)| format!("{file_system} through {access_point}"))
            }
        };
        ((Field::Volumes, name).into(), value)
    })
}

/// Returns the values of mounts and tmpfs directories that `diff` compares.
pub(super) fn compared_mounts(
    mounts: &BTreeMap<String, Mount>,
    tmpfs: &BTreeMap<String, u32>,
) -> impl Iterator<Item = (Name<Field>, Option<String>)> {
    let tmpfs = tmpfs.iter().map(|(path, size)| ((Field::Tmpfs, path).into(), Some(format!("{size} MiB"))));
    let mounts = mounts.iter().map(|(volume, mount)| {
        let read_only = if mount.read_only { ", read-only" } else { "" };
        ((Field::Mounts, volume).into(), Some(format!("{}{read_only}", mount.path)))
    });
    mounts.chain(tmpfs)
}

/// Returns the volumes for ECS.
pub(super) fn written(volumes: &BTreeMap<String, Volume>) -> Result<Option<Vec<SdkVolume>>, Failure> {
    let written = volumes.iter().map(|(name, volume)| {
        let base = SdkVolume::builder().name(name);
        let Volume::Efs { file_system, access_point } = volume else { return Ok(base.build()) };
        let who = EfsAuthorizationConfig::builder()
            .access_point_id(access_point.get()?)
            .iam(EfsAuthorizationConfigIam::Enabled)
            .build();
        let efs = EfsVolumeConfiguration::builder()
            .file_system_id(file_system.get()?)
            .transit_encryption(EfsTransitEncryption::Enabled)
            .authorization_config(who)
            .build();
        Ok(base.efs_volume_configuration(efs.map_err(|error| Failure::internal(error.to_string()))?).build())
    });
    let written = written.collect::<Result<Vec<_>, Failure>>()?;
    Ok(Some(written).filter(|volumes| !volumes.is_empty()))
}

/// Returns the mounts for ECS.
pub(super) fn written_mounts(mounts: &BTreeMap<String, Mount>) -> Option<Vec<MountPoint>> {
    let written = mounts.iter().map(|(volume, mount)| {
        MountPoint::builder().source_volume(volume).container_path(&mount.path).read_only(mount.read_only).build()
    });
    Some(written.collect::<Vec<_>>()).filter(|mounts| !mounts.is_empty())
}

/// Returns the Linux parameters for ECS: the init process and the tmpfs directories.
pub(super) fn linux(init: bool, tmpfs: &BTreeMap<String, u32>) -> Result<Option<LinuxParameters>, Failure> {
    if !init && tmpfs.is_empty() {
        return Ok(None);
    }
    let folders = tmpfs.iter().map(|(path, size)| {
        let folder = Tmpfs::builder().container_path(path).size(aws::signed(*size)).build();
        folder.map_err(|error| Failure::internal(error.to_string()))
    });
    let folders = folders.collect::<Result<Vec<_>, _>>()?;
    let linux = LinuxParameters::builder().set_init_process_enabled(init.then_some(true));
    Ok(Some(linux.set_tmpfs(Some(folders).filter(|folders| !folders.is_empty())).build()))
}

/// Returns the tmpfs directories of `container`, with their sizes.
pub(super) fn read_tmpfs(container: &ContainerDefinition) -> BTreeMap<String, u32> {
    let folders = container.linux_parameters().map(LinuxParameters::tmpfs).unwrap_or_default().iter();
    folders.map(|one| (one.container_path().to_owned(), u32::try_from(one.size()).unwrap_or_default())).collect()
}

/// Reads the volumes of `definition`.
pub(super) fn read(definition: &SdkDefinition) -> BTreeMap<String, Volume> {
    let volumes = definition.volumes().iter().map(|volume| {
        let read = volume.efs_volume_configuration().map_or(Volume::Task, |efs| {
            let by = efs.authorization_config().and_then(EfsAuthorizationConfig::access_point_id);
            Volume::Efs { file_system: efs.file_system_id().into(), access_point: by.unwrap_or_default().into() }
        });
        (volume.name().unwrap_or_default().to_owned(), read)
    });
    volumes.collect()
}

/// Reads the mounts of `container`.
pub(super) fn read_mounts(container: &ContainerDefinition) -> BTreeMap<String, Mount> {
    let mounts = container.mount_points().iter().map(|mount| {
        let path = mount.container_path().unwrap_or_default().to_owned();
        let read = Mount { path, read_only: mount.read_only() == Some(true) };
        (mount.source_volume().unwrap_or_default().to_owned(), read)
    });
    mounts.collect()
}
