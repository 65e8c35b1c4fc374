//! The operations on file systems, their policies and their backups.

use aws_sdk_efs::{
    operation::{
        create_file_system::{CreateFileSystemError, CreateFileSystemInput, CreateFileSystemOutput},
        delete_file_system::{DeleteFileSystemError, DeleteFileSystemInput, DeleteFileSystemOutput},
        describe_backup_policy::{DescribeBackupPolicyError, DescribeBackupPolicyInput, DescribeBackupPolicyOutput},
        describe_file_system_policy::{
            DescribeFileSystemPolicyError, DescribeFileSystemPolicyInput, DescribeFileSystemPolicyOutput,
        },
        describe_file_systems::{DescribeFileSystemsError, DescribeFileSystemsInput, DescribeFileSystemsOutput},
        put_backup_policy::{PutBackupPolicyError, PutBackupPolicyInput, PutBackupPolicyOutput},
        put_file_system_policy::{PutFileSystemPolicyError, PutFileSystemPolicyInput, PutFileSystemPolicyOutput},
        tag_resource::{TagResourceError, TagResourceInput, TagResourceOutput},
        update_file_system::{UpdateFileSystemError, UpdateFileSystemInput, UpdateFileSystemOutput},
    },
    types::{BackupPolicy, LifeCycleState, PerformanceMode, Status, ThroughputMode},
};

use super::state::{Efs, FileSystem, LOOKS, Step};
use crate::aws::model::{Cloud, Refusal};

pub(super) fn serve(cloud: &Cloud) {
    cloud.on(CreateFileSystemError::generic, create);
    cloud.on(DescribeFileSystemsError::generic, describe);
    cloud.on(UpdateFileSystemError::generic, update);
    cloud.on(DeleteFileSystemError::generic, delete);
    cloud.on(TagResourceError::generic, tag);
    cloud.on(PutBackupPolicyError::generic, put_backups);
    cloud.on(DescribeBackupPolicyError::generic, backups);
    cloud.on(PutFileSystemPolicyError::generic, put_policy);
    cloud.on(DescribeFileSystemPolicyError::generic, policy);
}

fn create(efs: &mut Efs, input: &CreateFileSystemInput) -> Result<CreateFileSystemOutput, Refusal> {
    let token = input.creation_token().unwrap_or_default().to_owned();
    if efs.file_systems.iter().any(|one| one.token == token) {
        return Err(Refusal::new("FileSystemAlreadyExists", "There is a file system with this token."));
    }
    let made = FileSystem {
        id: efs.next("fs"),
        token,
        tags: input.tags().to_vec(),
        backups: input.backup() == Some(true),
        throughput: input.throughput_mode().cloned().unwrap_or(ThroughputMode::Bursting),
        policy: None,
        step: Step::Comes(LOOKS),
    };
    efs.file_systems.push(made.clone());
    let described = made.described(0);
    Ok(CreateFileSystemOutput::builder()
        .file_system_id(described.file_system_id())
        .set_file_system_arn(described.file_system_arn().map(str::to_owned))
        .owner_id(described.owner_id())
        .creation_token(described.creation_token())
        .creation_time(*described.creation_time())
        .life_cycle_state(described.life_cycle_state().clone())
        .number_of_mount_targets(0)
        .set_size_in_bytes(described.size_in_bytes().cloned())
        .performance_mode(PerformanceMode::GeneralPurpose)
        .set_tags(Some(made.tags))
        .build()
        .expect("all of it is given"))
}

fn describe(efs: &mut Efs, input: &DescribeFileSystemsInput) -> Result<DescribeFileSystemsOutput, Refusal> {
    efs.look();
    let targets: Vec<String> = efs.mount_targets.iter().map(|one| one.file_system.clone()).collect();
    let wanted = |one: &&mut FileSystem| input.creation_token().is_none_or(|token| one.token == token);
    let shown = efs.file_systems.iter_mut().filter(wanted).map(|one| {
        let described = one.described(targets.iter().filter(|of| **of == one.id).count());
        one.step.look();
        described
    });
    Ok(DescribeFileSystemsOutput::builder().set_file_systems(Some(shown.collect())).build())
}

fn update(efs: &mut Efs, input: &UpdateFileSystemInput) -> Result<UpdateFileSystemOutput, Refusal> {
    let one = efs.available(input.file_system_id())?;
    one.throughput = input.throughput_mode().cloned().unwrap_or(ThroughputMode::Bursting);
    let described = one.described(0);
    Ok(UpdateFileSystemOutput::builder()
        .file_system_id(described.file_system_id())
        .owner_id(described.owner_id())
        .creation_token(described.creation_token())
        .creation_time(*described.creation_time())
        .life_cycle_state(LifeCycleState::Updating)
        .number_of_mount_targets(0)
        .set_size_in_bytes(described.size_in_bytes().cloned())
        .performance_mode(PerformanceMode::GeneralPurpose)
        .set_tags(Some(Vec::new()))
        .build()
        .expect("all of it is given"))
}

fn delete(efs: &mut Efs, input: &DeleteFileSystemInput) -> Result<DeleteFileSystemOutput, Refusal> {
    efs.look();
    let has_targets = efs.mount_targets.iter_mut().any(|one| {
        let is_of = Some(one.file_system.as_str()) == input.file_system_id();
        if is_of {
            one.step.look();
        }
        is_of
    });
    let one = efs.file_system(input.file_system_id())?;
    if has_targets {
        return Err(Refusal::new("FileSystemInUse", "The file system has mount targets."));
    }
    one.step = Step::Goes(LOOKS);
    // The access points of the file system are deleted with it.
    efs.access_points.retain(|one| one.described.file_system_id() != input.file_system_id());
    Ok(DeleteFileSystemOutput::builder().build())
}

fn tag(efs: &mut Efs, input: &TagResourceInput) -> Result<TagResourceOutput, Refusal> {
    let one = efs.file_system(input.resource_id())?;
    for tag in input.tags() {
        one.tags.retain(|own| own.key() != tag.key());
        one.tags.push(tag.clone());
    }
    Ok(TagResourceOutput::builder().build())
}

fn backup_policy(on: bool) -> BackupPolicy {
    let status = if on { Status::Enabling } else { Status::Disabling };
    BackupPolicy::builder().status(status).build().expect("the status is given")
}

fn put_backups(efs: &mut Efs, input: &PutBackupPolicyInput) -> Result<PutBackupPolicyOutput, Refusal> {
    let wanted = input.backup_policy().map(BackupPolicy::status) == Some(&Status::Enabled);
    efs.available(input.file_system_id())?.backups = wanted;
    Ok(PutBackupPolicyOutput::builder().backup_policy(backup_policy(wanted)).build())
}

fn backups(efs: &mut Efs, input: &DescribeBackupPolicyInput) -> Result<DescribeBackupPolicyOutput, Refusal> {
    let on = efs.file_system(input.file_system_id())?.backups;
    Ok(DescribeBackupPolicyOutput::builder().backup_policy(backup_policy(on)).build())
}

fn put_policy(efs: &mut Efs, input: &PutFileSystemPolicyInput) -> Result<PutFileSystemPolicyOutput, Refusal> {
    efs.available(input.file_system_id())?.policy.clone_from(&input.policy);
    Ok(PutFileSystemPolicyOutput::builder().build())
}

fn policy(efs: &mut Efs, input: &DescribeFileSystemPolicyInput) -> Result<DescribeFileSystemPolicyOutput, Refusal> {
    match efs.file_system(input.file_system_id())?.policy.clone() {
        Some(policy) => Ok(DescribeFileSystemPolicyOutput::builder().policy(policy).build()),
        None => Err(Refusal::new("PolicyNotFound", "The file system has the default policy.")),
    }
}
