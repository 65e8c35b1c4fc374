//! Helpers for the EFS kinds: which file systems belong to the stack. The kinds list the contents of each file system
//! themselves.

pub mod access_point;
pub mod file_system;
#[cfg(test)]
mod model;
pub mod mount_target;

use aws_sdk_efs::types::{FileSystemDescription, LifeCycleState};

use crate::{
    aws::{self, Outcome},
    kind::Context,
    model::{Address, Failure, Phase},
};

/// The error code for a file system that does not exist or is not visible everywhere yet.
pub(super) const NO_FILE_SYSTEM: &str = "FileSystemNotFound";

/// The error code for a call that needs an idle file system.
pub(super) const BUSY: &str = "IncorrectFileSystemLifeCycleState";

/// Returns the stack's file systems with their addresses, including those that are being deleted. They are listed once
/// per look at AWS.
pub(super) async fn file_systems(cx: &Context) -> Result<Vec<(Address, FileSystemDescription)>, Failure> {
    let read = async {
        let pages = cx.aws.efs.describe_file_systems().into_paginator().items().send();
        let all: Vec<FileSystemDescription> = pages.try_collect().await.during("DescribeFileSystems")?;
        Ok(all)
    };
    let all = cx.shared("file_systems", read).await?;
    let there = all.iter().filter(|one| *one.life_cycle_state() != LifeCycleState::Deleted);
    Ok(there.filter_map(|one| Some((aws::address_of(&cx.id, one.tags())?, one.clone()))).collect())
}

/// Returns the phase for a state of EFS.
pub(super) fn phase(state: &str) -> Phase {
    match LifeCycleState::from(state) {
        LifeCycleState::Available => Phase::Ready,
        LifeCycleState::Deleting | LifeCycleState::Deleted => Phase::Deleting(state.to_owned()),
        LifeCycleState::Error => Phase::Failed("EFS reports the state `error`".to_owned()),
        _ => Phase::Pending(state.to_owned()),
    }
}

/// Returns the letter of a zone, such as `a` for `eu-west-1a`. Returns the whole text if it is not a zone name.
pub fn letter(zone: &str) -> &str {
    let digits_end = zone.rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1);
    if digits_end < zone.len() { &zone[digits_end..] } else { zone }
}
