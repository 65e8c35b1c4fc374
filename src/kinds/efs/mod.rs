//! The kinds of Amazon EFS, and what they share: which file systems are the stack's. What is in one is found by asking for it.

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

/// The code for a file system that is not there, or not known everywhere yet.
pub(super) const NO_FILE_SYSTEM: &str = "FileSystemNotFound";

/// The code of a call that a file system takes only while nothing is done with it.
pub(super) const BUSY: &str = "IncorrectFileSystemLifeCycleState";

/// The stack's file systems by their addresses, also those that are being deleted. Read once in a look at the cloud.
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

/// What a state of EFS's means.
pub(super) fn phase(state: &str) -> Phase {
    match LifeCycleState::from(state) {
        LifeCycleState::Available => Phase::Ready,
        LifeCycleState::Deleting | LifeCycleState::Deleted => Phase::Deleting(state.to_owned()),
        LifeCycleState::Error => Phase::Failed("EFS reports the state `error`".to_owned()),
        _ => Phase::Pending(state.to_owned()),
    }
}

/// `a` of `eu-west-1a`; of what is no name of a zone, all of it.
pub fn letter(zone: &str) -> &str {
    let digits_end = zone.rfind(|c: char| c.is_ascii_digit()).map_or(0, |last| last + 1);
    if digits_end < zone.len() { &zone[digits_end..] } else { zone }
}
