//! The credentials that sign calls: whether there are any, and where they come from if AWS rejects them.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>

use std::env;

use aws_config::{SdkConfig, profile::ProfileSet};
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_sdk_sts::config::ProvideCredentials;
use aws_types::os_shim_internal::{Env, Fs};

use super::causes::chain;
use crate::model::{Cause, Failure, Subject};

/// Loads the credentials from their source.
///
/// # Errors
/// If there is no source, or it returns none.
pub(super) async fn check(config: &SdkConfig) -> Result<(), Failure> {
    let why = match config.credentials_provider() {
        Some(provider) => match provider.provide_credentials().await {
            Ok(_) => return Ok(()),
            // The chain of all sources that are not in use says nothing.
            Err(CredentialsError::CredentialsNotLoaded(_)) => half_a_key(&in_environment).unwrap_or_default(),
            Err(error) => format!(": {}", chain(&error)),
        },
        None => String::new(),
    };
    let (of, hint) = if let Some(name) = set("AWS_PROFILE", &in_environment) {
        let known = aws_config::profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None).await;
        (format!(" from the profile `{name}`"), way_in(&name, known.ok().as_ref()))
    } else {
        (String::new(), without_profile())
    };
    let failure = Failure::about(Subject::activity("credentials"), format!("no AWS credentials{of}{why}"));
    Err(Failure { cause: Cause::Unreachable, ..failure }.hint(hint))
}

/// Says which half of a key is missing in the environment, if one is.
fn half_a_key(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    match [id, secret].map(|name| set(name, variable).is_some()) {
        [true, false] => Some(format!(": {id} is set, but {secret} is not")),
        [false, true] => Some(format!(": {secret} is set, but {id} is not")),
        _ => None,
    }
}

fn without_profile() -> String {
    "sign in with `aws login` or `aws sso login` (set AWS_PROFILE for a profile other than the default), or set \
     AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; to try stackctl without an account, run `stackctl sandbox start` \
     and add --sandbox"
        .to_owned()
}

/// Returns the hint on how to get credentials for the profile `name`.
fn way_in(name: &str, known: Option<&ProfileSet>) -> String {
    const FILES: &str = "~/.aws/config and ~/.aws/credentials";
    let Some(known) = known else { return format!("check the syntax of {FILES}") };
    let Some(profile) = known.get_profile(name) else {
        let mut names: Vec<&str> = known.profiles().collect();
        names.sort_unstable();
        let there = if names.is_empty() { "no profiles".to_owned() } else { names.join(", ") };
        return format!("this profile does not exist: set AWS_PROFILE to one of {FILES}; found: {there}");
    };
    let has = |key: &str| profile.get(key).is_some();
    if has("login_session") {
        format!("sign in with `aws login --profile {name}`")
    } else if has("sso_session") || has("sso_start_url") {
        format!("sign in with `aws sso login --profile {name}`")
    } else {
        format!("check this profile in {FILES}; to test it, run `aws sts get-caller-identity --profile {name}`")
    }
}

/// Returns the source of the credentials, as far as the environment tells. Keys in the environment override a profile.
pub(super) fn origin() -> String {
    origin_in(&in_environment)
}

fn in_environment(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Returns the value of a variable that is set and not empty.
fn set(name: &str, variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    variable(name).filter(|value| !value.is_empty())
}

fn origin_in(variable: &dyn Fn(&str) -> Option<String>) -> String {
    match (set("AWS_ACCESS_KEY_ID", variable), set("AWS_PROFILE", variable)) {
        (Some(_), _) => "AWS_ACCESS_KEY_ID".to_owned(),
        (None, Some(profile)) => format!("profile `{profile}`"),
        (None, None) => "neither AWS_ACCESS_KEY_ID nor AWS_PROFILE is set".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_the_environment_are_named_before_a_profile() {
        let origin = |set: &[&str]| {
            origin_in(&|name| {
                set.contains(&name).then(|| if name == "AWS_PROFILE" { "shop" } else { "AKIA" }.to_owned())
            })
        };
        assert_eq!(origin(&["AWS_ACCESS_KEY_ID", "AWS_PROFILE"]), "AWS_ACCESS_KEY_ID");
        assert_eq!(origin(&["AWS_PROFILE"]), "profile `shop`");
        assert_eq!(origin(&[]), "neither AWS_ACCESS_KEY_ID nor AWS_PROFILE is set");
    }
}
