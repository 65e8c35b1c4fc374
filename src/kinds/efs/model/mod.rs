//! An in-memory model of Amazon EFS with the operations that its kinds call, as the API reference describes them.
//! Creating and deleting a resource takes two reads.
//! <https://docs.aws.amazon.com/efs/latest/ug/api-reference.html>

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and some operations are never refused")]

mod file_systems;
mod inside;
mod state;

use crate::{
    aws::{self, model::Cloud},
    model::{Address, StackId},
};
pub(super) use state::Efs;
use state::FileSystem;

/// Returns an AWS with EFS and a file system that belongs to no stack.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    file_systems::serve(&cloud);
    inside::serve(&cloud);
    cloud.with(|efs: &mut Efs| efs.file_systems.push(FileSystem::there("fs-of-others", Vec::new())));
    cloud
}

/// Returns the same AWS with two file systems for the stack's volume `uploads`, as during a replacement.
pub(super) fn cloud_with_file_system() -> Cloud {
    let cloud = cloud();
    let id = StackId { stack: "shop".into(), environment: "test".into() };
    cloud.with(|efs: &mut Efs| {
        for one in ["fs-given", "fs-other"] {
            let tags = aws::tags(&id, &Address::new("file_system", "uploads"));
            efs.file_systems.push(FileSystem::there(one, tags));
        }
    });
    cloud
}
