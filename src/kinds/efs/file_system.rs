//! The file system of a volume. It is encrypted, and clients must mount it over TLS with a role that is allowed to.
//!
//! EFS has no deletion protection, so `protect` is stored in a tag.
//!
//! <https://docs.aws.amazon.com/efs/latest/ug/whatisefs.html>

use std::time::Duration;

use aws_sdk_efs::types::{BackupPolicy, FileSystemDescription, LifeCycleState, Status, ThroughputMode};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    aws::{self, Once, Outcome, given},
    kind::{Charge, Context, Cost, Doc, Kind},
    kinds::efs::{self, BUSY, NO_FILE_SYSTEM},
    model::{Address, Changed, Changes, Diff, Failure, Found, NoField, On, Outputs, Permission, Phase, fields},
};

/// The tag that stores whether the file system is protected. Without the tag, it is protected.
const PROTECT: &str = "stackctl:protect";

/// The text by which a plan shows the policy that allows only roles, over TLS.
const ROLES_ONLY: &str = "roles of the account, over TLS";

/// The error code for a file system without a policy of the requested type.
const NO_POLICY: &str = "PolicyNotFound";

/// The name of the price for stored files.
const PRICE: &str = "volume GB month";

/// A file system.
pub struct FileSystem;

/// The file system that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// Whether AWS Backup takes a daily backup and keeps it for 35 days.
    pub backups: bool,
    /// The throughput mode: `bursting` or `elastic`.
    pub throughput: String,
    /// Whether deleting it requires `--unprotect`.
    pub protect: bool,
}

/// The file system as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// `fs-…`.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// The state that EFS reports.
    pub state: String,
    /// Whether AWS Backup takes a daily backup.
    pub backups: bool,
    /// The throughput mode: `bursting`, `elastic` or `provisioned`.
    pub throughput: String,
    /// The file system policy: [`ROLES_ONLY`], or the text of any other policy. Empty if there is none.
    pub policy: String,
    /// Whether deleting it requires `--unprotect`.
    pub protect: bool,
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        Backups = "backups",
        Throughput = "throughput",
        Policy = "policy",
        Protect = "protect",
    }
}

impl Kind for FileSystem {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "file_system";
    const HEADLINE: &'static [&'static str] = &["throughput"];
    const DOC: Doc = Doc {
        summary: "Stores the files of a volume.",
        page: "https://docs.aws.amazon.com/efs/latest/ug/whatisefs.html",
    };
    const USES: &'static [&'static str] = &[];
    // Tasks read and write files as long as they run.
    const OUTLIVES: &'static [&'static str] = &["service", "schedule", "task_definition"];
    // Nobody knows in advance how much is stored, so the price of one GiB is shown.
    const RARE: bool = true;
    const COST: Cost<Desired, Live> = Cost::Counted {
        prices: &[PRICE],
        charge: |_, _, _| Ok(Some(Charge::new("for each GiB of files").plus(PRICE, 1.0))),
    };
    const NOT_YET: &'static [&'static str] = &[NO_FILE_SYSTEM];
    const PERMISSIONS: &'static [Permission] = &[
        Permission::look(&[
            "elasticfilesystem:DescribeBackupPolicy",
            "elasticfilesystem:DescribeFileSystemPolicy",
            "elasticfilesystem:DescribeFileSystems",
        ]),
        Permission::make(&["elasticfilesystem:CreateFileSystem", "elasticfilesystem:TagResource"], On::Tagged),
        Permission::make(
            &[
                "elasticfilesystem:PutBackupPolicy",
                "elasticfilesystem:PutFileSystemPolicy",
                "elasticfilesystem:TagResource",
                "elasticfilesystem:UpdateFileSystem",
            ],
            On::Owned,
        ),
        Permission::make(&["iam:CreateServiceLinkedRole"], On::ServiceRole("elasticfilesystem.amazonaws.com")),
        Permission::delete(&["elasticfilesystem:DeleteFileSystem"], On::Owned),
    ];
    const IN_TWO_STEPS: bool = true;
    const USUAL: Duration = Duration::from_secs(10);

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        let all = efs::file_systems(cx).await?.into_iter();
        let found = all.filter(|(address, _)| address.kind() == Self::NAME).map(|(address, one)| async move {
            let live = Box::pin(live(cx, &one)).await?;
            Ok::<_, Failure>(live.map(|live| Found { address, id: live.id.clone(), live }))
        });
        Ok(try_join_all(found).await?.into_iter().flatten().collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        Diff::new()
            .field(Field::Backups, &live.backups, &desired.backups)
            .field(Field::Throughput, &live.throughput, &desired.throughput)
            .field(Field::Policy, &live.policy.as_str(), &ROLES_ONLY)
            .field(Field::Protect, &live.protect, &desired.protect)
            .finish()
    }

    fn phase(live: &Live, _desired: Option<&Desired>) -> Phase {
        efs::phase(&live.state)
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("id", &live.id).with("arn", &live.arn)
    }

    /// The file system can be used while its throughput mode changes.
    fn outputs_hold(live: &Live) -> bool {
        live.state == LifeCycleState::Updating.as_str()
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let mut tags = aws::tags(&cx.id, address);
        tags.push(aws::tag(PROTECT, &desired.protect.to_string()));
        // Repeated calls of one run must create one file system.
        let token = aws::discriminated(&cx.id, address, &cx.run, 64);
        let call = cx
            .aws
            .efs
            .create_file_system()
            .creation_token(&token)
            .encrypted(true)
            .backup(desired.backups)
            .throughput_mode(desired.throughput.as_str().into())
            .set_tags(Some(tags));
        let answer =
            call.customize().once().send().await.or_absent("CreateFileSystem", &["FileSystemAlreadyExists"])?;
        let (id, arn, state) = if let Some(made) = answer {
            (made.file_system_id, made.file_system_arn, made.life_cycle_state)
        } else {
            let answer = cx.aws.efs.describe_file_systems().creation_token(&token).send().await;
            let all = answer.during("DescribeFileSystems")?.file_systems.unwrap_or_default();
            let made = given(all.into_iter().next(), "DescribeFileSystems", "FileSystems")?;
            (made.file_system_id, made.file_system_arn, made.life_cycle_state)
        };
        Ok(Live {
            id,
            arn: given(arn, "CreateFileSystem", "FileSystemArn")?,
            state: state.as_str().to_owned(),
            backups: desired.backups,
            throughput: desired.throughput.clone(),
            policy: String::new(),
            protect: desired.protect,
        })
    }

    async fn update(
        cx: &Context,
        _address: &Address,
        desired: &Desired,
        live: &Live,
        changes: &Changed<Field>,
    ) -> Result<Live, Failure> {
        let (efs, mut live) = (&cx.aws.efs, live.clone());
        let id = live.id.clone();
        for field in changes {
            match field {
                Field::Backups => {
                    let status = if desired.backups { Status::Enabled } else { Status::Disabled };
                    let policy = BackupPolicy::builder().status(status).build();
                    let policy = policy.map_err(|error| Failure::internal(error.to_string()))?;
                    let call = efs.put_backup_policy().file_system_id(&id).backup_policy(policy);
                    call.customize().once().send().await.during("PutBackupPolicy")?;
                    live.backups = desired.backups;
                }
                Field::Throughput => {
                    let mode = ThroughputMode::from(desired.throughput.as_str());
                    let call = efs.update_file_system().file_system_id(&id).throughput_mode(mode).customize().once();
                    let answer = call.send().await.during("UpdateFileSystem").map_err(explained)?;
                    answer.life_cycle_state.as_str().clone_into(&mut live.state);
                    live.throughput.clone_from(&desired.throughput);
                }
                Field::Policy => {
                    let call =
                        efs.put_file_system_policy().file_system_id(&id).policy(roles_only(&live.arn).to_string());
                    call.customize().once().send().await.during("PutFileSystemPolicy")?;
                    ROLES_ONLY.clone_into(&mut live.policy);
                }
                Field::Protect => {
                    let tag = aws::tag(PROTECT, &desired.protect.to_string());
                    let call = efs.tag_resource().resource_id(&id).tags(tag).customize().once();
                    call.send().await.during("TagResource")?;
                    live.protect = desired.protect;
                }
            }
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        let call = cx.aws.efs.delete_file_system().file_system_id(&live.id).customize().once();
        call.send().await.or_absent("DeleteFileSystem", &[NO_FILE_SYSTEM]).map(drop)
    }

    fn identifiers(live: &Live) -> Vec<String> {
        vec![live.arn.clone()]
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        if failure.is(&[BUSY]) {
            Some("the file system to finish another operation")
        } else {
            failure.is(&["FileSystemInUse"]).then_some("its mount targets to be deleted")
        }
    }

    fn guard(live: &Live) -> Option<String> {
        live.protect.then(|| "deletion protection is on (`protect` of the volume)".to_owned())
    }

    fn loss(_address: &Address) -> Option<&'static str> {
        Some("is deleted with all its files; AWS Backup keeps each of its copies for 35 days")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        use super::model;

        let base = || Desired { backups: true, throughput: "bursting".into(), protect: true };
        crate::kind::Sample::new(model::cloud, base())
            .named("uploads")
            .variant(&["backups"], Desired { backups: false, ..base() })
            .variant(&["throughput"], Desired { throughput: "elastic".into(), ..base() })
            .variant(&["protect"], Desired { protect: false, ..base() })
            .drift(&["policy"], |cloud| cloud.with(model::Efs::let_everybody_in))
    }
}

/// Adds a hint to EFS's error for a second change of the throughput mode within a day.
/// <https://docs.aws.amazon.com/efs/latest/ug/performance.html#throughput-modes>
fn explained(failure: Failure) -> Failure {
    if failure.is(&["TooManyRequests"]) {
        return failure.hint("EFS can change the throughput mode once in 24 hours: restore `throughput` until then");
    }
    failure
}

/// Reads everything about a file system. Returns `None` if it was deleted in the meantime.
async fn live(cx: &Context, one: &FileSystemDescription) -> Result<Option<Live>, Failure> {
    let (efs, id) = (&cx.aws.efs, one.file_system_id());
    let (backups, policy) = futures::join!(
        efs.describe_backup_policy().file_system_id(id).send(),
        efs.describe_file_system_policy().file_system_id(id).send(),
    );
    let backups = backups.or_absent("DescribeBackupPolicy", &[NO_POLICY, NO_FILE_SYSTEM])?;
    let policy = policy.or_absent("DescribeFileSystemPolicy", &[NO_POLICY, NO_FILE_SYSTEM])?;
    let Some(arn) = one.file_system_arn().map(str::to_owned) else { return Ok(None) };
    let status = backups.and_then(|answer| answer.backup_policy).map(|policy| policy.status);
    let policy = policy.and_then(|answer| answer.policy);
    Ok(Some(Live {
        id: id.to_owned(),
        state: one.life_cycle_state().as_str().to_owned(),
        backups: matches!(status, Some(Status::Enabled | Status::Enabling)),
        throughput: one.throughput_mode().map(|mode| mode.as_str().to_owned()).unwrap_or_default(),
        policy: policy.map(|policy| shown(&arn, policy)).unwrap_or_default(),
        protect: aws::tag_value(one.tags(), PROTECT) != Some("false"),
        arn,
    }))
}

/// Returns the policy for access over TLS only. It allows nobody: roles of the account get access from their own
/// policies. Without a file system policy, EFS allows everybody who can reach a mount target.
/// <https://docs.aws.amazon.com/efs/latest/ug/iam-access-control-nfs-efs.html>
fn roles_only(arn: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": { "AWS": "*" },
        "Action": "*",
        "Resource": arn,
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    }] })
}

/// Returns a policy as a plan shows it: [`ROLES_ONLY`] for the policy of stackctl, the full text for any other.
fn shown(arn: &str, policy: String) -> String {
    let statements = |policy: &Value| policy["Statement"].clone();
    let is_ours =
        serde_json::from_str::<Value>(&policy).is_ok_and(|is| statements(&is) == statements(&roles_only(arn)));
    if is_ours { ROLES_ONLY.to_owned() } else { policy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_policy_is_recognized_despite_efs_additions() {
        let arn = "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-1";
        let mut policy = roles_only(arn);
        policy["Id"] = "efs-policy".into();
        assert_eq!(shown(arn, policy.to_string()), ROLES_ONLY);
        policy["Statement"][0]["Effect"] = "Allow".into();
        assert_eq!(shown(arn, policy.to_string()), policy.to_string());
    }
}
