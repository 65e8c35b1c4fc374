//! The lifecycle policy: how many images a repository keeps.
//!
//! ECR counts from the newest image and does not know which image a service runs. If each newer image fails, a service
//! keeps running an old one. Without a wider policy, the failed images would push the old one out of the repository,
//! and its next task could not start.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html>

use aws_sdk_ecr::Client;
use serde_json::{Value, json};

use crate::{
    aws::{Once, Outcome},
    model::Failure,
};

/// The minimum number of images that a repository keeps: enough to roll back a few weeks of daily releases.
const USUAL: usize = 30;

/// Returns how many images the repository must keep to retain an image with `newer` newer ones. The number grows in
/// steps, so that few pushes change the policy.
pub fn kept(newer: usize) -> usize {
    (newer / USUAL + 1) * USUAL
}

/// Whether an image with `newer` newer ones needs a policy that keeps more than [`USUAL`] images.
pub(super) fn is_wider(newer: usize) -> bool {
    newer >= USUAL
}

/// Returns the policy that keeps the newest `keep` images.
pub(super) fn policy(keep: usize) -> Value {
    json!({ "rules": [{
        "rulePriority": 1,
        "description": format!("Keep the newest {keep} images"),
        "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep },
        "action": { "type": "expire" },
    }] })
}

/// Sets the policy that keeps the newest `keep` images. Returns the policy text.
pub(super) async fn put(ecr: &Client, repository: &str, keep: usize) -> Result<String, Failure> {
    let text = policy(keep).to_string();
    let call = ecr.put_lifecycle_policy().repository_name(repository).lifecycle_policy_text(&text);
    call.customize().once().send().await.during("PutLifecyclePolicy")?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_always_keeps_the_running_image() {
        for newer in 0..200 {
            assert!(kept(newer) > newer, "{newer}");
            assert_eq!(is_wider(newer), kept(newer) > USUAL, "{newer}");
        }
        assert_eq!([0, 29, 30, 59, 60].map(kept), [30, 30, 60, 60, 90]);
    }
}
