//! Tests of the request record and its comparison with botocore's models: invalid requests are found, valid ones are
//! not.

#[expect(dead_code, reason = "each test program uses its own part of the support")]
mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use minicbor::Encoder;
use serde_json::json;
use support::{Raw, Sandbox};

/// Checks the requests below `folder`, as `scripts/test` does after all tests.
fn check(folder: &Path) -> Output {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = Command::new(repository.join("scripts/python")).output().expect("it is a script");
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let python = String::from_utf8(python.stdout).expect("it is a path");
    let script = repository.join("tests/conformance/check.py");
    Command::new(python.trim()).arg(script).arg(folder).output().expect("it runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Returns the CBOR that an SDK sends for an alarm on a metric with this many dimensions.
fn alarm(comparison: &str, dimensions: u64) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    let wrote = (|| {
        encoder.map(4)?.str("AlarmName")?.str("load")?.str("EvaluationPeriods")?.u32(3)?;
        encoder.str("ComparisonOperator")?.str(comparison)?.str("Dimensions")?.array(dimensions)?;
        for _ in 0..dimensions {
            encoder.map(2)?.str("Name")?.str("a")?.str("Value")?.str("b")?;
        }
        Ok::<_, minicbor::encode::Error<std::convert::Infallible>>(())
    })();
    wrote.expect("a vector takes it");
    encoder.into_writer()
}

/// Returns a request in CloudWatch's protocol.
fn to_cloudwatch(body: Vec<u8>) -> Raw {
    Raw {
        service: "monitoring",
        method: reqwest::Method::POST,
        path: "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm".to_owned(),
        headers: vec![("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")],
        body,
    }
}

fn rest(service: &'static str, method: reqwest::Method, path: &str, body: &str) -> Raw {
    Raw { service, method, path: path.to_owned(), headers: Vec::new(), body: body.as_bytes().to_vec() }
}

/// Returns a record change with this action and this member.
fn to_route53(action: &str, member: &str) -> Raw {
    let body = format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>\
         <Change><Action>{action}</Action><ResourceRecordSet><Name>a</Name><Type>A</Type><{member}>60</{member}>\
         </ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    );
    rest("route53", reqwest::Method::POST, "/2013-04-01/hostedzone/Z1/rrset", &body)
}

const TASKS: &str = "AmazonEC2ContainerServiceV20141113.DescribeTasks";
const LIST: &str = "AmazonEC2ContainerServiceV20141113.ListTasks";

#[tokio::test]
async fn invalid_requests_are_reported_with_their_test() {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::start_recording(folder.path()).await;
    // JSON.
    sandbox.json("ecs", LIST, json!({ "cluster": "a", "clutser": "b" })).await;
    sandbox.json("ecs", LIST, json!({ "desiredStatus": "RUNING" })).await;
    sandbox.json("ecs", TASKS, json!({ "cluster": "a" })).await;
    sandbox.json("ecs", "AmazonEC2ContainerServiceV20141113.PaintItBlue", json!({})).await;
    sandbox.json("logs", "Logs_20140328.CreateLogGroup", json!({ "logGroupName": "a b" })).await;
    // Query.
    let key = "x".repeat(300);
    let attributes = [("TargetGroupArn", "a"), ("Attributes.member.1.Key", key.as_str())];
    sandbox.query("elasticloadbalancing", "ModifyTargetGroupAttributes", &attributes).await;
    sandbox.query("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16"), ("InstanceTenancy", "blue")]).await;
    sandbox.query("ec2", "DescribeVpcs", &[("VpcId.2", "vpc-1"), ("MaxResults", "many")]).await;
    // CBOR.
    sandbox.raw(to_cloudwatch(alarm("GreaterThan", 31))).await;
    // XML and JSON with paths.
    sandbox.raw(to_route53("REPLACE", "TimeToLive")).await;
    sandbox.raw(rest("scheduler", reqwest::Method::GET, "/schedules?MaxResults=1000&Colour=blue", "")).await;
    sandbox.raw(rest("s3", reqwest::Method::GET, "/bucket?list-type=2&max-keys=many", "")).await;
    drop(sandbox);

    let found = check(folder.path());
    assert!(!found.status.success(), "{}", text(&found));
    let said = text(&found);
    for fault in [
        "ecs:ListTasks: .clutser: unknown member",
        "ecs:ListTasks: .desiredStatus: 'RUNING' is not one of the enumeration DesiredStatus",
        "ecs:DescribeTasks: .tasks: required and missing",
        "ecs: unknown operation PaintItBlue",
        "logs:CreateLogGroup: .logGroupName: 'a b' does not match",
        "elbv2:ModifyTargetGroupAttributes: .Attributes[].Key: 300 characters, more than 256",
        "ec2:CreateVpc: .InstanceTenancy: 'blue' is not one of the enumeration Tenancy",
        "ec2:DescribeVpcs: .VpcIds: its items are not numbered from 1",
        "ec2:DescribeVpcs: .MaxResults: 'many' is not a number",
        "cloudwatch:PutMetricAlarm: .ComparisonOperator: 'GreaterThan' is not one of the enumeration ComparisonOperator",
        "cloudwatch:PutMetricAlarm: .Dimensions: 31 items, more than 30",
        "route53:ChangeResourceRecordSets: .ChangeBatch.Changes[].Action: 'REPLACE' is not one of the enumeration ChangeAction",
        "route53:ChangeResourceRecordSets: .ChangeBatch.Changes[].ResourceRecordSet.TimeToLive: unknown member",
        "scheduler:ListSchedules: .MaxResults: 1000 is more than 100",
        "scheduler:ListSchedules: ?Colour: unknown parameter",
        "s3:ListObjectsV2: .MaxKeys: 'many' is not a number",
        "requested by a test of the record",
    ] {
        assert!(said.contains(fault), "{fault} is not in\n{said}");
    }
    assert!(said.contains("\n16 faults "), "{said}");
}

#[tokio::test]
async fn valid_requests_are_not_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::start_recording(folder.path()).await;
    sandbox.json("ecs", LIST, json!({ "cluster": "a", "desiredStatus": "RUNNING", "maxResults": 3 })).await;
    let tagged = [
        ("CidrBlock", "10.0.0.0/16"),
        ("TagSpecification.1.ResourceType", "vpc"),
        ("TagSpecification.1.Tag.1.Key", "a"),
        ("TagSpecification.1.Tag.1.Value", "ü&="),
    ];
    sandbox.query("ec2", "CreateVpc", &tagged).await;
    sandbox.query("sts", "GetCallerIdentity", &[]).await;
    sandbox.raw(to_cloudwatch(alarm("GreaterThanThreshold", 30))).await;
    sandbox.raw(to_route53("UPSERT", "TTL")).await;
    sandbox.raw(rest("scheduler", reqwest::Method::GET, "/schedules?MaxResults=100", "")).await;
    sandbox.raw(rest("s3", reqwest::Method::PUT, "/bucket/a%20key/below?x-id=PutObject", "what it holds")).await;
    drop(sandbox);
    let found = check(folder.path());
    assert!(found.status.success(), "{}", text(&found));
    assert!(text(&found).starts_with("conformance: 7 distinct requests of 1 tests, 7 operations"), "{}", text(&found));
}
