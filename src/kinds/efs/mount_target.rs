//! An EFS mount target: the network interface through which the tasks in one zone reach a volume.
//!
//! A mount target has no tags. It belongs to the stack if its file system does, and its name contains the volume and
//! the zone.
//!
//! <https://docs.aws.amazon.com/efs/latest/ug/accessing-fs.html>

use std::time::Duration;

use aws_sdk_efs::types::{LifeCycleState, MountTargetDescription};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind, Replacement},
    kinds::efs::{self, BUSY, NO_FILE_SYSTEM, letter},
    model::{Address, Changed, Changes, Diff, Failure, Found, Input, On, Outputs, Permission, Phase, fields},
};

/// The error code for a mount target that does not exist.
const NOT_FOUND: &str = "MountTargetNotFound";

/// The error code for reading or setting the security groups of a mount target that is being created or deleted.
const NOT_READY: &str = "IncorrectMountTargetState";

/// A mount target.
pub struct MountTarget;

/// The mount target that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The file system.
    pub file_system: Input,
    /// The subnet of the mount target. A file system has at most one mount target in each zone.
    pub subnet: Input,
    /// The security group that allows tasks to connect.
    pub security_group: Input,
}

/// The mount target as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `fsmt-…`.
    pub id: String,
    /// The file system.
    pub file_system: String,
    /// The subnet of the mount target.
    pub subnet: String,
    /// The state that EFS reports.
    pub state: String,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// Its network interface, which EFS deletes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        SecurityGroups = "security_groups",
    }

    /// The fields whose change replaces the mount target.
    pub enum Fixed {
        FileSystem = "file_system",
    }
}

impl Kind for MountTarget {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = Fixed;

    const NAME: &'static str = "mount_target";
    const DOC: Doc = Doc {
        summary: "Connects the tasks in one availability zone to a volume.",
        page: "https://docs.aws.amazon.com/efs/latest/ug/accessing-fs.html",
    };
    const USES: &'static [&'static str] = &["file_system", "subnet", "security_group"];
    // Tasks read and write files as long as they run.
    const OUTLIVES: &'static [&'static str] = &["service", "schedule", "task_definition"];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for the files");
    const NOT_YET: &'static [&'static str] = &[NO_FILE_SYSTEM, "SecurityGroupNotFound", "SubnetNotFound"];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&[
            // EFS reads the security groups with the permissions of the caller.
            "ec2:DescribeNetworkInterfaceAttribute",
            "elasticfilesystem:DescribeMountTargetSecurityGroups",
            "elasticfilesystem:DescribeMountTargets",
        ]),
        Permission::make(
            &["elasticfilesystem:CreateMountTarget", "elasticfilesystem:ModifyMountTargetSecurityGroups"],
            On::Owned,
        ),
        // The actions that EFS performs with the permissions of the caller. A network interface has no known name
        // before it is created.
        // <https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html>
        Permission::make(
            &[
                "ec2:CreateNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets",
                "ec2:ModifyNetworkInterfaceAttribute",
            ],
            On::Any,
        ),
        Permission::delete(&["ec2:DeleteNetworkInterface"], On::Any),
        Permission::delete(&["elasticfilesystem:DeleteMountTarget"], On::Owned),
    ];
    const REPLACEMENT: Replacement = Replacement::DeleteFirst;
    const USUAL: Duration = Duration::from_secs(90);
    const DEADLINE: Duration = Duration::from_secs(900);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let file_systems = efs::file_systems(cx).await?;
        let found = file_systems.iter().map(|(address, one)| of_file_system(cx, address.name(), one.file_system_id()));
        Ok(try_join_all(found).await?.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, Fixed> {
        let mut diff = Diff::new();
        diff.fixed_input(Fixed::FileSystem, &live.file_system, &desired.file_system);
        // The subnet is not compared: every task of a zone can reach the mount target in any subnet of that zone, and
        // EFS allows no second one in the zone. EFS returns the security groups only when the mount target is
        // available.
        if live.state == LifeCycleState::Available.as_str() {
            let wanted = std::slice::from_ref(&desired.security_group);
            diff.inputs(Field::SecurityGroups, &live.security_groups, wanted);
        }
        diff.finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        efs::phase(&live.state)
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let (file_system, subnet) = (desired.file_system.get()?, desired.subnet.get()?);
        let group = desired.security_group.get()?;
        let call = cx.aws.efs.create_mount_target().file_system_id(file_system).subnet_id(subnet);
        let answer = call.security_groups(group).customize().once().send().await.during("CreateMountTarget");
        let made = match answer {
            Ok(made) => made,
            // An interrupted call has already created it.
            Err(failure) if failure.is(&["MountTargetConflict"]) => {
                let there = of_file_system(cx, address.name(), file_system).await?;
                let there = there.into_iter().find(|found| found.live.subnet == subnet).ok_or(failure)?;
                return Ok(there.live);
            }
            Err(failure) => return Err(failure),
        };
        Ok(Live {
            id: made.mount_target_id,
            file_system: file_system.to_owned(),
            subnet: subnet.to_owned(),
            state: made.life_cycle_state.as_str().to_owned(),
            security_groups: vec![group.to_owned()],
            interface: made.network_interface_id,
        })
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let mut live = live.clone();
        for field in changes {
            match field {
                Field::SecurityGroups => {
                    live.security_groups = vec![desired.security_group.get()?.to_owned()];
                    let call = cx.aws.efs.modify_mount_target_security_groups().mount_target_id(&live.id);
                    let call = call.set_security_groups(Some(live.security_groups.clone())).customize().once();
                    call.send().await.during("ModifyMountTargetSecurityGroups")?;
                }
            }
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.efs.delete_mount_target().mount_target_id(&live.id).customize().once();
        call.send().await.or_absent("DeleteMountTarget", &[NOT_FOUND]).map(drop)
    }

    fn identifiers(live: &Live) -> Vec<String> {
        live.interface.iter().cloned().collect()
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        if failure.is(&[BUSY]) {
            Some("the file system to finish another operation")
        } else if failure.is(&[NOT_READY]) {
            Some("the mount target to become available")
        } else {
            failure.is(&["DependencyTimeout"]).then_some("EFS to delete its network interface")
        }
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let desired = |file_system: &str, subnet: &str, group: &str| Desired {
            file_system: file_system.into(),
            subnet: subnet.into(),
            security_group: group.into(),
        };
        crate::kind::Sample::new(super::model::cloud_with_file_system, desired("fs-given", "subnet-given", "sg-given"))
            .named("uploads-a")
            .variant(&["file_system"], desired("fs-other", "subnet-given", "sg-given"))
            .variant(&["security_groups"], desired("fs-given", "subnet-given", "sg-other"))
    }
}

/// Returns the name of the mount target of `volume` in a zone.
pub fn name(volume: &str, zone: &str) -> String {
    format!("{volume}-{}", letter(zone))
}

/// Returns the mount targets of a file system, which belongs to `volume`.
async fn of_file_system(cx: &Context, volume: &str, file_system: &str) -> Result<Vec<Found<Live>>, Failure> {
    let pages = cx.aws.efs.describe_mount_targets().file_system_id(file_system).into_paginator().items().send();
    let all: Option<Vec<MountTargetDescription>> =
        pages.try_collect().await.or_absent("DescribeMountTargets", &[NO_FILE_SYSTEM])?;
    let there = all.unwrap_or_default().into_iter().filter(|one| *one.life_cycle_state() != LifeCycleState::Deleted);
    let found = there.map(|one| async move {
        let call = cx.aws.efs.describe_mount_target_security_groups().mount_target_id(one.mount_target_id());
        let groups = call.send().await.or_absent("DescribeMountTargetSecurityGroups", &[NOT_FOUND, NOT_READY])?;
        let live = Live {
            state: one.life_cycle_state().as_str().to_owned(),
            security_groups: groups.map(|answer| answer.security_groups).unwrap_or_default(),
            id: one.mount_target_id,
            file_system: one.file_system_id,
            subnet: one.subnet_id,
            interface: one.network_interface_id,
        };
        let zone = given(one.availability_zone_name, "DescribeMountTargets", "AvailabilityZoneName")?;
        let address = Address::new(MountTarget::NAME, name(volume, &zone));
        Ok(Found { address, id: live.id.clone(), live })
    });
    try_join_all(found).await
}
