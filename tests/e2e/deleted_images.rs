//! Images that someone deletes from the registry while tasks run them.

use crate::{support::text, tiny::Tiny};

impl Tiny {
    /// Deletes the image of this build from the registry.
    async fn delete_image(&self, build: u32) {
        let ecr = aws_sdk_ecr::Client::new(&self.0.sdk().await);
        let images = ecr.describe_images().repository_name("tiny/default/tiny").send().await.expect("it answers");
        let is_meant = |tag: &String| tag.ends_with(&format!("-{build}"));
        let image = images.image_details().iter().find(|image| image.image_tags().iter().any(is_meant));
        let digest = image.and_then(|image| image.image_digest()).expect("it is there");
        let image = aws_sdk_ecr::types::ImageIdentifier::builder().image_digest(digest).build();
        let call = ecr.batch_delete_image().repository_name("tiny/default/tiny").image_ids(image);
        call.send().await.expect("it is deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn number_of_a_deleted_image_is_not_reused() {
    let tiny = Tiny::start();
    tiny.0.edit("replicas: 2", "replicas: 1");
    let url = tiny.0.up();
    tiny.say("two");
    tiny.0.must(&["deploy"]);
    tiny.delete_image(2).await;

    // `status` reports it, and nothing rolls back to the older image unasked.
    let service = tiny.0.status()["services"][0].clone();
    assert_eq!((&service["version"], &service["image_gone"]), (&"1.0.0+2".into(), &true.into()), "{service}");
    let said = text(&tiny.0.stackctl(&["up", "--yes"]));
    assert!(said.contains("no longer exists in its repository") && said.contains("No changes."), "{said}");
    assert!(said.contains("stackctl deploy"), "{said}");

    // Changed source gets a new number, so the service moves to it.
    tiny.say("three");
    tiny.0.must(&["deploy"]);
    assert_eq!(tiny.0.get(&url).await.1, "three");
    let service = tiny.0.status()["services"][0].clone();
    assert_eq!((&service["version"], &service["image_gone"]), (&"1.0.0+3".into(), &false.into()), "{service}");
    assert_eq!(tiny.0.plan(), [""; 0]);
}
