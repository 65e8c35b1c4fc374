//! An EFS access point: the directory of a volume that tasks mount, its owner, and the user as which tasks read and
//! write. AWS cannot change an access point.
//!
//! <https://docs.aws.amazon.com/efs/latest/ug/efs-access-points.html>

use aws_sdk_efs::types::{AccessPointDescription, CreationInfo, LifeCycleState, PosixUser, RootDirectory};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Context, Cost, Doc, Kind, Replacement},
    kinds::efs::{self, BUSY, NO_FILE_SYSTEM},
    model::{Address, Changes, Diff, Failure, Found, Input, NoField, On, Outputs, Permission, Phase, Shown, fields},
};

/// An access point.
pub struct AccessPoint;

/// The access point that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The file system.
    pub file_system: Input,
    /// The directory, from the root of the file system.
    pub path: String,
    /// The user and group ids that own all files, whoever writes them, such as `1000:1000`. If `None`, each process
    /// uses its own ids.
    pub owner: Option<String>,
    /// The permissions of the new directory, in octal digits.
    pub mode: String,
}

/// The access point as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `fsap-…`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The file system.
    pub file_system: String,
    /// The directory.
    pub path: String,
    /// The user and group ids as which all clients read and write. If `None`, each process uses its own ids.
    pub owner: Option<String>,
    /// The permissions with which the directory was created.
    pub mode: String,
    /// The state that EFS reports.
    pub state: String,
}

fields! {
    /// The fields whose change replaces the access point.
    pub enum Fixed {
        FileSystem = "file_system",
        Path = "path",
        Owner = "owner",
        Mode = "mode",
    }
}

impl Kind for AccessPoint {
    type Desired = Desired;
    type Live = Live;
    type Field = NoField;
    type Fixed = Fixed;

    const NAME: &'static str = "access_point";
    const DOC: Doc = Doc {
        summary: "The folder of a volume that tasks mount, and the user that they write as.",
        page: "https://docs.aws.amazon.com/efs/latest/ug/efs-access-points.html",
    };
    const USES: &'static [&'static str] = &["file_system"];
    // Tasks read and write files as long as they run.
    const OUTLIVES: &'static [&'static str] = &["service", "schedule", "task_definition"];
    const RARE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for the files");
    const NOT_YET: &'static [&'static str] = &[NO_FILE_SYSTEM];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&["elasticfilesystem:DescribeAccessPoints"]),
        Permission::make(&["elasticfilesystem:CreateAccessPoint", "elasticfilesystem:TagResource"], On::Tagged),
        Permission::delete(&["elasticfilesystem:DeleteAccessPoint"], On::Owned),
    ];
    // Tasks must move to the new access point before the old one is deleted.
    const REPLACEMENT: Replacement = Replacement::CreateFirst;

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let found = efs::file_systems(cx).await?.into_iter().map(|(_, one)| async move {
            let all = of_file_system(cx, one.file_system_id()).await?;
            let found = all.into_iter().filter_map(|one| {
                let address = aws::address_of(&cx.id, one.tags()).filter(|address| address.kind() == Self::NAME)?;
                let live = live(one)?;
                Some(Found { address, id: live.id.clone(), live })
            });
            Ok::<_, Failure>(found.collect::<Vec<_>>())
        });
        Ok(try_join_all(found).await?.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<NoField, Fixed> {
        let owner = |owner: &Option<String>| owner.as_ref().map_or(Shown::Absent, Shown::value);
        let mut diff = Diff::new();
        diff.fixed_input(Fixed::FileSystem, &live.file_system, &desired.file_system);
        diff.fixed(Fixed::Path, &live.path, &desired.path);
        if live.owner != desired.owner {
            diff.push_fixed(Fixed::Owner, owner(&live.owner), owner(&desired.owner));
        }
        diff.fixed(Fixed::Mode, &live.mode, &desired.mode);
        diff.finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        efs::phase(&live.state)
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id).with("arn", &live.arn)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let file_system = desired.file_system.get()?;
        let user = desired.owner.as_deref().map(user).transpose()?;
        let (uid, gid) = user.unwrap_or_default();
        let made = CreationInfo::builder().owner_uid(uid).owner_gid(gid).permissions(&desired.mode).build();
        let root = RootDirectory::builder().path(&desired.path).creation_info(made.map_err(aws::incomplete)?).build();
        let user = user
            .map(|(uid, gid)| PosixUser::builder().uid(uid).gid(gid).build())
            .transpose()
            .map_err(aws::incomplete)?;
        let owner = desired.owner.as_deref().unwrap_or_default();
        // Repeated calls of one run must create one access point.
        let which = format!("{file_system} {} {owner} {} {}", desired.path, desired.mode, cx.run);
        let token = aws::discriminated(&cx.id, address, &which, 64);
        let call = cx
            .aws
            .efs
            .create_access_point()
            .client_token(&token)
            .file_system_id(file_system)
            .set_posix_user(user)
            .root_directory(root)
            .set_tags(Some(aws::tags(&cx.id, address)));
        let answer =
            call.customize().once().send().await.or_absent("CreateAccessPoint", &["AccessPointAlreadyExists"])?;
        let (id, arn, state) = if let Some(made) = answer {
            (made.access_point_id, made.access_point_arn, made.life_cycle_state)
        } else {
            let all = of_file_system(cx, file_system).await?;
            let made = all.into_iter().find(|one| one.client_token() == Some(&token));
            let made = given(made, "DescribeAccessPoints", "AccessPoints")?;
            (made.access_point_id, made.access_point_arn, made.life_cycle_state)
        };
        Ok(Live {
            id: given(id, "CreateAccessPoint", "AccessPointId")?,
            arn: given(arn, "CreateAccessPoint", "AccessPointArn")?,
            file_system: file_system.to_owned(),
            path: desired.path.clone(),
            owner: desired.owner.clone(),
            mode: desired.mode.clone(),
            state: state.map(|state| state.as_str().to_owned()).unwrap_or_default(),
        })
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.efs.delete_access_point().access_point_id(&live.id).customize().once();
        call.send().await.or_absent("DeleteAccessPoint", &["AccessPointNotFound"]).map(drop)
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&[BUSY]).then_some("the file system to finish another operation")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        let base =
            || Desired { file_system: "fs-given".into(), path: "/uploads".into(), owner: None, mode: "0777".into() };
        crate::kind::Sample::new(super::model::cloud_with_file_system, base())
            .named("uploads")
            .variant(&["file_system"], Desired { file_system: "fs-other".into(), ..base() })
            .variant(&["path"], Desired { path: "/others".into(), ..base() })
            .variant(&["owner"], Desired { owner: Some("1000:1000".into()), ..base() })
            .variant(&["mode"], Desired { mode: "0750".into(), ..base() })
    }
}

/// Parses the two numbers of `1000:1000`.
fn user(owner: &str) -> Result<(i64, i64), Failure> {
    let numbers = owner.split_once(':').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
    numbers.ok_or_else(|| {
        Failure::internal(format!("invalid owner `{owner}`: expected the numbers of a user and a group"))
    })
}

/// Returns all access points of a file system. Empty if the file system does not exist.
async fn of_file_system(cx: &Context, file_system: &str) -> Result<Vec<AccessPointDescription>, Failure> {
    let pages = cx.aws.efs.describe_access_points().file_system_id(file_system).into_paginator().items().send();
    let all: Option<Vec<AccessPointDescription>> =
        pages.try_collect().await.or_absent("DescribeAccessPoints", &[NO_FILE_SYSTEM])?;
    let there = all.unwrap_or_default().into_iter();
    Ok(there.filter(|one| one.life_cycle_state() != Some(&LifeCycleState::Deleted)).collect())
}

fn live(one: AccessPointDescription) -> Option<Live> {
    let root = one.root_directory();
    let made = root.and_then(RootDirectory::creation_info);
    Some(Live {
        path: root.and_then(RootDirectory::path).unwrap_or_default().to_owned(),
        owner: one.posix_user().map(|user| format!("{}:{}", user.uid(), user.gid())),
        mode: made.map(|made| made.permissions().to_owned()).unwrap_or_default(),
        state: one.life_cycle_state().map(|state| state.as_str().to_owned()).unwrap_or_default(),
        id: one.access_point_id?,
        arn: one.access_point_arn?,
        file_system: one.file_system_id?,
    })
}
