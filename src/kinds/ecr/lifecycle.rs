//! How many images a repository keeps.
//!
//! ECR counts from the newest image and does not know which one a service runs. A service that goes on running an old image,
//! because each newer one failed, would lose it to the failed ones; its next task could not start.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html>

use aws_sdk_ecr::Client;
use serde_json::{Value, json};

use crate::{
    aws::{Once, Outcome},
    model::Failure,
};

/// How many images a repository keeps at least: enough to go back a few weeks of daily releases.
const USUAL: usize = 30;

/// How many images a repository keeps, so that an image that has `newer` ones after it stays. It grows in steps, so that few
/// pushes change the policy.
pub fn kept(newer: usize) -> usize {
    (newer / USUAL + 1) * USUAL
}

/// Whether the policy for an image with `newer` ones after it keeps more images than the usual one.
pub(super) fn is_wider(newer: usize) -> bool {
    newer >= USUAL
}

/// The policy that keeps the newest `keep` images.
pub(super) fn policy(keep: usize) -> Value {
    json!({ "rules": [{
        "rulePriority": 1,
        "description": format!("Keep the newest {keep} images"),
        "selection": { "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep },
        "action": { "type": "expire" },
    }] })
}

/// Lets the repository keep the newest `keep` images. Gives the policy's text.
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
    fn the_policy_always_reaches_the_image_that_runs() {
        for newer in 0..200 {
            assert!(kept(newer) > newer, "{newer}");
            assert_eq!(is_wider(newer), kept(newer) > USUAL, "{newer}");
        }
        assert_eq!([0, 29, 30, 59, 60].map(kept), [30, 30, 60, 60, 90]);
    }
}
