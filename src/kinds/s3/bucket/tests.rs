//! Tests of the name, the guard and the deletion of buckets.

use std::sync::Arc;

use serde_json::json;

use super::{
    super::model,
    live::{Live, TLS_ONLY, shown, tls_only},
    *,
};
use crate::{aws::model::Cloud, kind::NoImages};

fn live() -> Live {
    Live {
        name: "demo-default-uploads".into(),
        private: true,
        ownership: "BucketOwnerEnforced".into(),
        encryption: "AES256".into(),
        versioning: "Enabled".into(),
        policy: TLS_ONLY.into(),
        protect: false,
        tags: Vec::new(),
        objects: 0,
        older: 0,
        more: false,
    }
}

fn id() -> StackId {
    StackId { stack: "demo".into(), environment: "default".into() }
}

#[test]
fn bucket_name_includes_account_and_region_within_the_limit() {
    let name = |bucket: &str, region| name(&id(), &Address::new("bucket", bucket), "123456789012", region);
    assert_eq!(name("uploads", "eu-west-1"), "demo-default-uploads-123456789012-eu-west-1");
    let (one, two) = (name("a-name-of-20-letters", "ap-northeast-1"), name("a-name-of-20-letters", "ap-northeast-2"));
    assert_eq!(one, "demo-default-a-name-of-20-letters-123456789012-ap-northeast-1");
    let long = StackId { stack: "a-name-of-20-letters".into(), ..id() };
    let long = |region| super::name(&long, &Address::new("bucket", "uploads"), "123456789012", region);
    assert_ne!(one, two);
    assert!(long("eu-west-1").len() <= 63 && long("eu-west-1") != long("eu-west-2"), "{}", long("eu-west-1"));
}

#[test]
fn guard_reports_the_content_of_the_bucket() {
    let says = |protect, objects, older, more| Bucket::guard(&Live { protect, objects, older, more, ..live() });
    assert_eq!(says(false, 0, 0, false), None);
    assert!(says(true, 0, 0, false).is_some_and(|why| why.contains("protect")));
    for (objects, older, more, expected) in [
        (1, 0, false, "it contains 1 object;"),
        (2, 1, false, "it contains 2 objects and 1 older version;"),
        (0, 3, false, "it contains 3 older versions;"),
        (1000, 0, true, "it contains at least 1000 objects;"),
    ] {
        let why = says(false, objects, older, more).expect("it is not empty");
        assert!(why.starts_with(expected), "{why}");
    }
}

#[test]
fn other_bucket_policies_are_shown_completely() {
    let mut policy = tls_only("a");
    assert_eq!(shown("a", policy.to_string()), TLS_ONLY);
    assert_ne!(shown("b", policy.to_string()), TLS_ONLY);
    policy["Statement"].as_array_mut().expect("a list").push(json!({ "Effect": "Allow" }));
    assert_eq!(shown("a", policy.to_string()), policy.to_string());
}

#[test]
fn tags_of_others_are_kept() {
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let tags = [tag("team", "a"), tag(PROTECT, "true")];
    assert_eq!(with(&tags, &[tag(PROTECT, "false")]), [tag("team", "a"), tag(PROTECT, "false")]);
}

/// Returns a bucket with `objects` objects, and the context of its stack.
async fn filled(protect: bool, objects: usize) -> (Cloud, Context, Live) {
    let cloud = model::cloud();
    let cx = Context::new(id(), Arc::new(aws::model::session(&cloud)), Arc::new(NoImages));
    let address = Address::new("bucket", "uploads");
    Bucket::create(&cx, &address, &Desired { protect }).await.expect("it is made");
    model::each(&cloud, |bucket| bucket.put(objects));
    let found = Bucket::list(&cx).await.expect("it answers").pop().expect("it is there");
    assert_eq!(found.address, address);
    (cloud, cx, found.live)
}

#[tokio::test]
async fn bucket_is_emptied_in_pages_before_deletion() {
    let (cloud, cx, live) = filled(false, 2001).await;
    assert_eq!((live.objects, live.more), (1000, true));
    cloud.begin(None);
    Bucket::delete(&cx, &live).await.expect("it is deleted");
    assert_eq!(cloud.writes(), ["DeleteObjects", "DeleteObjects", "DeleteObjects", "DeleteBucket"]);
    assert_eq!(cloud.present(), [""; 0]);
}

#[tokio::test]
async fn objects_added_after_the_plan_are_not_deleted() {
    let (cloud, cx, live) = filled(false, 0).await;
    model::each(&cloud, |bucket| bucket.put(1));
    let failure = Bucket::delete(&cx, &live).await.expect_err("it is not empty any more");
    assert!(failure.is(&["BucketNotEmpty"]) && failure.hint.is_some_and(|hint| hint.contains("--unprotect")));
    assert_eq!(cloud.present().len(), 1);
}

#[tokio::test]
async fn bucket_of_another_owner_is_not_changed_unless_adopted() {
    let (cloud, cx, live) = filled(true, 0).await;
    model::each(&cloud, |bucket| bucket.tags.clear());
    let address = Address::new("bucket", "uploads");
    let failure = Bucket::create(&cx, &address, &Desired { protect: true }).await.expect_err("it is somebody's");
    assert!(failure.hint.is_some_and(|hint| hint.contains(&format!("stackctl adopt {address} {}", live.name))));
    cloud.begin(None);
    let claimed = cx.claiming(address.clone(), live.name.clone());
    let found = Bucket::list(&claimed).await.expect("it answers").pop().expect("it is there");
    Bucket::adopt(&cx, &address, &found.live).await.expect("it is taken in");
    assert_eq!(Bucket::list(&cx).await.expect("it answers")[0].address, address);
    assert_eq!(cloud.writes(), ["PutBucketTagging"]);
}

#[tokio::test]
async fn name_taken_by_another_account_is_reported_with_a_fix() {
    let cloud = model::cloud();
    let cx = Context::new(id(), Arc::new(aws::model::session(&cloud)), Arc::new(NoImages));
    cloud.with(|s3: &mut model::S3| s3.foreign.push("demo-default-uploads-123456789012-eu-west-1".into()));
    let made = Bucket::create(&cx, &Address::new("bucket", "uploads"), &Desired { protect: true }).await;
    let failure = made.expect_err("the name is taken");
    assert!(failure.is(&["BucketAlreadyExists"]) && failure.hint.is_some_and(|hint| hint.contains("rename")));
}
