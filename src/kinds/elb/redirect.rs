//! A redirect to another host, as the action of a rule.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html#redirect-actions>

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, RedirectActionConfig, RedirectActionStatusCodeEnum,
};

/// Returns the action that redirects with 301 to the same path and query at `host`, over HTTPS.
pub(super) fn action(host: &str) -> Action {
    let config = RedirectActionConfig::builder()
        .protocol("HTTPS")
        .port("443")
        .host(host)
        .status_code(RedirectActionStatusCodeEnum::Http301)
        .build();
    Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(config).build()
}

/// Returns [`words`] of [`action`].
pub(super) fn to(host: &str) -> String {
    format!("redirect 301 to HTTPS://{host}:443/#{{path}}?#{{query}}")
}

/// Returns a redirect of AWS as text, with the defaults of AWS for missing parts.
pub(super) fn words(config: &RedirectActionConfig) -> String {
    let code = config.status_code().map_or("", |code| code.as_str().trim_start_matches("HTTP_"));
    format!(
        "redirect {code} to {}://{}:{}{}?{}",
        config.protocol().unwrap_or("#{protocol}"),
        config.host().unwrap_or("#{host}"),
        config.port().unwrap_or("#{port}"),
        config.path().unwrap_or("/#{path}"),
        config.query().unwrap_or("#{query}"),
    )
}
