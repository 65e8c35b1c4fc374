//! Sends a write only once, because only the engine knows whether and how to repeat it.

use aws_config::retry::RetryConfig;

/// A call that can be sent without retries.
pub trait Once {
    /// Returns the call with the SDK's retries turned off.
    #[must_use]
    fn once(self) -> Self;
}

macro_rules! once {
    ($($sdk:ident),+ $(,)?) => {$(
        impl<T, E, B> Once for $sdk::client::customize::CustomizableOperation<T, E, B> {
            fn once(self) -> Self {
                self.config_override($sdk::config::Config::builder().retry_config(RetryConfig::disabled()))
            }
        }
    )+};
}

once!(
    aws_sdk_acm,
    aws_sdk_applicationautoscaling,
    aws_sdk_cloudwatch,
    aws_sdk_cloudwatchlogs,
    aws_sdk_ec2,
    aws_sdk_ecr,
    aws_sdk_ecs,
    aws_sdk_efs,
    aws_sdk_elasticache,
    aws_sdk_elasticloadbalancingv2,
    aws_sdk_eventbridge,
    aws_sdk_iam,
    aws_sdk_rds,
    aws_sdk_route53,
    aws_sdk_s3,
    aws_sdk_scheduler,
    aws_sdk_secretsmanager,
    aws_sdk_servicediscovery,
    aws_sdk_sns,
    aws_sdk_ssm,
);
