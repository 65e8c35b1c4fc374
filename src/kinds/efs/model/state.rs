//! The EFS resources of the account in the region, and how they change from read to read.

use aws_sdk_efs::{
    primitives::DateTime,
    types::{
        AccessPointDescription, FileSystemDescription, FileSystemSize, LifeCycleState, PerformanceMode, Tag,
        ThroughputMode,
    },
};

use crate::{
    aws::model::{Refusal, Service, line},
    kinds::efs::{BUSY, NO_FILE_SYSTEM},
};

/// The number of reads after which a creation or deletion is complete.
pub(super) const LOOKS: u32 = 2;

pub(super) const ACCOUNT: &str = "arn:aws:elasticfilesystem:eu-west-1:123456789012";

/// The EFS resources of the account in the region.
#[derive(Clone, Default)]
pub(in super::super) struct Efs {
    made: u32,
    pub(super) file_systems: Vec<FileSystem>,
    pub(super) mount_targets: Vec<MountTarget>,
    pub(super) access_points: Vec<AccessPoint>,
}

#[derive(Clone)]
pub(super) struct FileSystem {
    pub(super) id: String,
    pub(super) token: String,
    pub(super) tags: Vec<Tag>,
    pub(super) backups: bool,
    pub(super) throughput: ThroughputMode,
    pub(super) policy: Option<String>,
    pub(super) step: Step,
}

#[derive(Clone)]
pub(super) struct MountTarget {
    pub(super) id: String,
    pub(super) file_system: String,
    pub(super) subnet: String,
    pub(super) groups: Vec<String>,
    pub(super) step: Step,
}

#[derive(Clone)]
pub(super) struct AccessPoint {
    pub(super) described: AccessPointDescription,
    pub(super) step: Step,
}

/// The progress of a creation or deletion. Each read advances it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Comes(u32),
    There,
    Goes(u32),
}

impl Step {
    pub(super) fn look(&mut self) {
        *self = match *self {
            Self::Comes(0) | Self::There => Self::There,
            Self::Comes(looks) => Self::Comes(looks - 1),
            Self::Goes(looks) => Self::Goes(looks.saturating_sub(1)),
        };
    }

    pub(super) fn state(&self) -> LifeCycleState {
        match self {
            Self::Comes(_) => LifeCycleState::Creating,
            Self::There => LifeCycleState::Available,
            Self::Goes(_) => LifeCycleState::Deleting,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        *self == Self::Goes(0)
    }
}

impl Service for Efs {
    fn present(&self) -> Vec<String> {
        let file_systems = self.file_systems.iter().map(|one| line("file system", &one.tags));
        let targets = self.mount_targets.iter().map(|one| format!("mount target in {}", one.subnet));
        let points = self.access_points.iter().map(|one| line("access point", one.described.tags()));
        file_systems.chain(targets).chain(points).collect()
    }
}

impl FileSystem {
    pub(super) fn there(id: &str, tags: Vec<Tag>) -> Self {
        let (backups, policy, throughput) = (false, None, ThroughputMode::Bursting);
        Self { id: id.to_owned(), token: String::new(), tags, backups, throughput, policy, step: Step::There }
    }

    pub(super) fn arn(&self) -> String {
        format!("{ACCOUNT}:file-system/{}", self.id)
    }

    pub(super) fn described(&self, targets: usize) -> FileSystemDescription {
        FileSystemDescription::builder()
            .file_system_id(&self.id)
            .file_system_arn(self.arn())
            .owner_id("123456789012")
            .creation_token(&self.token)
            .creation_time(DateTime::from_secs(0))
            .life_cycle_state(self.step.state())
            .number_of_mount_targets(i32::try_from(targets).unwrap_or_default())
            .size_in_bytes(FileSystemSize::builder().value(6144).build())
            .performance_mode(PerformanceMode::GeneralPurpose)
            .throughput_mode(self.throughput.clone())
            .set_tags(Some(self.tags.clone()))
            .build()
            .expect("all of it is given")
    }
}

impl Efs {
    pub(super) fn next(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}-{}", self.made)
    }

    /// Removes the resources whose deletion is complete.
    pub(super) fn look(&mut self) {
        self.file_systems.retain(|one| !one.step.is_over());
        self.mount_targets.retain(|one| !one.step.is_over());
        self.access_points.retain(|one| !one.step.is_over());
    }

    pub(super) fn file_system(&mut self, id: Option<&str>) -> Result<&mut FileSystem, Refusal> {
        self.look();
        let found = self.file_systems.iter_mut().find(|one| Some(one.id.as_str()) == id);
        found.ok_or_else(|| Refusal::new(NO_FILE_SYSTEM, "There is no such file system."))
    }

    /// Returns a file system that accepts changes.
    pub(super) fn available(&mut self, id: Option<&str>) -> Result<&mut FileSystem, Refusal> {
        let found = self.file_system(id)?;
        if found.step != Step::There {
            found.step.look();
            return Err(Refusal::new(BUSY, "The file system is not available."));
        }
        Ok(found)
    }

    /// Removes the policy of every file system, as a user of the console would.
    pub(in super::super) fn let_everybody_in(&mut self) {
        self.file_systems.iter_mut().for_each(|one| one.policy = None);
    }
}
