//! Calls of the real SDK on a paused clock, with a connection that applies the request limits of AWS.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    client::orchestrator::{HttpRequest, HttpResponse},
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use futures::future::join_all;

use super::*;
use crate::aws::{Aws, Once};

/// A fake ECS with the request limits of AWS, which counts accepted and throttled calls.
#[derive(Clone, Debug)]
struct Limited(Arc<Account>);

#[derive(Debug)]
struct Account {
    buckets: Buckets,
    taken: AtomicUsize,
    throttled: AtomicUsize,
}

impl Limited {
    fn new() -> Self {
        let (taken, throttled) = (AtomicUsize::default(), AtomicUsize::default());
        Self(Arc::new(Account { buckets: Buckets::of_aws(), taken, throttled }))
    }

    /// Returns the number of accepted and of throttled calls.
    fn counts(&self) -> (usize, usize) {
        (self.0.taken.load(Ordering::SeqCst), self.0.throttled.load(Ordering::SeqCst))
    }

    fn session(&self, endpoint: Option<&str>) -> Aws {
        let keys = SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"));
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(keys)
            .retry_config(RetryConfig::standard().with_max_attempts(8))
            .timeout_config(TimeoutConfig::builder().read_timeout(Duration::from_secs(60)).build())
            .http_client(self.clone());
        config.set_endpoint_url(endpoint.map(str::to_owned));
        Aws::over(&config.build(), "eu-west-1".to_owned())
    }
}

impl HttpClient for Limited {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Limited {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let account = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let operation = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
            let (count, status, body) = if account.buckets.try_take("", "ecs", operation.unwrap_or_default()) {
                (&account.taken, 200, "{}")
            } else {
                (&account.throttled, 400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#)
            };
            count.fetch_add(1, Ordering::SeqCst);
            Ok(HttpResponse::new(StatusCode::try_from(status).expect("a status"), SdkBody::from(body)))
        })
    }
}

async fn deregister(aws: &Aws, times: usize) -> Vec<bool> {
    let calls = (0..times).map(|n| {
        let call = aws.ecs.deregister_task_definition().task_definition(format!("web:{n}"));
        async move { call.customize().once().send().await.is_ok() }
    });
    join_all(calls).await
}

#[tokio::test(start_paused = true)]
async fn writes_of_many_services_wait_and_are_not_throttled() {
    let cloud = Limited::new();
    let aws = cloud.session(None);
    let began = Instant::now();
    assert!(deregister(&aws, 200).await.into_iter().all(|done| done));
    assert_eq!(cloud.counts(), (200, 0));
    // Longer than any timeout of a call: waiting does not count towards a timeout.
    assert_eq!(began.elapsed().as_secs(), 181);
    let waited = aws.pace.waited().expect("they have waited");
    assert_eq!((waited.longest.as_secs(), waited.operation.as_str()), (181, "ecs:DeregisterTaskDefinition"));
    assert_eq!(waited.calls, 181);
}

#[tokio::test(start_paused = true)]
async fn a_few_services_never_wait() {
    let cloud = Limited::new();
    let aws = cloud.session(None);
    let began = Instant::now();
    assert!(deregister(&aws, 15).await.into_iter().all(|done| done));
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!(aws.pace.waited(), None);
}

#[tokio::test(start_paused = true)]
async fn calls_to_other_endpoints_are_not_limited() {
    let cloud = Limited::new();
    let aws = cloud.session(Some("http://localhost:4566"));
    let began = Instant::now();
    deregister(&aws, 50).await;
    assert_eq!(cloud.counts(), (20, 30));
    assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
    let aws = cloud.session(Some("https://vpce-1.ecs.eu-west-1.vpce.amazonaws.com"));
    deregister(&aws, 40).await;
    assert!(began.elapsed() > Duration::from_secs(20), "this is AWS: {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn reads_succeed_after_other_clients_used_the_tokens() {
    let cloud = Limited::new();
    while cloud.0.buckets.try_take("", "ecs", "DescribeTaskDefinition") {}
    let aws = cloud.session(None);
    let reads = (0..100).map(|n| {
        let call = aws.ecs.describe_task_definition().task_definition(format!("web:{n}"));
        async move { call.send().await.is_ok() }
    });
    assert!(join_all(reads).await.into_iter().all(|done| done));
    let (taken, throttled) = cloud.counts();
    assert_eq!(taken, 100);
    // Only calls that were in flight at the first throttling; the others wait.
    assert!(throttled <= 40, "{throttled} were throttled");
}

#[tokio::test(start_paused = true)]
async fn hurried_calls_do_not_wait() {
    let cloud = Limited::new();
    let aws = cloud.session(None);
    let began = Instant::now();
    let hurry = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        aws.pace.hurry();
    };
    let (done, ()) = tokio::join!(deregister(&aws, 60), hurry);
    assert!(done.into_iter().any(|done| !done), "AWS throttles");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[test]
fn throttling_is_detected_in_every_protocol() {
    for (status, body, wanted) in [
        (400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, true),
        (400, "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>", true),
        (503, "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>", true),
        (429, "", true),
        (400, r#"{"__type":"ClientException","message":"ThrottlingExceptions are not here"}"#, false),
        (200, "<Code>Throttling</Code>", false),
        (503, "", false),
    ] {
        let status = StatusCode::try_from(status).expect("a status");
        assert_eq!(is_throttled(&Response::new(status, SdkBody::from(body))), wanted, "{body}");
    }
}
