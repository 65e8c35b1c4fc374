//! What the kinds that meet Secrets Manager share: reading a secret's value without letting it out.

#[cfg(test)]
pub(super) mod model;
pub mod secret;

use crate::{
    aws::{Outcome, given},
    kind::Context,
    model::{Failure, On, Permission},
};

/// The ARNs of the stack's secrets.
const ARNS: On = On::Named(&["secretsmanager:{region}:{account}:secret:{stack}/{environment}/*"]);

/// What reads the stack's secrets.
pub(super) const READING: Permission = Permission::make(&["secretsmanager:GetSecretValue"], ARNS);

/// A secret value. It has neither `Debug` nor `Display`: it goes where it is needed by [`Value::expose`] alone.
pub(super) struct Value {
    text: String,
    version: String,
}

impl Value {
    /// The value itself, for the one place that needs it.
    pub(super) fn expose(&self) -> &str {
        &self.text
    }

    /// The id of its version, which tells nothing of it.
    pub(super) fn version(&self) -> &str {
        &self.version
    }
}

/// The value of the secret `arn`.
pub(super) async fn value(cx: &Context, arn: &str) -> Result<Value, Failure> {
    let answer = cx.aws.secrets.get_secret_value().secret_id(arn).send().await.during("GetSecretValue")?;
    let text = given(answer.secret_string, "GetSecretValue", "SecretString")?;
    Ok(Value { text, version: given(answer.version_id, "GetSecretValue", "VersionId")? })
}
