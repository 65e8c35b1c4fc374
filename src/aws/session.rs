//! The session: credentials, region, endpoint, and one client for each service with the same configuration.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    retries::classifiers::{ClassifyRetry, RetryAction},
};

use tokio::sync::OnceCell;

use super::{Outcome, Pace, answer::Origin, credentials, endpoints, given, regions};
use crate::model::{Cause, Failure};

/// How often a read is attempted. The SDK waits at most 20 s between attempts, with jitter.
const READ_ATTEMPTS: u32 = 8;

/// The destination of a session.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// The `region:` in stack.yaml.
    pub region: String,
    /// An endpoint other than AWS, used with dummy credentials: the sandbox.
    pub endpoint: Option<String>,
    /// Whether AWS's request limits apply at that endpoint.
    pub limits: bool,
}

/// The clients of a session. The SDK retries reads after throttling and lost responses. Writes use [`super::Once`],
/// because only the engine knows how to repeat a write.
#[derive(Debug)]
pub struct Aws {
    /// The region's name, such as `eu-west-1`.
    pub region: String,
    /// ACM.
    pub acm: aws_sdk_acm::Client,
    /// Application Auto Scaling.
    pub autoscaling: aws_sdk_applicationautoscaling::Client,
    /// CloudWatch.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// ECR.
    pub ecr: aws_sdk_ecr::Client,
    /// ECS.
    pub ecs: aws_sdk_ecs::Client,
    /// EFS.
    pub efs: aws_sdk_efs::Client,
    /// ElastiCache.
    pub cache: aws_sdk_elasticache::Client,
    /// Elastic Load Balancing.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
    /// EventBridge.
    pub events: aws_sdk_eventbridge::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// RDS.
    pub rds: aws_sdk_rds::Client,
    /// Route 53.
    pub route53: aws_sdk_route53::Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// EventBridge Scheduler.
    pub scheduler: aws_sdk_scheduler::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// AWS Cloud Map.
    pub names: aws_sdk_servicediscovery::Client,
    /// SNS.
    pub sns: aws_sdk_sns::Client,
    /// Systems Manager.
    pub ssm: aws_sdk_ssm::Client,
    /// STS.
    pub sts: aws_sdk_sts::Client,
    /// The identity of the caller, once it is known.
    caller: OnceCell<Caller>,
    /// The rate limiter of all clients.
    pub pace: Pace,
    /// Whether the environment or the profile sets an endpoint for RDS. An emulator does not have all features of AWS.
    pub rds_is_elsewhere: bool,
    /// The credentials for requests that no client makes.
    pub(super) credentials: Option<SharedCredentialsProvider>,
}

/// The identity of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The 12 digits of the account.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
}

/// The configuration of a session: the options, the environment and the profile.
#[derive(Debug)]
pub struct Configured {
    config: SdkConfig,
    region: String,
    pace: Pace,
}

impl Configured {
    /// Reads the environment and the profile. Makes no call.
    pub async fn load(options: &SessionOptions) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            // No timeout for a whole attempt, which may have to wait in the rate limiter: see `pace`.
            .read_timeout(Duration::from_secs(60))
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(options.region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(READ_ATTEMPTS))
            .timeout_config(timeouts);
        if let Some(endpoint) = &options.endpoint {
            // A dummy key pair: the sandbox does not check it, and real keys must never be sent there.
            let keys = aws_sdk_sts::config::Credentials::new("sandbox", "sandbox", None, None, "sandbox");
            loader = loader.endpoint_url(endpoint).credentials_provider(keys);
        }
        let config = loader.load().await;
        let elsewhere = if options.limits { Vec::new() } else { endpoints::outside_of_aws(&config) };
        Self { config, region: options.region.clone(), pace: Pace::new(elsewhere) }
    }

    /// Returns the endpoints as text: AWS, or those that the environment or the profile set.
    pub fn place(&self) -> String {
        endpoints::place(&self.config)
    }

    /// Opens the session. Makes no call to AWS except those of the credential source.
    ///
    /// # Errors
    /// If no credentials are found.
    pub async fn connect(self) -> Result<Aws, Failure> {
        credentials::check(&self.config).await?;
        Ok(Aws::paced(&self.config, self.region, self.pace))
    }
}

impl Aws {
    /// Creates a session without a reachable endpoint, for tests that make no calls.
    #[cfg(test)]
    pub fn nowhere() -> Self {
        let keys = aws_sdk_sts::config::Credentials::new("test", "test", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url("http://127.0.0.1:1")
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .build();
        Self::over(&config, "eu-west-1".to_owned())
    }

    #[cfg(test)]
    pub(super) fn over(config: &SdkConfig, region: String) -> Self {
        Self::paced(config, region, Pace::new(endpoints::outside_of_aws(config)))
    }

    fn paced(config: &SdkConfig, region: String, pace: Pace) -> Self {
        let config = &pace.over(config);
        macro_rules! with_ours {
            ($sdk:ident) => {
                $sdk::config::Builder::from(config).interceptor(Origin).interceptor(pace.clone())
            };
        }
        macro_rules! client {
            ($sdk:ident) => {
                $sdk::Client::from_conf(with_ours!($sdk).build())
            };
        }
        let sns = with_ours!(aws_sdk_sns).retry_classifier(TooManyRequests);
        Self {
            region,
            acm: client!(aws_sdk_acm),
            autoscaling: client!(aws_sdk_applicationautoscaling),
            cloudwatch: client!(aws_sdk_cloudwatch),
            ec2: client!(aws_sdk_ec2),
            ecr: client!(aws_sdk_ecr),
            ecs: client!(aws_sdk_ecs),
            efs: client!(aws_sdk_efs),
            cache: client!(aws_sdk_elasticache),
            elb: client!(aws_sdk_elasticloadbalancingv2),
            events: client!(aws_sdk_eventbridge),
            iam: client!(aws_sdk_iam),
            logs: client!(aws_sdk_cloudwatchlogs),
            rds: client!(aws_sdk_rds),
            route53: client!(aws_sdk_route53),
            s3: client!(aws_sdk_s3),
            scheduler: client!(aws_sdk_scheduler),
            secrets: client!(aws_sdk_secretsmanager),
            names: client!(aws_sdk_servicediscovery),
            sns: aws_sdk_sns::Client::from_conf(sns.build()),
            ssm: client!(aws_sdk_ssm),
            sts: client!(aws_sdk_sts),
            caller: OnceCell::new(),
            pace,
            rds_is_elsewhere: endpoints::is_elsewhere(config, "RDS"),
            credentials: config.credentials_provider(),
        }
    }

    /// Returns the identity of the caller, which a session asks for once. Only two attempts if AWS cannot be reached or the credentials are invalid,
    /// so that the error appears within seconds. If AWS throttles the call, it is as patient as other reads.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
    ///
    /// # Errors
    /// If the credentials are invalid or AWS cannot be reached.
    pub async fn caller(&self) -> Result<Caller, Failure> {
        self.caller.get_or_try_init(|| self.identity()).await.cloned()
    }

    async fn identity(&self) -> Result<Caller, Failure> {
        let quick = aws_sdk_sts::Config::builder().retry_config(RetryConfig::standard().with_max_attempts(2));
        let identity = self.sts.get_caller_identity().customize().config_override(quick).send().await;
        let identity = match identity.during("GetCallerIdentity") {
            Err(failure) if failure.code.is_some() && matches!(failure.cause, Cause::Throttled | Cause::Ambiguous) => {
                self.sts.get_caller_identity().send().await.during("GetCallerIdentity")?
            }
            identity => identity.map_err(|failure| regions::explained(failure, &self.region))?,
        };
        Ok(Caller {
            account: given(identity.account, "GetCallerIdentity", "Account")?,
            arn: given(identity.arn, "GetCallerIdentity", "Arn")?,
        })
    }
}

/// SNS throttles with a code that the SDK does not know (`Throttled`), so the HTTP status decides.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors>
#[derive(Debug)]
struct TooManyRequests;

impl ClassifyRetry for TooManyRequests {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|response| response.status().as_u16()) {
            Some(429) => RetryAction::throttling_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "too many requests"
    }
}
