//! Lifecycle policies: delete images when there are enough newer ones. ECR does not check whether a service still
//! uses them. On AWS it takes up to a day; here it happens with the push.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html>

use std::collections::BTreeMap;

use serde_json::Value;

use super::image::Image;

/// Deletes the images that `policy` expires after the push of `pushed`. Only rules that count images of any tag are
/// evaluated.
pub(super) fn expire(images: &mut BTreeMap<String, Image>, pushed: &str, policy: &str) {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let rules = policy["rules"].as_array().into_iter().flatten().map(|rule| &rule["selection"]);
    let counting = rules.filter(|one| one["tagStatus"] == "any" && one["countType"] == "imageCountMoreThan");
    let Some(keep) = counting.filter_map(|one| one["countNumber"].as_u64()).min() else { return };
    let older = usize::try_from(keep).unwrap_or(usize::MAX).saturating_sub(1);
    let mut by_age: Vec<(String, f64)> = images
        .iter()
        .filter(|(digest, _)| *digest != pushed)
        .map(|(digest, image)| (digest.clone(), image.pushed))
        .collect();
    by_age.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    for (digest, _) in by_age.into_iter().skip(older) {
        images.remove(&digest);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn left(keep: u64) -> Vec<String> {
        let image = |pushed| Image {
            manifest: Vec::new(),
            media_type: String::new(),
            tags: std::collections::BTreeSet::new(),
            pushed,
            size: 0,
        };
        let mut images: BTreeMap<String, Image> =
            [("c", 1.0), ("a", 2.0), ("b", 3.0), ("0", 3.0)].map(|(name, at)| (name.to_owned(), image(at))).into();
        let selection = json!({ "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep });
        expire(&mut images, "b", &json!({ "rules": [{ "selection": selection }] }).to_string());
        images.into_keys().collect()
    }

    #[test]
    fn oldest_images_expire_but_never_the_pushed_one() {
        assert_eq!(left(4), ["0", "a", "b", "c"]);
        assert_eq!(left(3), ["0", "a", "b"]);
        assert_eq!(left(1), ["b"]);
    }

    #[test]
    fn no_image_expires_without_a_policy() {
        let mut images = BTreeMap::new();
        expire(&mut images, "b", "{}");
        assert!(images.is_empty());
    }
}
