//! An in-memory model of CloudWatch Logs with the operations that the log group kind calls, as the API reference
//! describes them.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html>

use std::collections::BTreeMap;

use aws_sdk_cloudwatchlogs::{
    operation::{
        create_log_group::{CreateLogGroupError, CreateLogGroupInput, CreateLogGroupOutput},
        delete_log_group::{DeleteLogGroupError, DeleteLogGroupInput, DeleteLogGroupOutput},
        describe_log_groups::{DescribeLogGroupsError, DescribeLogGroupsInput, DescribeLogGroupsOutput},
        put_log_group_deletion_protection::{
            PutLogGroupDeletionProtectionError, PutLogGroupDeletionProtectionInput, PutLogGroupDeletionProtectionOutput,
        },
        put_retention_policy::{PutRetentionPolicyError, PutRetentionPolicyInput, PutRetentionPolicyOutput},
    },
    types::LogGroup,
};

use crate::aws::model::{Cloud, Refusal, Service, line};

/// The allowed retention periods, in days.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
const DAYS: &[i32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// The log groups of the account in the region, by name.
#[derive(Clone, Default)]
pub(super) struct Logs(BTreeMap<String, Group>);

#[derive(Clone)]
struct Group {
    /// The retention in days. `None` means forever.
    retention: Option<i32>,
    protected: bool,
    tags: Vec<(String, String)>,
}

impl Service for Logs {
    fn present(&self) -> Vec<String> {
        let line = |(name, group): (&String, &Group)| {
            format!("{} called {name}, kept {:?} days", line("log group", &group.tags), group.retention)
        };
        self.0.iter().map(line).collect()
    }
}

/// Returns an AWS with CloudWatch Logs and a log group that belongs to no stack.
pub(super) fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.on(CreateLogGroupError::generic, create);
    cloud.on(DescribeLogGroupsError::generic, describe);
    cloud.on(PutRetentionPolicyError::generic, put_retention);
    cloud.on(PutLogGroupDeletionProtectionError::generic, protect);
    cloud.on(DeleteLogGroupError::generic, delete);
    let of_nobody = Group { retention: None, protected: false, tags: Vec::new() };
    cloud.with(|logs: &mut Logs| logs.0.insert("/aws/given".to_owned(), of_nobody));
    cloud
}

impl Logs {
    /// Removes the retention of every group, as a user of the console would.
    pub(super) fn keep_for_ever(&mut self) {
        self.0.values_mut().for_each(|group| group.retention = None);
    }

    /// Enables deletion protection for every group, as a user of the console would.
    pub(super) fn protect(&mut self) {
        self.0.values_mut().for_each(|group| group.protected = true);
    }

    fn group(&mut self, name: Option<&str>) -> Result<&mut Group, Refusal> {
        let group = self.0.get_mut(name.unwrap_or_default());
        group.ok_or_else(|| Refusal::new("ResourceNotFoundException", "the specified log group does not exist"))
    }
}

fn create(logs: &mut Logs, input: &CreateLogGroupInput) -> Result<CreateLogGroupOutput, Refusal> {
    let name = input.log_group_name().unwrap_or_default();
    if logs.0.contains_key(name) {
        return Err(Refusal::new("ResourceAlreadyExistsException", "the specified log group already exists"));
    }
    let mut tags: Vec<(String, String)> = input.tags.clone().unwrap_or_default().into_iter().collect();
    tags.sort();
    logs.0.insert(name.to_owned(), Group { retention: None, protected: false, tags });
    Ok(CreateLogGroupOutput::builder().build())
}

#[expect(clippy::unnecessary_wraps, reason = "all handlers have one shape, and this operation is never refused")]
fn describe(logs: &mut Logs, input: &DescribeLogGroupsInput) -> Result<DescribeLogGroupsOutput, Refusal> {
    let prefix = input.log_group_name_prefix().unwrap_or_default();
    let shown = logs.0.iter().filter(|(name, _)| name.starts_with(prefix));
    let shown = shown.map(|(name, group)| {
        let shown = LogGroup::builder().log_group_name(name).set_retention_in_days(group.retention);
        shown.deletion_protection_enabled(group.protected).build()
    });
    Ok(DescribeLogGroupsOutput::builder().set_log_groups(Some(shown.collect())).build())
}

fn put_retention(logs: &mut Logs, input: &PutRetentionPolicyInput) -> Result<PutRetentionPolicyOutput, Refusal> {
    let group = logs.group(input.log_group_name())?;
    if !input.retention_in_days().is_some_and(|days| DAYS.contains(&days)) {
        return Err(Refusal::new("InvalidParameterException", "the number of days is not one of those that exist"));
    }
    group.retention = input.retention_in_days();
    Ok(PutRetentionPolicyOutput::builder().build())
}

fn protect(
    logs: &mut Logs,
    input: &PutLogGroupDeletionProtectionInput,
) -> Result<PutLogGroupDeletionProtectionOutput, Refusal> {
    let group = logs.group(input.log_group_identifier())?;
    group.protected = input.deletion_protection_enabled() == Some(true);
    Ok(PutLogGroupDeletionProtectionOutput::builder().build())
}

fn delete(logs: &mut Logs, input: &DeleteLogGroupInput) -> Result<DeleteLogGroupOutput, Refusal> {
    if logs.group(input.log_group_name())?.protected {
        let message = "Cannot delete log group with deletion protection enabled. Disable deletion protection first.";
        return Err(Refusal::new("ValidationException", message));
    }
    logs.0.remove(input.log_group_name().unwrap_or_default());
    Ok(DeleteLogGroupOutput::builder().build())
}
