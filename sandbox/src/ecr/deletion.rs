//! `BatchDeleteImage`: deletes images by digest or by tag.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::image::Image;

/// Deletes the images in `ids`. A digest deletes the image with all its tags; a tag deletes the tag, and the image
/// with its last tag.
/// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html>
pub(super) fn delete(images: &mut BTreeMap<String, Image>, ids: &[Value]) -> Value {
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in ids {
        match one(images, id["imageDigest"].as_str(), id["imageTag"].as_str()) {
            Ok(gone) => deleted.extend(gone),
            Err((code, reason)) => {
                failures.push(json!({ "imageId": id, "failureCode": code, "failureReason": reason }));
            }
        }
    }
    json!({ "imageIds": deleted, "failures": failures })
}

fn one(
    images: &mut BTreeMap<String, Image>,
    digest: Option<&str>,
    tag: Option<&str>,
) -> Result<Vec<Value>, (&'static str, &'static str)> {
    const NOT_FOUND: (&str, &str) = ("ImageNotFound", "Requested image not found");
    match (digest, tag) {
        (None, None) => Err(("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")),
        (Some(digest), Some(tag)) if images.get(digest).is_some_and(|image| !image.tags.contains(tag)) => {
            Err(("ImageTagDoesNotMatchDigest", "Image tag does not match the digest"))
        }
        (Some(digest), _) => {
            let image = images.remove(digest).ok_or(NOT_FOUND)?;
            let tagged = image.tags.iter().map(|tag| json!({ "imageDigest": digest, "imageTag": tag }));
            let gone: Vec<Value> = tagged.collect();
            Ok(if gone.is_empty() { vec![json!({ "imageDigest": digest })] } else { gone })
        }
        (None, Some(tag)) => {
            let (digest, image) = images.iter_mut().find(|(_, image)| image.tags.contains(tag)).ok_or(NOT_FOUND)?;
            image.tags.remove(tag);
            let (digest, was_last) = (digest.clone(), image.tags.is_empty());
            if was_last {
                images.remove(&digest);
            }
            Ok(vec![json!({ "imageDigest": digest, "imageTag": tag })])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images() -> BTreeMap<String, Image> {
        let image = |tags: &[&str]| Image {
            manifest: Vec::new(),
            media_type: String::new(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            pushed: 0.0,
            size: 0,
        };
        BTreeMap::from([("sha256:a".to_owned(), image(&["1", "2"])), ("sha256:b".to_owned(), image(&["3"]))])
    }

    #[test]
    fn deleting_the_last_tag_deletes_the_image() {
        let mut images = images();
        delete(&mut images, &[json!({ "imageTag": "1" })]);
        assert_eq!(images.len(), 2, "it has another tag");
        let answer = delete(&mut images, &[json!({ "imageTag": "2" }), json!({ "imageTag": "9" }), json!({})]);
        assert_eq!(answer["imageIds"], json!([{ "imageDigest": "sha256:a", "imageTag": "2" }]));
        assert_eq!(answer["failures"][0]["failureCode"], "ImageNotFound");
        assert_eq!(answer["failures"][1]["failureCode"], "MissingDigestAndTag");
        assert_eq!(images.keys().collect::<Vec<_>>(), ["sha256:b"]);
    }

    #[test]
    fn deleting_by_digest_deletes_all_tags() {
        let mut images = images();
        let wrong = json!({ "imageDigest": "sha256:a", "imageTag": "3" });
        assert_eq!(delete(&mut images, &[wrong])["failures"][0]["failureCode"], "ImageTagDoesNotMatchDigest");
        let answer = delete(&mut images, &[json!({ "imageDigest": "sha256:a" })]);
        assert_eq!(answer["imageIds"].as_array().map(Vec::len), Some(2));
        assert_eq!(images.len(), 1);
    }
}
