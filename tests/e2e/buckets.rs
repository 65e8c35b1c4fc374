//! `buckets`: an application that stores files, and the protection of the files.

use aws_sdk_s3::{
    Client,
    config::Credentials,
    error::ProvideErrorMetadata,
    primitives::ByteStream,
    types::{BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration},
};
use serde_json::Value;

use crate::{
    support::{World, text},
    sweep::everything,
    tiny::Tiny,
};

/// Returns an S3 client with the task credentials of `web`.
async fn as_a_task(world: &World, url: &str) -> Client {
    let (_, address) = world.get(&format!("{url}/env/AWS_CONTAINER_CREDENTIALS_FULL_URI")).await;
    let (_, given) = world.get(&address).await;
    let given: Value = serde_json::from_str(&given).expect("they are JSON");
    let part = |key: &str| given[key].as_str().expect("it is there").to_owned();
    let keys = Credentials::new(part("AccessKeyId"), part("SecretAccessKey"), Some(part("Token")), None, "task");
    let config = aws_sdk_s3::config::Builder::from(&world.sdk().await).credentials_provider(keys);
    Client::from_conf(config.build())
}

async fn put(s3: &Client, bucket: &str) -> Result<(), String> {
    let call = s3.put_object().bucket(bucket).key("a").body(ByteStream::from_static(b"content"));
    call.send().await.map(drop).map_err(|error| error.code().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_is_used_and_deleted_only_with_unprotect() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    world.edit("services:\n", "buckets: { uploads: {} }\nservices:\n");
    world.edit("    stop_timeout: 2\n", "    stop_timeout: 2\n    buckets: [uploads]\n");
    let url = world.up();
    let again = world.stackctl(&["up", "--yes"]);
    assert!(again.status.success() && text(&again).contains("No changes."), "{}", text(&again));

    // A task reads and writes this bucket only.
    let (_, bucket) = world.get(&format!("{url}/env/BUCKET_UPLOADS")).await;
    assert!(bucket.starts_with("tiny-default-uploads-") && bucket.ends_with("-eu-west-1"), "{bucket}");
    let (s3, task) = (Client::new(&world.sdk().await), as_a_task(world, &url).await);
    let ireland = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1).build();
    s3.create_bucket().bucket("theirs").create_bucket_configuration(ireland).send().await.expect("it is made");
    assert_eq!(put(&task, &bucket).await, Ok(()));
    assert_eq!(put(&task, &bucket).await, Ok(()), "once more, so that there is an older version");
    assert_eq!(put(&task, "theirs").await, Err("AccessDenied".to_owned()));
    let list = task.list_objects_v2().bucket(&bucket).send().await.expect("it may list");
    assert_eq!(list.key_count(), Some(1));
    let got = task.get_object().bucket(&bucket).key("a").send().await.expect("it may read");
    assert_eq!(got.body.collect().await.expect("it is whole").into_bytes().as_ref(), b"content");

    // Drift is shown as one field, and `up` corrects it.
    let suspended = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
    let call = s3.put_bucket_versioning().bucket(&bucket).versioning_configuration(suspended);
    call.send().await.expect("it is set");
    assert_eq!(world.changes(), ["bucket.uploads versioning"]);
    world.up();
    let versioning = s3.get_bucket_versioning().bucket(&bucket).send().await.expect("it answers");
    assert_eq!(versioning.status, Some(BucketVersioningStatus::Enabled));
    assert_eq!(world.plan(), Vec::<String>::new());

    // A bucket with objects is not deleted, with or without deletion protection.
    let refused = |why: &str| {
        let output = world.stackctl(&["destroy", "--confirm", "tiny/default"]);
        assert!(!output.status.success() && text(&output).contains(why), "{}", text(&output));
    };
    refused("it contains 1 object and 1 older version");
    world.edit("uploads: {}", "uploads: { protect: false }");
    world.up();
    refused("it contains 1 object and 1 older version");
    assert!(s3.head_bucket().bucket(&bucket).send().await.is_ok());

    world.must(&["destroy", "--confirm", "tiny/default", "--unprotect"]);
    assert_eq!(everything(world).await, ["bucket theirs"]);
}
