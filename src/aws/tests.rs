//! Properties that every resource relies on: names within AWS's limits, tags that can be read back, and converted
//! errors.

use std::collections::BTreeSet;

use aws_smithy_runtime_api::{
    client::result::{ConnectorError, SdkError},
    http::{Response, StatusCode},
};
use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};
use proptest::prelude::*;

use super::*;
use crate::model::{Address, Cause, Evidence, Failure, StackId};

/// The limits of AWS on names: load balancers and target groups, RDS, roles, security groups and ECS.
const LIMITS: [usize; 4] = [32, 63, 64, 255];

/// The pattern for a part of a name in stack.yaml.
const PART: &str = "[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,6}){0,1}[a-z0-9]{1,6}";

prop_compose! {
    fn id()(stack in PART, environment in "[a-z][a-z0-9]{1,4}(-[a-z0-9]{1,5})?") -> StackId {
        StackId { stack, environment }
    }
}

proptest! {
    #[test]
    fn a_name_fits_the_limit_without_a_hyphen_at_either_end(
        id in id(), name in PART, more in "(-execution|-task|)", discriminator in ".{0,12}",
    ) {
        let address = Address::new("any", format!("{name}{more}"));
        for limit in LIMITS {
            for made in [derived(&id, &address, limit), discriminated(&id, &address, &discriminator, limit)] {
                prop_assert!(made.len() <= limit, "{} has {} of {}", made, made.len(), limit);
                prop_assert!(made.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{made}");
                prop_assert!(made.starts_with(|c: char| c.is_ascii_lowercase()) && !made.ends_with('-'), "{made}");
                prop_assert!(!made.contains("--"), "RDS takes no two hyphens in a row: {}", made);
            }
        }
    }

    /// Reads that cannot filter by tag rely on this: a resource whose name is missed would never be found.
    #[test]
    fn every_derived_name_is_recognized_as_possibly_ours(id in id(), name in PART, discriminator in ".{0,12}") {
        let address = Address::new("any", name);
        for limit in LIMITS {
            for made in [derived(&id, &address, limit), discriminated(&id, &address, &discriminator, limit)] {
                prop_assert!(may_be_ours(&id, &made, limit), "{made} of {id}");
            }
        }
    }

    #[test]
    fn two_resources_of_a_stack_never_share_a_name(id in id(), names in proptest::collection::btree_set(PART, 2..12)) {
        for limit in LIMITS {
            let made: BTreeSet<String> =
                names.iter().map(|name| derived(&id, &Address::new("any", name), limit)).collect();
            prop_assert_eq!(made.len(), names.len());
        }
    }

    #[test]
    fn tags_give_the_address_to_their_own_stack_only(one in id(), other in id(), name in PART) {
        let address = Address::new("secret", format!("{name}/ADMIN_PASSWORD"));
        let mut tags: Vec<(String, String)> = tags(&one, &address);
        tags.reverse();
        prop_assert_eq!(address_of(&one, &tags), Some(address));
        if one != other {
            prop_assert_eq!(address_of(&other, &tags), None);
        }
    }
}

#[test]
fn a_name_is_cut_only_beyond_the_limit() {
    let id = StackId { stack: "rates".into(), environment: "prod".into() };
    let fits = Address::new("load_balancer", "a".repeat(32 - "rates-prod-".len()));
    assert_eq!(derived(&id, &fits, 32), format!("rates-prod-{}", fits.name()));
    let longer = Address::new("load_balancer", format!("{}b", fits.name()));
    let cut = derived(&id, &longer, 32);
    assert_eq!(cut.len(), 32);
    assert!(cut.starts_with("rates-prod-aaa") && cut != derived(&id, &fits, 32), "{cut}");
}

#[test]
fn another_stacks_name_is_not_recognized_as_ours() {
    let id = StackId { stack: "rates".into(), environment: "prod".into() };
    for stranger in ["rates", "rates-staging-main", "other-rates-prod-main", ""] {
        assert!(!may_be_ours(&id, stranger, 32), "{stranger}");
    }
}

#[test]
fn a_missing_or_invalid_tag_makes_a_resource_foreign() {
    let id = StackId { stack: "rates".into(), environment: "prod".into() };
    let made =
        |address| -> [(String, String); 3] { [tag(STACK, "rates"), tag(ENVIRONMENT, "prod"), tag(ADDRESS, address)] };
    let whole = made("vpc.main");
    assert_eq!(address_of(&id, &whole), Some(Address::new("vpc", "main")));
    for missing in 0..whole.len() {
        let mut rest = whole.to_vec();
        rest.remove(missing);
        assert_eq!(address_of(&id, &rest), None);
    }
    assert_eq!(address_of(&id, &made("nonsense")), None);
}

/// Returns the failure for an AWS response with this status and code.
fn answered(status: u16, code: Option<&str>) -> Failure {
    let mut raw = Response::new(StatusCode::try_from(status).expect("it is a status"), SdkBody::empty());
    raw.headers_mut().insert("x-amzn-requestid", "4f1c");
    let mut meta = ErrorMetadata::builder().message("in AWS's words");
    if let Some(code) = code {
        meta = meta.code(code);
    }
    failure("DescribeVpcs", &SdkError::service_error(meta.build(), raw))
}

#[test]
fn the_cause_follows_from_the_code_and_the_status() {
    let table = [
        (400, Some("InvalidParameterValue"), Cause::Refused),
        (403, Some("AccessDenied"), Cause::Refused),
        (400, Some("Throttling"), Cause::Throttled),
        (503, Some("RequestLimitExceeded"), Cause::Throttled),
        (429, None, Cause::Throttled),
        (403, Some("ExpiredToken"), Cause::Unreachable),
        (401, Some("AuthFailure"), Cause::Unreachable),
        (400, Some("AuthFailure"), Cause::Refused),
        (500, Some("InternalError"), Cause::Ambiguous),
        (503, None, Cause::Ambiguous),
    ];
    for (status, code, cause) in table {
        assert_eq!(answered(status, code).cause, cause, "{status} {code:?}");
    }
}

#[test]
fn a_failure_shows_operation_code_message_and_request() {
    let shown = answered(400, Some("InvalidParameterValue")).to_string();
    assert_eq!(shown, "DescribeVpcs: InvalidParameterValue: in AWS's words (request 4f1c)");
}

#[test]
fn only_failures_that_the_reader_can_fix_have_a_hint() {
    let hint = |code: &str| answered(400, Some(code)).hint.unwrap_or_default();
    for (code, says) in [
        ("ExpiredTokenException", "sign in again"),
        ("InvalidClientTokenId", "aws sts get-caller-identity"),
        ("UnauthorizedOperation", "IAM policy"),
        ("OptInRequired", "region"),
        ("VpcLimitExceeded", "L-F678F1CE"),
        ("AddressLimitExceeded", "L-0263D0A3"),
        ("InstanceQuotaExceeded", "“DB instances” in Service Quotas (rds)"),
        ("TooManyRules", "“Rules per Application Load Balancer” in Service Quotas (elasticloadbalancing)"),
        ("TooManyTargetGroups", "Target Groups per Region"),
        ("TooManyUniqueTargetGroupsPerLoadBalancer", "100 target groups"),
        ("TooManySomethings", "Service Quotas"),
        ("ServiceQuotaExceededException", "Service Quotas"),
        ("DBClusterQuotaExceededFault", "Service Quotas"),
        ("TooManyUpdates", ""),
        ("TooManyTagsException", ""),
        ("InvalidParameterValue", ""),
    ] {
        assert!(hint(code).contains(says) && hint(code).is_empty() == says.is_empty(), "{code}: {}", hint(code));
    }
}

#[test]
fn one_code_names_the_quota_of_the_operation() {
    let refused = |operation: &str| {
        let raw = Response::new(StatusCode::try_from(400).expect("it is a status"), SdkBody::empty());
        let meta = ErrorMetadata::builder().code("LimitExceededException").message("no more").build();
        failure(operation, &SdkError::service_error(meta, raw)).hint.unwrap_or_default()
    };
    assert!(refused("CreateRepository").contains("“Registered repositories” in Service Quotas (ecr)"));
    assert!(refused("CreateSecret").contains("“Secrets per Region” in Service Quotas (secretsmanager)"));
    assert!(refused("PutSomething").contains("see Service Quotas"));
}

#[test]
fn throttling_is_not_reported_as_a_quota() {
    let throttled = answered(503, Some("RequestLimitExceeded"));
    assert_eq!(throttled.cause, Cause::Throttled);
    let hint = throttled.hint.expect("there is something to do");
    assert!(hint.contains("throttles") && !hint.contains("quota"), "{hint}");
}

#[test]
fn a_failed_connection_is_told_from_a_broken_one() {
    let dispatch = |kind: std::io::ErrorKind| -> SdkError<ErrorMetadata, Response> {
        SdkError::dispatch_failure(ConnectorError::io(std::io::Error::from(kind).into()))
    };
    let refused = failure("DescribeVpcs", &dispatch(std::io::ErrorKind::ConnectionRefused));
    assert_eq!(refused.cause, Cause::Unreachable, "nothing was sent, so nothing was done");
    let broken = failure("CreateVpc", &dispatch(std::io::ErrorKind::ConnectionReset));
    assert_eq!(broken.cause, Cause::Ambiguous, "the work may have been done");
    assert!(refused.hint.is_some() && broken.hint.is_some());
}

#[test]
fn only_codes_for_absence_become_none() {
    let error = |code: &str| -> SdkError<ErrorMetadata, Response> {
        let raw = Response::new(StatusCode::try_from(400).expect("it is a status"), SdkBody::empty());
        SdkError::service_error(ErrorMetadata::builder().code(code).build(), raw)
    };
    let absent = ["InvalidVpcID.NotFound"];
    let gone: Result<(), _> = Err(error("InvalidVpcID.NotFound"));
    assert_eq!(gone.or_absent("DescribeVpcs", &absent), Ok(None));
    assert_eq!(Ok::<_, SdkError<ErrorMetadata, Response>>(7).or_absent("DescribeVpcs", &absent), Ok(Some(7)));
    let other: Result<(), _> = Err(error("InvalidVpcID.Malformed"));
    let other = other.or_absent("DescribeVpcs", &absent).expect_err("it is another code");
    assert!(other.is(&["InvalidVpcID.Malformed"]));
}

#[test]
fn a_response_without_a_documented_field_is_ambiguous() {
    let failure = given::<String>(None, "CreateVpc", "vpcId").expect_err("it is not there");
    assert_eq!(failure.cause, Cause::Ambiguous);
    assert!(failure.message.contains("`vpcId`"));
}

/// Generates responses that a service, or a proxy in front of it, may send instead of a valid error.
fn odd_answer() -> impl Strategy<Value = (u16, String, Vec<u8>)> {
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        "\\PC{0,300}".prop_map(String::into_bytes),
        Just(b"<html><body>502 Bad Gateway</body></html>".to_vec()),
        Just(b"<Response><Errors><Error><Code>".to_vec()),
        Just(br#"<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;">]><Response>&d;</Response>"#.to_vec()),
        Just("<a>".repeat(20_000).into_bytes()),
        Just("[".repeat(20_000).into_bytes()),
        "\\PC{0,60}"
            .prop_map(
                |code| format!("<Response><Errors><Error><Code>{code}</Code></Error></Errors></Response>").into_bytes()
            ),
        "\\PC{0,60}".prop_map(|code| serde_json::json!({ "__type": code, "message": 7 }).to_string().into_bytes()),
    ];
    let kind =
        prop_oneof![Just("text/xml"), Just("application/x-amz-json-1.1"), Just("text/html"), Just("application/cbor")];
    (200_u16..600, kind.prop_map(str::to_owned), body)
}

/// Returns the results of three clients for `raw`, as the SDK parses it from the wire.
async fn answered_with(status: u16, kind: &str, body: &[u8]) -> [Result<(), Failure>; 3] {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("it has one"));
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let answer = [head.as_bytes(), body].concat();
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // A client may close the connection early.
            drop(stream.read(&mut [0; 8192]).await);
            drop(stream.write_all(&answer).await);
        }
    });
    let keys = aws_sdk_sts::config::Credentials::new("test", "test", None, None, "test");
    let config = aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .endpoint_url(endpoint)
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .credentials_provider(aws_sdk_sts::config::SharedCredentialsProvider::new(keys))
        .build();
    let aws = Aws::over(&config, "eu-west-1".to_owned());
    let outcomes = [
        aws.ec2.describe_vpcs().send().await.during("DescribeVpcs").map(drop),
        aws.ecs.describe_clusters().send().await.during("DescribeClusters").map(drop),
        aws.route53.list_hosted_zones_by_name().send().await.during("ListHostedZonesByName").map(drop),
    ];
    serving.abort();
    outcomes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn odd_responses_never_panic_hang_or_count_as_success((status, kind, body) in odd_answer()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let outcomes = runtime.block_on(async {
            tokio::time::timeout(std::time::Duration::from_secs(20), answered_with(status, &kind, &body)).await
        });
        let Ok(outcomes) = outcomes else { return Err(TestCaseError::fail("it hangs")) };
        for outcome in outcomes {
            match outcome {
                Err(failure) => prop_assert!(!failure.to_string().is_empty()),
                Ok(()) => prop_assert!(status < 300, "{} is no success", status),
            }
        }
    }
}

#[tokio::test]
async fn a_response_of_another_server_is_shown_with_its_origin() {
    let page = b"<!DOCTYPE html>\n<html><head><title>Sign in \x1b[31mhere</title></head></html>".as_slice();
    for (status, kind, body, line, cause, likely) in [
        (302, "text/html", page, "Sign in [31mhere", Cause::Unreachable, "is not AWS"),
        (403, "text/html", page, "Sign in [31mhere", Cause::Unreachable, "is not AWS"),
        (200, "text/html", page, "Sign in [31mhere", Cause::Unreachable, "is not AWS"),
        (407, "text/plain", b"\n  Proxy login\n".as_slice(), "Proxy login", Cause::Unreachable, "A proxy"),
        (404, "text/plain", b"404 page not found".as_slice(), "404 page not found", Cause::Unreachable, "is not AWS"),
        (
            502,
            "text/html",
            b"<html>\n<h1>502 Bad Gateway</h1>".as_slice(),
            "502 Bad Gateway",
            Cause::Ambiguous,
            "not AWS",
        ),
    ] {
        let outcomes = answered_with(status, kind, body).await;
        for (outcome, service) in outcomes.into_iter().zip(["EC2", "ECS", "Route 53"]) {
            let failure = outcome.expect_err("it is no answer of AWS's");
            let said = failure.to_string();
            assert!(said.contains(&format!("unexpected response from {service} at http://127.0.0.1:")), "{said}");
            assert!(said.ends_with(&format!(": HTTP {status}: “{line}”")), "{said}");
            assert_eq!((failure.cause, failure.hint.as_deref()), (cause, None), "{said}");
            let likely_cause = failure.explanation.likely_cause.expect("there is one");
            assert!(likely_cause.contains(likely), "{likely_cause}");
            let [Evidence::Answer { status: seen, line: Some(shown), .. }] = failure.explanation.evidence.as_slice()
            else {
                panic!("{said} has other evidence");
            };
            assert_eq!((*seen, shown.as_str()), (status, line));
        }
    }
}

#[test]
fn an_aws_error_without_a_code_is_still_an_aws_error() {
    let mut raw = Response::new(StatusCode::try_from(403).expect("it is a status"), SdkBody::empty());
    raw.headers_mut().insert("x-amz-request-id", "4f1c");
    let refused = failure("HeadBucket", &SdkError::service_error(ErrorMetadata::builder().build(), raw));
    assert_eq!(refused.to_string(), "HeadBucket: AWS returned no message (HTTP 403) (request 4f1c)");
    assert_eq!(refused.cause, Cause::Refused);
}
