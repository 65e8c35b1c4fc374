//! S3 through its own SDK: buckets and their settings, objects and their versions, and the permissions of tasks.

#[expect(dead_code, reason = "each test program uses its own part of the support")]
mod support;

use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::{ProvideErrorMetadata, SdkError},
    operation::create_bucket::{CreateBucketError, CreateBucketOutput},
    primitives::ByteStream,
    types::{
        BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Delete, ObjectIdentifier,
        ServerSideEncryption, Tag, Tagging, VersioningConfiguration,
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use support::{Sandbox, network, nothing, until};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn client(sandbox: &Sandbox, region: &'static str, credentials: Credentials) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .endpoint_url(format!("http://127.0.0.1:{}", sandbox.port()))
        .credentials_provider(credentials)
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled());
    Client::from_conf(config.build())
}

fn client_in(sandbox: &Sandbox, region: &'static str) -> Client {
    client(sandbox, region, Credentials::new("sandbox", "sandbox", None, None, "test"))
}

async fn create(s3: &Client, name: &str) -> Result<CreateBucketOutput, SdkError<CreateBucketError>> {
    let constraint = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1);
    s3.create_bucket().bucket(name).create_bucket_configuration(constraint.build()).send().await
}

/// Returns status and code of an error.
#[track_caller]
fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E>>,
) -> (u16, String) {
    let error = result.expect_err("it is refused");
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (status, error.code().unwrap_or_default().to_owned())
}

fn tls_only(name: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [format!("arn:aws:s3:::{name}"), format!("arn:aws:s3:::{name}/*")],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    }] })
    .to_string()
}

#[tokio::test]
async fn bucket_has_the_defaults_of_aws_and_keeps_its_settings() {
    let sandbox = Sandbox::start().await;
    let s3 = client_in(&sandbox, "eu-west-1");
    create(&s3, "uploads").await.expect("it is made");
    let encryption = s3.get_bucket_encryption().bucket("uploads").send().await.expect("it answers");
    let rules = encryption.server_side_encryption_configuration().expect("it is encrypted").rules();
    let default = rules[0].apply_server_side_encryption_by_default().expect("it has a default");
    assert_eq!(default.sse_algorithm(), &ServerSideEncryption::Aes256);
    let block = s3.get_public_access_block().bucket("uploads").send().await.expect("it answers");
    let block = block.public_access_block_configuration().expect("it is blocked").clone();
    assert_eq!((block.block_public_acls, block.block_public_policy), (Some(true), Some(true)));
    let versioning = async || s3.get_bucket_versioning().bucket("uploads").send().await.expect("it answers").status;
    assert_eq!(versioning().await, None);
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let call = s3.put_bucket_versioning().bucket("uploads").versioning_configuration(enabled);
    call.send().await.expect("it is set");
    assert_eq!(versioning().await, Some(BucketVersioningStatus::Enabled));

    let tags = s3.get_bucket_tagging().bucket("uploads").send().await;
    assert_eq!(refusal(tags), (404, "NoSuchTagSet".to_owned()));
    let tag = Tag::builder().key("stack").value("demo").build().expect("it is whole");
    let tagging = Tagging::builder().tag_set(tag.clone()).build().expect("it is whole");
    s3.put_bucket_tagging().bucket("uploads").tagging(tagging).send().await.expect("it is set");
    let tags = s3.get_bucket_tagging().bucket("uploads").send().await.expect("it answers");
    assert_eq!(tags.tag_set(), [tag]);

    let log = sandbox.control(Method::GET, "calls", nothing()).await;
    let operations: Vec<_> = log.as_array().expect("a list").iter().map(|call| &call["operation"]).collect();
    assert_eq!(
        operations,
        [
            "CreateBucket",
            "GetBucketEncryption",
            "GetPublicAccessBlock",
            "GetBucketVersioning",
            "PutBucketVersioning",
            "GetBucketVersioning",
            "GetBucketTagging",
            "PutBucketTagging",
            "GetBucketTagging",
        ]
    );
    assert_eq!(
        (&log[0]["service"], &log[0]["mutating"], &log[1]["mutating"]),
        (&json!("s3"), &json!(true), &json!(false))
    );
}

#[tokio::test]
async fn bucket_is_created_with_tags_and_keeps_them() {
    let sandbox = Sandbox::start().await;
    let tag = |value: &str| Tag::builder().key("a & b").value(value).build().expect("it is whole");
    let configuration = |value: &str| CreateBucketConfiguration::builder().tags(tag(value));
    let ireland = |value: &str| configuration(value).location_constraint(BucketLocationConstraint::EuWest1);
    let (here, first) = (client_in(&sandbox, "eu-west-1"), client_in(&sandbox, "us-east-1"));
    let tags =
        async |s3: &Client, name: &str| s3.get_bucket_tagging().bucket(name).send().await.expect("it answers").tag_set;
    here.create_bucket()
        .bucket("uploads")
        .create_bucket_configuration(ireland("one").build())
        .send()
        .await
        .expect("made");
    let again = here.create_bucket().bucket("uploads").create_bucket_configuration(ireland("two").build()).send().await;
    assert_eq!(refusal(again), (409, "BucketAlreadyOwnedByYou".to_owned()));
    assert_eq!(tags(&here, "uploads").await, [tag("one")]);
    let call = first.create_bucket().bucket("oldest").create_bucket_configuration(configuration("").build());
    call.send().await.expect("it needs no region here");
    assert_eq!(tags(&first, "oldest").await, [tag("")]);
}

#[tokio::test]
async fn bucket_belongs_to_one_region_and_has_a_valid_name() {
    let sandbox = Sandbox::start().await;
    let (here, first) = (client_in(&sandbox, "eu-west-1"), client_in(&sandbox, "us-east-1"));
    let without = here.create_bucket().bucket("uploads").send().await;
    assert_eq!(refusal(without), (400, "IllegalLocationConstraintException".to_owned()));
    create(&here, "uploads").await.expect("it is made");
    assert_eq!(refusal(create(&here, "uploads").await), (409, "BucketAlreadyOwnedByYou".to_owned()));
    // In us-east-1, creating one's own bucket again succeeds.
    for _ in 0..2 {
        first.create_bucket().bucket("elsewhere").send().await.expect("it is made, or there already");
    }
    let other = first.list_objects_v2().bucket("uploads").send().await;
    assert_eq!(refusal(other), (301, "PermanentRedirect".to_owned()));
    let head = first.head_bucket().bucket("uploads").send().await.expect_err("it is elsewhere");
    let head = head.raw_response().expect("it answers");
    assert_eq!((head.status().as_u16(), head.headers().get("x-amz-bucket-region")), (301, Some("eu-west-1")));
    for name in ["Uploads", "up_loads", "192.168.0.1", "a..b", "xn--uploads"] {
        let made = here.create_bucket().bucket(name);
        let constraint = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1);
        let made = made.create_bucket_configuration(constraint.build()).send().await;
        assert_eq!(refusal(made), (400, "InvalidBucketName".to_owned()), "{name}");
    }
    let missing = here.head_bucket().bucket("nobodys").send().await.expect_err("there is none");
    assert!(missing.into_service_error().is_not_found());
    let owner = here.head_bucket().bucket("uploads").expected_bucket_owner("000000000000").send().await;
    assert_eq!(refusal(owner).0, 403);
}

#[tokio::test]
async fn buckets_are_listed_by_name_and_in_pages() {
    let sandbox = Sandbox::start().await;
    let s3 = client_in(&sandbox, "eu-west-1");
    for name in ["demo-b", "demo-a", "other", "demo-c"] {
        create(&s3, name).await.expect("it is made");
    }
    let page = s3.list_buckets().prefix("demo-").max_buckets(2).send().await.expect("it answers");
    let names = |page: &[aws_sdk_s3::types::Bucket]| -> Vec<_> {
        page.iter().map(|bucket| (bucket.name.clone().unwrap_or_default(), bucket.bucket_region.clone())).collect()
    };
    let here = Some("eu-west-1".to_owned());
    assert_eq!(names(page.buckets()), [("demo-a".to_owned(), here.clone()), ("demo-b".to_owned(), here.clone())]);
    let rest = s3.list_buckets().prefix("demo-").set_continuation_token(page.continuation_token);
    let rest = rest.send().await.expect("it answers");
    assert_eq!((names(rest.buckets()), rest.continuation_token), (vec![("demo-c".to_owned(), here)], None));
    let all = s3.list_buckets().send().await.expect("it answers");
    assert_eq!((all.buckets().len(), &all.buckets()[0].bucket_region), (4, &None));
}

#[tokio::test]
async fn objects_round_trip_and_versioned_bucket_stays() {
    let sandbox = Sandbox::start().await;
    let s3 = client_in(&sandbox, "eu-west-1");
    create(&s3, "uploads").await.expect("it is made");
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let call = s3.put_bucket_versioning().bucket("uploads").versioning_configuration(enabled);
    call.send().await.expect("it is set");
    let put = async |key: &str, body: ByteStream| {
        s3.put_object().bucket("uploads").key(key).body(body).send().await.expect("it is taken")
    };
    let first = put("a folder/ü+1.txt", ByteStream::from_static(b"one")).await;
    // The SDK sends a file in chunks, with a trailing checksum.
    let file = sandbox.dir().join("large");
    let content: Vec<u8> = (0..300_000_u32).map(|n| u8::try_from(n % 251).expect("it is small")).collect();
    std::fs::write(&file, &content).expect("there is room");
    let second = put("a folder/ü+1.txt", ByteStream::from_path(&file).await.expect("it is there")).await;
    assert_ne!((first.version_id(), first.e_tag()), (second.version_id(), second.e_tag()));
    let got = s3.get_object().bucket("uploads").key("a folder/ü+1.txt").send().await.expect("it is there");
    assert_eq!(got.version_id(), second.version_id());
    assert_eq!(got.body.collect().await.expect("it is whole").into_bytes(), content);
    let head = s3.head_object().bucket("uploads").key("a folder/ü+1.txt").send().await.expect("it is there");
    assert_eq!(head.content_length(), Some(300_000));
    let part = s3.get_object().bucket("uploads").key("a folder/ü+1.txt").range("bytes=0-1");
    let part = part.send().await.expect("it is there").body.collect().await.expect("it is whole").into_bytes();
    assert_eq!(part, content[..2]);
    let missing = s3.get_object().bucket("uploads").key("b").send().await;
    assert_eq!(refusal(missing), (404, "NoSuchKey".to_owned()));

    s3.delete_object().bucket("uploads").key("a folder/ü+1.txt").send().await.expect("it is marked");
    let left = s3.list_objects_v2().bucket("uploads").send().await.expect("it answers");
    assert_eq!(left.key_count(), Some(0));
    assert_eq!(refusal(s3.delete_bucket().bucket("uploads").send().await), (409, "BucketNotEmpty".to_owned()));
    let page = s3.list_object_versions().bucket("uploads").max_keys(2).send().await.expect("it answers");
    assert_eq!(page.is_truncated(), Some(true));
    let all = s3.list_object_versions().bucket("uploads").send().await.expect("it answers");
    let versions = all.versions().iter().map(|one| (one.key(), one.version_id()));
    let markers = all.delete_markers().iter().map(|one| (one.key(), one.version_id()));
    let objects: Vec<_> = versions
        .chain(markers)
        .map(|(key, version)| {
            let object = ObjectIdentifier::builder().set_key(key.map(str::to_owned));
            object.set_version_id(version.map(str::to_owned)).build().expect("it is whole")
        })
        .collect();
    assert_eq!(objects.len(), 3);
    let delete = Delete::builder().set_objects(Some(objects)).build().expect("it is whole");
    let deleted = s3.delete_objects().bucket("uploads").delete(delete).send().await.expect("it answers");
    assert_eq!((deleted.deleted().len(), deleted.errors().len()), (3, 0));
    s3.delete_bucket().bucket("uploads").send().await.expect("it is empty");
    assert_eq!(refusal(s3.delete_bucket().bucket("uploads").send().await), (404, "NoSuchBucket".to_owned()));
}

#[tokio::test]
async fn invalid_policy_is_refused_and_tls_policy_blocks_nobody() {
    let sandbox = Sandbox::start().await;
    let s3 = client_in(&sandbox, "eu-west-1");
    create(&s3, "uploads").await.expect("it is made");
    let put = async |policy: String| s3.put_bucket_policy().bucket("uploads").policy(policy).send().await;
    assert_eq!(refusal(put("{".to_owned()).await), (400, "MalformedPolicy".to_owned()));
    assert_eq!(refusal(put(tls_only("another")).await), (400, "MalformedPolicy".to_owned()));
    let public = json!({ "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::uploads/*",
    }] });
    assert_eq!(refusal(put(public.to_string()).await), (403, "AccessDenied".to_owned()));
    put(tls_only("uploads")).await.expect("it is stored");
    let stored = s3.get_bucket_policy().bucket("uploads").send().await.expect("it answers").policy;
    assert_eq!(stored.as_deref(), Some(tls_only("uploads").as_str()));
    s3.put_object().bucket("uploads").key("a").body(ByteStream::from_static(b"a")).send().await.expect("it is taken");
    s3.get_object().bucket("uploads").key("a").send().await.expect("it is given");
    let object = ObjectIdentifier::builder().key("a").build().expect("it is whole");
    let delete = Delete::builder().objects(object).build().expect("it is whole");
    let deleted = s3.delete_objects().bucket("uploads").delete(delete).send().await.expect("it answers");
    assert_eq!((deleted.deleted().len(), deleted.errors().len()), (1, 0));
}

#[tokio::test]
async fn bucket_name_stays_reserved_after_deletion() {
    let sandbox = Sandbox::start().await;
    let s3 = client_in(&sandbox, "eu-west-1");
    sandbox.control(Method::PATCH, "settings", json!({ "faults": { "bucket_busy": 600 } })).await;
    create(&s3, "uploads").await.expect("it is made");
    s3.delete_bucket().bucket("uploads").send().await.expect("it is empty");
    assert_eq!(refusal(create(&s3, "uploads").await), (409, "OperationAborted".to_owned()));
    create(&s3, "another").await.expect("it has another name");
    sandbox.control(Method::PATCH, "settings", json!({ "faults": { "throttled": 1 } })).await;
    assert_eq!(refusal(create(&s3, "uploads").await), (503, "SlowDown".to_owned()));
    sandbox.control(Method::PATCH, "settings", json!({ "faults": null })).await;
    create(&s3, "uploads").await.expect("the name is free again");
}

#[tokio::test]
async fn bucket_can_be_in_the_host_name() {
    let sandbox = Sandbox::start().await;
    let s3 = client_in(&sandbox, "eu-west-1");
    create(&s3, "uploads").await.expect("it is made");
    s3.put_object().bucket("uploads").key("a").body(ByteStream::from_static(b"a")).send().await.expect("it is taken");
    let scope =
        "AWS4-HMAC-SHA256 Credential=sandbox/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0";
    let request = reqwest::Client::new().get(format!("http://127.0.0.1:{}/a", sandbox.port()));
    let request = request.header("host", "uploads.s3.eu-west-1.amazonaws.com").header("authorization", scope);
    let answer = request.send().await.expect("it answers");
    assert_eq!((answer.status().as_u16(), answer.text().await.expect("it is whole").as_str()), (200, "a"));
}

/// Creates a role that ECS may assume, with this policy. Returns its ARN.
async fn role(sandbox: &Sandbox, name: &str, statements: Value) -> String {
    let params = [("RoleName", name), ("AssumeRolePolicyDocument", TRUST)];
    let arn = sandbox.query("iam", "CreateRole", &params).await.ok().id("Arn");
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let policy = [("RoleName", name), ("PolicyName", "own"), ("PolicyDocument", document.as_str())];
    sandbox.query("iam", "PutRolePolicy", &policy).await.ok();
    arn
}

/// Runs a task with these roles that logs its environment and then waits. Returns its ARN and the environment.
async fn task(sandbox: &Sandbox, execution: &str, role: &str) -> (String, Vec<String>) {
    let (_, subnets) = network(sandbox).await;
    let ecs = async |operation: &str, body: Value| {
        sandbox.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), body).await
    };
    let logs = async |operation: &str, body: Value| {
        sandbox.json("logs", &format!("Logs_20140328.{operation}"), body).await.ok()
    };
    ecs("CreateCluster", json!({ "clusterName": "main" })).await.ok();
    logs("CreateLogGroup", json!({ "logGroupName": "task" })).await;
    let container = json!({
        "name": "main", "image": "postgres:18", "command": ["sh", "-c", "env; echo written; sleep 600"], "stopTimeout": 2,
        "environment": [{ "name": "AWS_REGION", "value": "of-its-own" }],
        "logConfiguration": { "logDriver": "awslogs", "options": {
            "awslogs-group": "task", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "task" } },
    });
    let definition = json!({
        "family": "task", "cpu": "256", "memory": "512", "networkMode": "awsvpc", "executionRoleArn": execution,
        "taskRoleArn": role, "containerDefinitions": [container],
    });
    ecs("RegisterTaskDefinition", definition).await.ok();
    let run = json!({
        "cluster": "main", "taskDefinition": "task", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": [subnets[0]] } },
    });
    // A new role cannot be assumed for a moment.
    let started = until("the task is started", async || {
        let answer = ecs("RunTask", run.clone()).await;
        (answer.status == 200).then(|| answer.value())
    })
    .await;
    let arn = started["tasks"][0]["taskArn"].as_str().expect("it has one").to_owned();
    let written = until("it has written down its environment", async || {
        let events = logs("FilterLogEvents", json!({ "logGroupName": "task" })).await.value();
        let lines: Vec<String> = events["events"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|event| event["message"].as_str().map(str::to_owned))
            .collect();
        lines.iter().any(|line| line == "written").then_some(lines)
    })
    .await;
    (arn, written)
}

#[tokio::test]
async fn task_credentials_allow_what_its_role_allows() {
    let sandbox = Sandbox::start().await;
    let everywhere = client_in(&sandbox, "eu-west-1");
    for bucket in ["uploads", "others"] {
        create(&everywhere, bucket).await.expect("it is made");
    }
    let write = json!([{ "Effect": "Allow", "Action": "logs:*", "Resource": "*" }]);
    let execution = role(&sandbox, "execution", write).await;
    let own = json!([
        { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::uploads" },
        { "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::uploads/*" },
    ]);
    let role = role(&sandbox, "task", own).await;
    let (arn, environment) = task(&sandbox, &execution, &role).await;
    let variable = |name: &str| environment.iter().find_map(|line| line.strip_prefix(&format!("{name}=")));
    assert_eq!(variable("AWS_DEFAULT_REGION"), Some("eu-west-1"));
    assert_eq!(variable("AWS_REGION"), Some("of-its-own"), "what the container sets itself goes before");
    assert_eq!(variable("AWS_ENDPOINT_URL"), Some(format!("http://127.0.0.1:{}", sandbox.port()).as_str()));
    let address = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI").expect("it has an address").to_owned();
    let answered = async || reqwest::get(&address).await.expect("it answers");
    let given: Value = serde_json::from_str(&answered().await.text().await.expect("it is whole")).expect("it is JSON");
    assert_eq!(given["RoleArn"], role.as_str());
    let text = |key: &str| given[key].as_str().unwrap_or_default().to_owned();
    let keys = Credentials::new(text("AccessKeyId"), text("SecretAccessKey"), Some(text("Token")), None, "task");
    let s3 = client(&sandbox, "eu-west-1", keys);

    let put =
        async |bucket: &str| s3.put_object().bucket(bucket).key("a").body(ByteStream::from_static(b"a")).send().await;
    put("uploads").await.expect("its role allows it");
    s3.get_object().bucket("uploads").key("a").send().await.expect("its role allows it");
    s3.list_objects_v2().bucket("uploads").send().await.expect("its role allows it");
    let denied = (403, "AccessDenied".to_owned());
    assert_eq!(refusal(put("others").await), denied);
    assert_eq!(refusal(s3.delete_object().bucket("uploads").key("a").send().await), denied);
    assert_eq!(refusal(s3.list_buckets().send().await), denied);
    assert_eq!(refusal(s3.get_object().bucket("uploads").key("b").send().await), (404, "NoSuchKey".to_owned()));

    let ecs = "AmazonEC2ContainerServiceV20141113";
    sandbox.json("ecs", &format!("{ecs}.StopTask"), json!({ "cluster": "main", "task": arn })).await.ok();
    until("its address is gone with it", async || (answered().await.status() == 404).then_some(())).await;
}

#[tokio::test]
async fn task_is_refused_other_services_and_hidden_keys() {
    let mut sandbox = Sandbox::start().await;
    let everywhere = client_in(&sandbox, "eu-west-1");
    create(&everywhere, "uploads").await.expect("it is made");
    let write = json!([{ "Effect": "Allow", "Action": "logs:*", "Resource": "*" }]);
    let execution = role(&sandbox, "execution", write).await;
    let own = json!([
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::uploads/*" },
        { "Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:aws:sns:eu-west-1:123456789012:news" },
    ]);
    let role = role(&sandbox, "task", own).await;
    let (_, environment) = task(&sandbox, &execution, &role).await;
    let address = environment.iter().find_map(|line| line.strip_prefix("AWS_CONTAINER_CREDENTIALS_FULL_URI="));
    let given = reqwest::get(address.expect("it has an address")).await.expect("it answers");
    let given: Value = serde_json::from_str(&given.text().await.expect("it is whole")).expect("it is JSON");
    let key = given["AccessKeyId"].as_str().expect("it has one").to_owned();
    let s3 = client(&sandbox, "eu-west-1", Credentials::new(key.as_str(), "secret", None, None, "task"));
    // Without permission to list, a missing object looks like a forbidden one.
    let hidden = s3.get_object().bucket("uploads").key("nothing").send().await;
    assert_eq!(refusal(hidden), (403, "AccessDenied".to_owned()));
    sandbox.use_key(key.leak());
    assert_eq!(sandbox.query("sts", "GetCallerIdentity", &[]).await.status, 200);
    assert_eq!(sandbox.query("ec2", "DescribeVpcs", &[]).await.code(), "UnauthorizedOperation");
    assert_eq!(
        sandbox.json("logs", "Logs_20140328.DescribeLogGroups", nothing()).await.code(),
        "AccessDeniedException"
    );
    let published = [("TopicArn", "arn:aws:sns:eu-west-1:123456789012:news"), ("Message", "hello")];
    assert_eq!(
        sandbox.query("sns", "Publish", &published).await.code(),
        "NotFound",
        "it is allowed, and there is no topic"
    );
}
