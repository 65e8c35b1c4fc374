//! Connects the SDK's clients to the models: an interceptor that reads inputs and sets outputs, and an HTTP client
//! without a network.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        interceptors::{
            Intercept,
            context::{
                BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
                BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextMut, OutputOrError,
            },
        },
        orchestrator::{HttpRequest, HttpResponse, Metadata},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
        stalled_stream_protection::StalledStreamProtectionConfig,
    },
    http::StatusCode,
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::{ConfigBag, Storable, StoreReplace},
};

use super::cloud::{Call, Cloud, Outcome};
use crate::aws::Aws;

/// The header that identifies a call to the connector.
const CALL: &str = "x-modelled-call";

/// The region of every session.
const REGION: &str = "eu-west-1";

/// Returns the clients of a session with `cloud`.
pub fn session(cloud: &Cloud) -> Aws {
    let mut aws = Aws::over(&config(cloud), REGION.to_owned());
    macro_rules! intercept {
        ($($client:ident: $sdk:ident,)*) => {
            $(aws.$client = $sdk::Client::from_conf(
                aws.$client.config().to_builder().interceptor(Interceptor(cloud.clone())).build(),
            );)*
        };
    }
    intercept! {
        acm: aws_sdk_acm,
        autoscaling: aws_sdk_applicationautoscaling,
        cloudwatch: aws_sdk_cloudwatch,
        ec2: aws_sdk_ec2,
        ecr: aws_sdk_ecr,
        ecs: aws_sdk_ecs,
        efs: aws_sdk_efs,
        cache: aws_sdk_elasticache,
        elb: aws_sdk_elasticloadbalancingv2,
        events: aws_sdk_eventbridge,
        iam: aws_sdk_iam,
        logs: aws_sdk_cloudwatchlogs,
        rds: aws_sdk_rds,
        route53: aws_sdk_route53,
        s3: aws_sdk_s3,
        scheduler: aws_sdk_scheduler,
        secrets: aws_sdk_secretsmanager,
        names: aws_sdk_servicediscovery,
        sns: aws_sdk_sns,
        ssm: aws_sdk_ssm,
        sts: aws_sdk_sts,
    }
    aws
}

/// Lets the model handle calls. It sets an output before the request is signed, which saves most of the work. An error
/// needs a response and a broken connection needs a connection, so these calls continue to the [`Connector`].
#[derive(Debug)]
struct Interceptor(Cloud);

impl Storable for Call {
    type Storer = StoreReplace<Self>;
}

/// The model's response, which is taken once.
#[derive(Clone)]
struct Answer(Arc<Mutex<Option<OutputOrError>>>);

impl Answer {
    fn new(answer: OutputOrError) -> Self {
        Self(Arc::new(Mutex::new(Some(answer))))
    }

    fn take(&self) -> Option<OutputOrError> {
        self.0.lock().expect("nobody panics while holding this").take()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

impl Storable for Answer {
    type Storer = StoreReplace<Self>;
}

/// The number of a call, for the connector.
#[derive(Debug)]
struct Number(String);

impl Storable for Number {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Interceptor {
    fn name(&self) -> &'static str {
        "the model of AWS"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("an operation without a name", Metadata::name);
        let call = self.0.call(operation, context.input());
        config.interceptor_state().store_put(call);
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let call = config.load::<Call>().ok_or("the call was not seen before it was serialized")?;
        match self.0.carry(call) {
            Outcome::Output(output) => {
                config.interceptor_state().store_put(Answer::new(Ok(output)));
                // This error ends the attempt and is replaced by the response.
                Err("answered".into())
            }
            outcome => {
                let number = self.0.send(outcome);
                config.interceptor_state().store_put(Number(number));
                Ok(())
            }
        }
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Number(number) = config.load::<Number>().ok_or("the call was not seen before its attempt")?;
        context.request_mut().headers_mut().insert(CALL, number.clone());
        Ok(())
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let refused = context.response().and_then(|response| response.extension::<Answer>().cloned());
        let answer = refused.or_else(|| config.load::<Answer>().cloned()).and_then(|answer| answer.take());
        if let Some(answer) = answer {
            context.inner_mut().set_output_or_error(answer);
        }
        Ok(())
    }
}

/// The HTTP client and its only connection.
#[derive(Clone, Debug)]
struct Connector(Cloud);

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let cloud = self.0.clone();
        HttpConnectorFuture::new(async move {
            match cloud.sent(request.headers().get(CALL).unwrap_or_default()) {
                Outcome::Output(_) => Err(ConnectorError::user("the call was answered already".into())),
                Outcome::Refused(status, error) => {
                    let status = StatusCode::try_from(status).expect("models answer with HTTP statuses");
                    let mut response = HttpResponse::new(status, SdkBody::empty());
                    response.add_extension(Answer::new(Err(error)));
                    Ok(response)
                }
                Outcome::Broken => {
                    Err(ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()))
                }
                Outcome::Unanswered(operation) => {
                    Err(ConnectorError::user(format!("no model answers {operation}").into()))
                }
                Outcome::Dead => std::future::pending().await,
            }
        })
    }
}

/// Returns the configuration of all clients.
fn config(cloud: &Cloud) -> SdkConfig {
    let keys = Credentials::new("model", "model", None, None, "model");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url("http://model.invalid")
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(Connector(cloud.clone()))
        .build()
}
