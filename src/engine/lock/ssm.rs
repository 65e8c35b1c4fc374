//! Stores the lock of a stack as a parameter in SSM Parameter Store. The age of the lock is the difference between the
//! parameter's modification date and the date of the response, which are both by AWS's clock.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

use std::sync::Arc;

use aws_sdk_ssm::types::ParameterType;
use futures::future::BoxFuture;

use super::{Sending, Store, Stored};
use crate::{
    aws::{self, Aws, Once, Outcome},
    model::{Failure, StackId},
};

/// The store of the lock of one stack on AWS.
#[derive(Debug)]
pub struct SsmStore {
    aws: Arc<Aws>,
    name: String,
}

impl SsmStore {
    /// Returns the store for the lock of the stack `id`.
    pub fn new(aws: Arc<Aws>, id: &StackId) -> Self {
        Self { aws, name: format!("/stackctl/{}/{}/lock", id.stack, id.environment) }
    }
}

impl Store for SsmStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn create<'a>(&'a self, value: &'a str) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(async move {
            // No tags: they outlive a deleted parameter for a while, and creating a parameter of the same name then
            // fails.
            // https://github.com/awslabs/aws-orbit-workbench/issues/1170
            let call = self.aws.ssm.put_parameter().name(&self.name).r#type(ParameterType::String).value(value);
            let call = call.overwrite(false).customize().once();
            Ok(call.send().await.or_absent("PutParameter", &["ParameterAlreadyExists"])?.is_some())
        })
    }

    fn overwrite<'a>(&'a self, value: &'a str, sending: Sending) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let call = self.aws.ssm.put_parameter().name(&self.name).r#type(ParameterType::String).value(value);
            let call = call.overwrite(true);
            let answer = match sending {
                Sending::Once => call.customize().once().send().await,
                Sending::UntilAnswered => call.send().await,
            };
            answer.during("PutParameter").map(drop)
        })
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Stored>, Failure>> {
        Box::pin(async move {
            let clock = aws::Clock::default();
            let call = self.aws.ssm.get_parameter().name(&self.name).customize().interceptor(clock.clone());
            let answer = call.send().await.or_absent("GetParameter", &["ParameterNotFound"])?;
            let Some(parameter) = answer.and_then(|found| found.parameter) else { return Ok(None) };
            let value = aws::given(parameter.value, "GetParameter", "Parameter.Value")?;
            let written = aws::given(parameter.last_modified_date, "GetParameter", "Parameter.LastModifiedDate")?;
            Ok(Some(Stored { value, written: written.secs(), now: clock.now() }))
        })
    }

    fn delete(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let call = self.aws.ssm.delete_parameter().name(&self.name);
            call.send().await.or_absent("DeleteParameter", &["ParameterNotFound"]).map(drop)
        })
    }
}
