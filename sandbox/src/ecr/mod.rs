//! ECR: repositories and their images, and the registry for Docker and OCI clients.

mod deletion;
mod image;
mod lifecycle;
mod names;
mod registry;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use image::Image;

use crate::{
    api::{Answer, ApiError, Call, now},
    place::{ACCOUNT, Place},
};

/// The repositories and the registry.
pub(crate) struct Ecr {
    place: Arc<Place>,
    blobs: PathBuf,
    host: String,
    password: String,
    repositories: Mutex<BTreeMap<String, Repository>>,
    /// The received bytes of chunked layer uploads, by upload id.
    uploads: Mutex<BTreeMap<String, Vec<u8>>>,
}

#[derive(Default)]
struct Repository {
    settings: Value,
    tags: BTreeMap<String, String>,
    lifecycle: Option<String>,
    images: BTreeMap<String, Image>,
    layers: BTreeSet<String>,
}

/// An image as the task runner needs it.
pub(crate) struct Pulled {
    pub(crate) digest: String,
    pub(crate) config: Value,
    /// The files of the layers, lowest first.
    pub(crate) layers: Vec<PathBuf>,
}

impl Ecr {
    pub(crate) fn new(place: Arc<Place>) -> Self {
        Self {
            blobs: place.dir.join("blobs"),
            host: place.endpoint.trim_start_matches("http://").to_owned(),
            place,
            password: uuid::Uuid::new_v4().simple().to_string(),
            repositories: Mutex::default(),
            uploads: Mutex::default(),
        }
    }

    fn repositories(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Repository>> {
        self.repositories.lock().expect("nobody panics while holding this")
    }

    /// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html>
    pub(crate) fn call(&self, call: &Call) -> Result<Answer, ApiError> {
        let input = call.json()?;
        let name = input["repositoryName"].as_str().unwrap_or_default().to_owned();
        let document = match call.operation.as_str() {
            "GetAuthorizationToken" => json!({ "authorizationData": [{
                "authorizationToken": STANDARD.encode(format!("AWS:{}", self.password)),
                "expiresAt": now() + 12.0 * 3600.0,
                "proxyEndpoint": format!("http://{}", self.host),
            }] }),
            "CreateRepository" => self.create(&call.region, &name, &input)?,
            "DescribeRepositories" => self.describe(&input)?,
            "GetDownloadUrlForLayer" => self.download(&name, &input)?,
            "TagResource" | "UntagResource" | "ListTagsForResource" => self.tags(call, &input)?,
            "DeleteRepository" => self.delete(&name, &input)?,
            _ => {
                let mut repositories = self.repositories();
                let repository = repositories.get_mut(&name).ok_or_else(|| missing(&name))?;
                on_repository(call, &name, repository, &input)?
            }
        };
        Ok(Answer::json(&document))
    }

    fn create(&self, region: &str, name: &str, input: &Value) -> Result<Value, ApiError> {
        names::repository(name)?;
        let mut repositories = self.repositories();
        if repositories.contains_key(name) {
            let message =
                format!("The repository with name '{name}' already exists in the registry with id '{ACCOUNT}'");
            return Err(ApiError::client("RepositoryAlreadyExistsException", message));
        }
        let settings = json!({
            "repositoryArn": format!("arn:aws:ecr:{region}:{ACCOUNT}:repository/{name}"),
            "registryId": ACCOUNT,
            "repositoryName": name,
            "repositoryUri": format!("{}/{name}", self.host),
            "createdAt": now(),
            "imageTagMutability": input["imageTagMutability"].as_str().unwrap_or("MUTABLE"),
            "imageScanningConfiguration": { "scanOnPush": input["imageScanningConfiguration"]["scanOnPush"].as_bool().unwrap_or(false) },
            "encryptionConfiguration": { "encryptionType": "AES256" },
        });
        let tags = input["tags"].as_array().into_iter().flatten();
        let tags = tags.filter_map(|tag| Some((tag["Key"].as_str()?.to_owned(), tag["Value"].as_str()?.to_owned())));
        let repository = Repository { settings: settings.clone(), tags: tags.collect(), ..Repository::default() };
        repositories.insert(name.to_owned(), repository);
        Ok(json!({ "repository": settings }))
    }

    fn describe(&self, input: &Value) -> Result<Value, ApiError> {
        let repositories = self.repositories();
        let found: Vec<&Value> = match input["repositoryNames"].as_array() {
            Some(names) => names
                .iter()
                .map(|name| {
                    let name = name.as_str().unwrap_or_default();
                    repositories.get(name).map(|repository| &repository.settings).ok_or_else(|| missing(name))
                })
                .collect::<Result<_, _>>()?,
            None => repositories.values().map(|repository| &repository.settings).collect(),
        };
        Ok(json!({ "repositories": found }))
    }

    fn delete(&self, name: &str, input: &Value) -> Result<Value, ApiError> {
        let mut repositories = self.repositories();
        let repository = repositories.get(name).ok_or_else(|| missing(name))?;
        if !repository.images.is_empty() && input["force"].as_bool() != Some(true) {
            let message =
                format!("The repository with name '{name}' cannot be deleted because it still contains images");
            return Err(ApiError::client("RepositoryNotEmptyException", message));
        }
        let removed = repositories.remove(name).map(|repository| repository.settings);
        Ok(json!({ "repository": removed }))
    }

    /// Returns the download URL of a layer. The layer must belong to an image. The URL needs no further credentials.
    /// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html>
    fn download(&self, name: &str, input: &Value) -> Result<Value, ApiError> {
        let repositories = self.repositories();
        let repository = repositories.get(name).ok_or_else(|| missing(name))?;
        let digest = input["layerDigest"].as_str().unwrap_or_default();
        let named = repository.images.values().any(|image| {
            let manifest: Value = serde_json::from_slice(&image.manifest).unwrap_or_default();
            manifest["layers"].as_array().into_iter().flatten().any(|layer| layer["digest"] == digest)
        });
        if !named {
            let message = format!(
                "The layer with digest '{digest}' does not exist in the repository with name '{name}' in the registry \
                 with id '{ACCOUNT}'"
            );
            return Err(ApiError::client("LayersNotFoundException", message));
        }
        let signature = self.signature(name, digest);
        let url = format!("http://{}/v2/{name}/blobs/{digest}?X-Amz-Signature={signature}", self.host);
        Ok(json!({ "downloadUrl": url, "layerDigest": digest }))
    }

    /// Returns the signature of a download URL.
    fn signature(&self, name: &str, digest: &str) -> String {
        let signed = Sha256::digest(format!("{}\n{name}\n{digest}", self.password).as_bytes());
        signed.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    fn tags(&self, call: &Call, input: &Value) -> Result<Value, ApiError> {
        let arn = input["resourceArn"].as_str().unwrap_or_default();
        let name = arn.split_once(":repository/").map_or("", |(_, name)| name);
        let mut repositories = self.repositories();
        let repository = repositories.get_mut(name).ok_or_else(|| missing(name))?;
        match call.operation.as_str() {
            "TagResource" => {
                for tag in input["tags"].as_array().into_iter().flatten() {
                    let text = |key: &str| tag[key].as_str().unwrap_or_default().to_owned();
                    repository.tags.insert(text("Key"), text("Value"));
                }
                Ok(json!({}))
            }
            "UntagResource" => {
                for key in input["tagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    repository.tags.remove(key);
                }
                Ok(json!({}))
            }
            _ => {
                let tags = repository.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
                Ok(json!({ "tags": tags.collect::<Vec<_>>() }))
            }
        }
    }

    /// Returns the image called `reference`, if this registry hosts it.
    pub(crate) fn pull(&self, reference: &str) -> Option<Result<Pulled, String>> {
        let rest = reference.strip_prefix(&self.host)?.strip_prefix('/')?;
        Some(self.find(rest).ok_or_else(|| format!("{reference}: not found")))
    }

    fn find(&self, rest: &str) -> Option<Pulled> {
        let repositories = self.repositories();
        let (name, digest) = if let Some((name, digest)) = rest.split_once('@') {
            (name.to_owned(), digest.to_owned())
        } else {
            let (name, tag) = rest.rsplit_once(':')?;
            let mut images = repositories.get(name)?.images.iter();
            let (digest, _) = images.find(|(_, image)| image.tags.contains(tag))?;
            (name.to_owned(), digest.clone())
        };
        let image = repositories.get(&name)?.images.get(&digest)?;
        let manifest: Value = serde_json::from_slice(&image.manifest).ok()?;
        let config = std::fs::read(self.blob(manifest["config"]["digest"].as_str()?)).ok()?;
        let layers = manifest["layers"].as_array()?.iter().filter_map(|layer| layer["digest"].as_str());
        Some(Pulled {
            digest,
            config: serde_json::from_slice(&config).ok()?,
            layers: layers.map(|digest| self.blob(digest)).collect(),
        })
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.blobs.join(digest.replace(':', "-"))
    }
}

fn on_repository(call: &Call, name: &str, repository: &mut Repository, input: &Value) -> Result<Value, ApiError> {
    Ok(match call.operation.as_str() {
        "PutLifecyclePolicy" => {
            let text = input["lifecyclePolicyText"].as_str().unwrap_or_default().to_owned();
            if serde_json::from_str::<Value>(&text).is_err() {
                return Err(ApiError::client("InvalidParameterException", "the lifecycle policy is no JSON"));
            }
            repository.lifecycle = Some(text.clone());
            json!({ "registryId": ACCOUNT, "repositoryName": name, "lifecyclePolicyText": text })
        }
        "GetLifecyclePolicy" => match &repository.lifecycle {
            Some(text) => json!({ "registryId": ACCOUNT, "repositoryName": name, "lifecyclePolicyText": text }),
            None => {
                return Err(ApiError::client("LifecyclePolicyNotFoundException", "Lifecycle policy does not exist"));
            }
        },
        "DeleteLifecyclePolicy" => {
            repository.lifecycle = None;
            json!({ "repositoryName": name })
        }
        "PutImageScanningConfiguration" => {
            repository.settings["imageScanningConfiguration"] = input["imageScanningConfiguration"].clone();
            json!({ "repositoryName": name })
        }
        "PutImageTagMutability" => {
            repository.settings["imageTagMutability"] = input["imageTagMutability"].clone();
            json!({ "repositoryName": name })
        }
        "DescribeImages" => {
            let details = repository.images.iter().map(|(digest, image)| {
                json!({
                    "registryId": ACCOUNT, "repositoryName": name, "imageDigest": digest, "imageTags": image.tags,
                    "imageSizeInBytes": image.size, "imagePushedAt": image.pushed,
                    "imageManifestMediaType": image.media_type,
                })
            });
            json!({ "imageDetails": details.collect::<Vec<_>>() })
        }
        "ListImages" => {
            let ids = repository.images.iter().flat_map(|(digest, image)| {
                image.tags.iter().map(move |tag| json!({ "imageDigest": digest, "imageTag": tag }))
            });
            json!({ "imageIds": ids.collect::<Vec<_>>() })
        }
        "BatchGetImage" => {
            let mut images = Vec::new();
            for id in input["imageIds"].as_array().into_iter().flatten() {
                let found = repository.images.iter().find(|(digest, image)| {
                    id["imageDigest"].as_str() == Some(digest.as_str())
                        || id["imageTag"].as_str().is_some_and(|tag| image.tags.contains(tag))
                });
                if let Some((digest, image)) = found {
                    let manifest = String::from_utf8_lossy(&image.manifest);
                    images.push(json!({ "repositoryName": name, "imageId": { "imageDigest": digest }, "imageManifest": manifest }));
                }
            }
            json!({ "images": images, "failures": [] })
        }
        "BatchDeleteImage" => {
            let ids = input["imageIds"].as_array().map_or(&[][..], Vec::as_slice);
            deletion::delete(&mut repository.images, ids)
        }
        _ => return Err(ApiError::not_implemented(call)),
    })
}

fn missing(name: &str) -> ApiError {
    let message = format!("The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'");
    ApiError::client("RepositoryNotFoundException", message)
}
