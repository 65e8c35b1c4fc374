//! The gateway: dispatch, errors in the caller's protocol, the log of calls, latency and holding.

#[expect(dead_code, reason = "each test program uses its own part of the support")]
mod support;

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use support::{Sandbox, nothing, until};

const LOCK: &str = "/stackctl/lock";

#[tokio::test]
async fn call_goes_to_the_service_in_its_signature() {
    let sandbox = Sandbox::start().await;
    let who = sandbox.query("sts", "GetCallerIdentity", &[]).await.ok();
    assert_eq!(who.id("Account"), "123456789012");
    let zones = sandbox.query("ec2", "DescribeAvailabilityZones", &[]).await.ok();
    assert_eq!(zones.elements("optInStatus").first().map(String::as_str), Some("opt-in-not-required"));
    let body = json!({ "Name": LOCK, "Value": "me", "Type": "String" });
    sandbox.json("ssm", "AmazonSSM.PutParameter", body.clone()).await.ok();
    assert_eq!(sandbox.json("ssm", "AmazonSSM.PutParameter", body).await.code(), "ParameterAlreadyExists");
    let read = sandbox.json("ssm", "AmazonSSM.GetParameter", json!({ "Name": LOCK })).await.ok();
    assert_eq!(read.value()["Parameter"]["Value"], "me");
}

#[tokio::test]
async fn unknown_operation_is_a_client_error_in_its_protocol() {
    let mut sandbox = Sandbox::start().await;
    sandbox.ask_wrong_on_purpose();
    let answer = sandbox.json("ssm", "AmazonSSM.PaintItBlue", nothing()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "NotImplementedInSandbox"));
    for service in ["rds", "ec2", "elasticloadbalancing"] {
        let answer = sandbox.query(service, "PaintItBlue", &[]).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "NotImplementedInSandbox"), "{service}");
    }
    let answer = sandbox.json("ecs", "AmazonEC2ContainerServiceV20141113.PaintItBlue", nothing()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "NotImplementedInSandbox"));
}

#[tokio::test]
async fn bad_credentials_are_refused_as_each_service_does() {
    let mut sandbox = Sandbox::start().await;
    let refused = [
        ("EXPIRED", "RequestExpired", "ExpiredToken", (403, "ExpiredTokenException")),
        ("INVALID", "AuthFailure", "InvalidClientTokenId", (400, "UnrecognizedClientException")),
    ];
    for (key, ec2, query, json) in refused {
        sandbox.use_key(key);
        assert_eq!(sandbox.query("ec2", "DescribeVpcs", &[]).await.code(), ec2);
        assert_eq!(sandbox.query("sts", "GetCallerIdentity", &[]).await.code(), query);
        let answer = sandbox.json("ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", nothing()).await;
        assert_eq!((answer.status, answer.code().as_str()), json);
    }
    assert_eq!(sandbox.unsigned().await.status, 400);
}

#[tokio::test]
async fn log_has_each_call_and_its_result() {
    let sandbox = Sandbox::start().await;
    sandbox.control(Method::DELETE, "calls", nothing()).await;
    sandbox.query("ec2", "DescribeVpcs", &[]).await.ok();
    sandbox.query("ec2", "DeleteVpc", &[("VpcId", "vpc-0123456789abcdef0")]).await;
    let log = sandbox.control(Method::GET, "calls", nothing()).await;
    let log = log.as_array().expect("a list");
    let seen: Vec<_> = log
        .iter()
        .map(|call| (call["operation"].as_str(), call["mutating"].as_bool(), call["status"].as_u64(), &call["code"]))
        .collect();
    assert_eq!(seen[0], (Some("DescribeVpcs"), Some(false), Some(200), &json!(null)));
    assert_eq!(seen[1], (Some("DeleteVpc"), Some(true), Some(400), &json!("InvalidVpcID.NotFound")));
    assert_eq!(seen.len(), 2);
    assert!(log[0]["started_ms"].as_f64() <= log[0]["ended_ms"].as_f64());
}

#[tokio::test]
async fn latency_is_added_to_every_call() {
    let sandbox = Sandbox::start().await;
    sandbox.control(Method::PATCH, "settings", json!({ "latency_ms": 250 })).await;
    let began = Instant::now();
    sandbox.query("sts", "GetCallerIdentity", &[]).await.ok();
    assert!(began.elapsed() >= Duration::from_millis(250));
}

#[tokio::test]
async fn calls_after_the_limit_get_no_response() {
    let sandbox = Sandbox::start().await;
    sandbox.control(Method::PATCH, "settings", json!({ "hold_after": 2 })).await;
    let group = |name: &str| json!({ "logGroupName": name });
    sandbox.json("logs", "Logs_20140328.CreateLogGroup", group("first")).await.ok();
    {
        let second = sandbox.json("logs", "Logs_20140328.CreateLogGroup", group("second"));
        let held = until("it is held", async || {
            let status = sandbox.control(Method::GET, "status", nothing()).await;
            (status["held"] == true).then_some(())
        });
        tokio::select! {
            answer = second => panic!("it was answered: {answer:?}"),
            () = held => {}
        }
    }
    sandbox.control(Method::PATCH, "settings", json!({ "hold_after": null })).await;
    // The call that got no response took effect.
    let there = sandbox.json("logs", "Logs_20140328.DescribeLogGroups", nothing()).await.ok().value();
    let names: Vec<_> =
        there["logGroups"].as_array().into_iter().flatten().map(|group| &group["logGroupName"]).collect();
    assert_eq!(names, ["first", "second"]);
}
