//! The log group for the output of a service.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/WhatIsCloudWatchLogs.html>

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    aws::{self, Once, Outcome},
    kind::{Context, Cost, Doc, Kind},
    model::{
        Address, Changed, Changes, Diff, Failure, Found, NoField, On, Outputs, Permission, Phase, StackId, fields,
    },
};

/// A log group.
pub struct LogGroup;

/// The log group that stack.yaml describes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The retention of events in days. Must be one of the values that CloudWatch accepts.
    pub retention_days: u32,
}

/// The log group as AWS reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its name.
    pub name: String,
    /// The retention in days. 0 means forever.
    pub retention_days: u32,
    /// Whether somebody enabled deletion protection.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/protecting-log-groups-from-deletion.html>
    #[serde(default)]
    pub protected: bool,
}

/// Returns the name of the log group at `address`.
pub fn name(id: &StackId, address: &Address) -> String {
    format!("{}{}", aws::log_prefix(id), address.name())
}

/// Returns the ARN pattern of the streams of the log group called `name`, for use in IAM policies in any region and
/// account.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html>
pub fn streams_arn(name: &str) -> String {
    format!("arn:aws:logs:*:*:log-group:{name}:*")
}

fields! {
    /// The fields that change in place.
    pub enum Field {
        RetentionDays = "retention_days",
    }
}

impl Kind for LogGroup {
    type Desired = Desired;
    type Live = Live;
    type Field = Field;
    type Fixed = NoField;

    const NAME: &'static str = "log_group";
    const HEADLINE: &'static [&'static str] = &["retention_days"];
    const DOC: Doc = Doc {
        summary: "The log of a service or a task.",
        page: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/WhatIsCloudWatchLogs.html",
    };
    const USES: &'static [&'static str] = &[];
    // Tasks write logs as long as they run.
    const OUTLIVES: &'static [&'static str] = &["service", "schedule", "task_definition"];
    const COST: Cost<Desired, Live> = Cost::Free("AWS charges for written and stored logs, which are not included");
    const NOT_YET: &'static [&'static str] = &[];
    const PERMISSIONS: &'static [Permission] = &[
        // The last two are for `stackctl logs` and for the last log lines of a failed task.
        Permission::look(&["logs:DescribeLogGroups", "logs:FilterLogEvents", "logs:GetLogEvents"]),
        Permission::make(
            &["logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource"],
            On::Named(&["logs:{region}:{account}:log-group:/stackctl/{stack}/{environment}/*"]),
        ),
        Permission::delete(
            // A deletion first removes the deletion protection.
            &["logs:DeleteLogGroup", "logs:PutLogGroupDeletionProtection"],
            On::Named(&["logs:{region}:{account}:log-group:/stackctl/{stack}/{environment}/*"]),
        ),
    ];

    async fn list(cx: &Context) -> Result<Vec<Found<Live>>, Failure> {
        // The response contains no tags. The name prefix belongs to the stack.
        let prefix = aws::log_prefix(&cx.id);
        let pages = cx.aws.logs.describe_log_groups().log_group_name_prefix(&prefix).into_paginator().items().send();
        let groups = pages.try_collect().await.during("DescribeLogGroups")?;
        Ok(groups
            .into_iter()
            .filter_map(|group| {
                let name = group.log_group_name?;
                let address = Address::new(Self::NAME, name.strip_prefix(&prefix)?);
                let days = group.retention_in_days.and_then(|days| u32::try_from(days).ok());
                let protected = group.deletion_protection_enabled == Some(true);
                let live = Live { name, retention_days: days.unwrap_or(0), protected };
                Some(Found { address, id: live.name.clone(), live })
            })
            .collect())
    }

    fn diff(desired: &Desired, live: &Live) -> Changes<Field, NoField> {
        Diff::new().field(Field::RetentionDays, &live.retention_days, &desired.retention_days).finish()
    }

    fn phase(_live: &Live, _desired: Option<&Desired>) -> Phase {
        Phase::Ready
    }

    fn outputs(live: &Live) -> Outputs {
        Outputs::new().with("name", &live.name)
    }

    async fn create(cx: &Context, address: &Address, desired: &Desired) -> Result<Live, Failure> {
        let name = name(&cx.id, address);
        let tags = HashMap::from_iter(aws::tags(&cx.id, address));
        let call = cx.aws.logs.create_log_group().log_group_name(&name).set_tags(Some(tags));
        let answer = call.customize().once().send().await;
        answer.or_absent("CreateLogGroup", &["ResourceAlreadyExistsException"])?;
        set_retention(cx, desired, Live { name, retention_days: 0, protected: false }).await
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
            live = match field {
                Field::RetentionDays => set_retention(cx, desired, live).await?,
            };
        }
        Ok(live)
    }

    async fn delete(cx: &Context, live: &Live) -> Result<(), Failure> {
        if live.protected {
            let call = cx.aws.logs.put_log_group_deletion_protection().log_group_identifier(&live.name);
            let answer = call.deletion_protection_enabled(false).customize().once().send().await;
            answer.or_absent("PutLogGroupDeletionProtection", &["ResourceNotFoundException"])?;
        }
        let call = cx.aws.logs.delete_log_group().log_group_name(&live.name).customize().once();
        call.send().await.or_absent("DeleteLogGroup", &["ResourceNotFoundException"]).map(drop)
    }

    fn guard(live: &Live) -> Option<String> {
        live.protected.then(|| "deletion protection is on (setting of the log group)".to_owned())
    }

    fn passing(failure: &Failure) -> Option<&'static str> {
        failure.is(&["OperationAbortedException"]).then_some("another operation on it to finish")
    }

    fn loss(_address: &Address) -> Option<&'static str> {
        Some("is deleted with all its lines")
    }

    #[cfg(test)]
    fn sample() -> crate::kind::Sample<Desired> {
        crate::kind::Sample::new(super::model::cloud, Desired { retention_days: 30 })
            .variant(&["retention_days"], Desired { retention_days: 7 })
            .drift(&["retention_days"], |cloud| cloud.with(super::model::Logs::keep_for_ever))
    }
}

async fn set_retention(cx: &Context, desired: &Desired, live: Live) -> Result<Live, Failure> {
    let days = aws::signed(desired.retention_days);
    let call = cx.aws.logs.put_retention_policy().log_group_name(&live.name).retention_in_days(days);
    call.customize().once().send().await.during("PutRetentionPolicy")?;
    Ok(Live { retention_days: desired.retention_days, ..live })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{aws::model, kind::NoImages, kinds::logs::model as logs};

    #[tokio::test]
    async fn protected_log_group_is_deleted_only_on_request() {
        let cloud = logs::cloud();
        let id = StackId { stack: "shop".into(), environment: "test".into() };
        let cx = Context::new(id, Arc::new(model::session(&cloud)), Arc::new(NoImages));
        let made = LogGroup::create(&cx, &Address::new("log_group", "web"), &Desired { retention_days: 30 }).await;
        assert_eq!(LogGroup::guard(&made.expect("it is made")), None);
        cloud.with(logs::Logs::protect);
        let found = LogGroup::list(&cx).await.expect("it is listed");
        let live = &found[0].live;
        assert!(LogGroup::guard(live).is_some_and(|why| why.contains("deletion protection")));
        LogGroup::delete(&cx, live).await.expect("its protection is taken off first");
        assert_eq!(LogGroup::list(&cx).await, Ok(Vec::new()));
    }
}
