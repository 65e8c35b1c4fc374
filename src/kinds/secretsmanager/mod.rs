//! Helpers for the kinds that use Secrets Manager: reading a secret value without exposing it.

#[cfg(test)]
pub(super) mod model;
pub mod secret;

use crate::{
    aws::{Outcome, given},
    kind::Context,
    model::{Failure, On, Permission},
};

/// The ARN pattern of the stack's secrets.
const ARNS: On = On::Named(&["secretsmanager:{region}:{account}:secret:{stack}/{environment}/*"]);

/// The permission to read the stack's secrets.
pub(super) const READING: Permission = Permission::make(&["secretsmanager:GetSecretValue"], ARNS);

/// A secret value. It implements neither `Debug` nor `Display`, so only [`Value::expose`] gives access to it.
pub(super) struct Value {
    text: String,
    version: String,
}

impl Value {
    /// Returns the value, for the one place that needs it.
    pub(super) fn expose(&self) -> &str {
        &self.text
    }

    /// Returns the id of its version, which reveals nothing about the value.
    pub(super) fn version(&self) -> &str {
        &self.version
    }
}

/// Returns the value of the secret `arn`.
pub(super) async fn value(cx: &Context, arn: &str) -> Result<Value, Failure> {
    let answer = cx.aws.secrets.get_secret_value().secret_id(arn).send().await.during("GetSecretValue")?;
    let text = given(answer.secret_string, "GetSecretValue", "SecretString")?;
    Ok(Value { text, version: given(answer.version_id, "GetSecretValue", "VersionId")? })
}
