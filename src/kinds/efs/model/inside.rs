//! The operations on mount targets and access points.

use aws_sdk_efs::{
    operation::{
        create_access_point::{CreateAccessPointError, CreateAccessPointInput, CreateAccessPointOutput},
        create_mount_target::{CreateMountTargetError, CreateMountTargetInput, CreateMountTargetOutput},
        delete_access_point::{DeleteAccessPointError, DeleteAccessPointInput, DeleteAccessPointOutput},
        delete_mount_target::{DeleteMountTargetError, DeleteMountTargetInput, DeleteMountTargetOutput},
        describe_access_points::{DescribeAccessPointsError, DescribeAccessPointsInput, DescribeAccessPointsOutput},
        describe_mount_target_security_groups::{
            DescribeMountTargetSecurityGroupsError, DescribeMountTargetSecurityGroupsInput,
            DescribeMountTargetSecurityGroupsOutput,
        },
        describe_mount_targets::{DescribeMountTargetsError, DescribeMountTargetsInput, DescribeMountTargetsOutput},
        modify_mount_target_security_groups::{
            ModifyMountTargetSecurityGroupsError, ModifyMountTargetSecurityGroupsInput,
            ModifyMountTargetSecurityGroupsOutput,
        },
    },
    types::{AccessPointDescription, LifeCycleState, MountTargetDescription},
};

use super::state::{ACCOUNT, AccessPoint, Efs, LOOKS, MountTarget, Step};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateMountTargetError::generic, create_target);
    cloud.on(DescribeMountTargetsError::generic, targets);
    cloud.on(DescribeMountTargetSecurityGroupsError::generic, groups);
    cloud.on(ModifyMountTargetSecurityGroupsError::generic, set_groups);
    cloud.on(DeleteMountTargetError::generic, delete_target);
    cloud.on(CreateAccessPointError::generic, create_point);
    cloud.on(DescribeAccessPointsError::generic, points);
    cloud.on(DeleteAccessPointError::generic, delete_point);
}

/// The availability zone of all subnets in the samples.
const ZONE: &str = "eu-west-1a";

fn create_target(efs: &mut Efs, input: &CreateMountTargetInput) -> Result<CreateMountTargetOutput, Refusal> {
    let file_system = efs.available(input.file_system_id())?.id.clone();
    if efs.mount_targets.iter().any(|one| one.file_system == file_system) {
        return Err(Refusal::new("MountTargetConflict", "There is a mount target in this zone."));
    }
    let made = MountTarget {
        id: efs.next("fsmt"),
        file_system,
        subnet: input.subnet_id().unwrap_or_default().to_owned(),
        groups: input.security_groups().to_vec(),
        step: Step::Comes(LOOKS),
    };
    efs.mount_targets.push(made.clone());
    Ok(CreateMountTargetOutput::builder()
        .mount_target_id(made.id)
        .file_system_id(made.file_system)
        .subnet_id(made.subnet)
        .life_cycle_state(LifeCycleState::Creating)
        .availability_zone_name(ZONE)
        .build()
        .expect("all of it is given"))
}

fn targets(efs: &mut Efs, input: &DescribeMountTargetsInput) -> Result<DescribeMountTargetsOutput, Refusal> {
    let of = efs.file_system(input.file_system_id())?.id.clone();
    let shown = efs.mount_targets.iter_mut().filter(|one| one.file_system == of).map(|one| {
        let described = MountTargetDescription::builder()
            .mount_target_id(&one.id)
            .file_system_id(&one.file_system)
            .subnet_id(&one.subnet)
            .life_cycle_state(one.step.state())
            .availability_zone_name(ZONE)
            .build();
        one.step.look();
        described.expect("all of it is given")
    });
    Ok(DescribeMountTargetsOutput::builder().set_mount_targets(Some(shown.collect())).build())
}

fn target<'a>(efs: &'a mut Efs, id: Option<&str>) -> Result<&'a mut MountTarget, Refusal> {
    efs.look();
    let found = efs.mount_targets.iter_mut().find(|one| Some(one.id.as_str()) == id);
    found.ok_or_else(|| Refusal::new("MountTargetNotFound", "There is no such mount target."))
}

/// Returns a mount target whose security groups can be read and set.
fn ready_target<'a>(efs: &'a mut Efs, id: Option<&str>) -> Result<&'a mut MountTarget, Refusal> {
    let found = target(efs, id)?;
    if found.step != Step::There {
        return Err(Refusal::new("IncorrectMountTargetState", "The mount target is not available."));
    }
    Ok(found)
}

fn groups(
    efs: &mut Efs,
    input: &DescribeMountTargetSecurityGroupsInput,
) -> Result<DescribeMountTargetSecurityGroupsOutput, Refusal> {
    let groups = ready_target(efs, input.mount_target_id())?.groups.clone();
    let answer = DescribeMountTargetSecurityGroupsOutput::builder().set_security_groups(Some(groups));
    Ok(answer.build().expect("the groups are given"))
}

fn set_groups(
    efs: &mut Efs,
    input: &ModifyMountTargetSecurityGroupsInput,
) -> Result<ModifyMountTargetSecurityGroupsOutput, Refusal> {
    ready_target(efs, input.mount_target_id())?.groups = input.security_groups().to_vec();
    Ok(ModifyMountTargetSecurityGroupsOutput::builder().build())
}

fn delete_target(efs: &mut Efs, input: &DeleteMountTargetInput) -> Result<DeleteMountTargetOutput, Refusal> {
    target(efs, input.mount_target_id())?.step = Step::Goes(LOOKS);
    Ok(DeleteMountTargetOutput::builder().build())
}

fn create_point(efs: &mut Efs, input: &CreateAccessPointInput) -> Result<CreateAccessPointOutput, Refusal> {
    let file_system = efs.available(input.file_system_id())?.id.clone();
    if efs.access_points.iter().any(|one| one.described.client_token() == input.client_token()) {
        return Err(Refusal::new("AccessPointAlreadyExists", "There is an access point with this token."));
    }
    let id = efs.next("fsap");
    let arn = format!("{ACCOUNT}:access-point/{id}");
    let described = AccessPointDescription::builder()
        .set_client_token(input.client_token.clone())
        .access_point_id(&id)
        .access_point_arn(&arn)
        .file_system_id(file_system)
        .set_posix_user(input.posix_user.clone())
        .set_root_directory(input.root_directory.clone())
        .set_tags(input.tags.clone())
        .life_cycle_state(LifeCycleState::Creating);
    efs.access_points.push(AccessPoint { described: described.build(), step: Step::Comes(LOOKS) });
    let made = CreateAccessPointOutput::builder().access_point_id(id).access_point_arn(arn);
    Ok(made.life_cycle_state(LifeCycleState::Creating).build())
}

fn points(efs: &mut Efs, input: &DescribeAccessPointsInput) -> Result<DescribeAccessPointsOutput, Refusal> {
    efs.file_system(input.file_system_id())?;
    let of = |one: &&mut AccessPoint| one.described.file_system_id() == input.file_system_id();
    let shown = efs.access_points.iter_mut().filter(of).map(|one| {
        let mut described = one.described.clone();
        described.life_cycle_state = Some(one.step.state());
        one.step.look();
        described
    });
    Ok(DescribeAccessPointsOutput::builder().set_access_points(Some(shown.collect())).build())
}

fn delete_point(efs: &mut Efs, input: &DeleteAccessPointInput) -> Result<DeleteAccessPointOutput, Refusal> {
    efs.look();
    let found = efs.access_points.iter_mut().find(|one| one.described.access_point_id() == input.access_point_id());
    let found = found.ok_or_else(|| Refusal::new("AccessPointNotFound", "There is no such access point."))?;
    found.step = Step::Goes(LOOKS);
    Ok(DeleteAccessPointOutput::builder().build())
}
