//! The registry: the part of the OCI distribution protocol that a push and a pull need.
//!
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>

use std::{fs, time::Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    http::request::Parts,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Ecr, image::Image, lifecycle, names};
use crate::{api::now, call_log::Record};

impl Ecr {
    /// Answers a request of a registry client.
    pub(crate) async fn registry(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let (parts, body) = request.into_parts();
        let expected = format!("Basic {}", STANDARD.encode(format!("AWS:{}", self.password)));
        let authorized = parts.headers.get("authorization").and_then(|value| value.to_str().ok()) == Some(&expected);
        if !authorized && !self.is_signed(&parts) {
            return Response::builder()
                .status(401)
                .header(
                    "www-authenticate",
                    format!("Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"", self.host),
                )
                .body(Full::default())
                .expect("the headers are valid");
        }
        let path = parts.uri.path().trim_start_matches("/v2").trim_matches('/').to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let media =
            parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let bytes = body.len();
        let (operation, answer) = self.distribute(&parts.method, &path, &query, &media, &body);
        self.place.calls.add(Record {
            service: "registry",
            operation,
            mutating: false,
            started,
            status: answer.status().as_u16(),
            code: None,
            bytes,
        });
        answer
    }

    /// Returns whether the request has a valid download URL from `GetDownloadUrlForLayer`.
    fn is_signed(&self, request: &Parts) -> bool {
        let path = request.uri.path().trim_start_matches("/v2/");
        let signature = request.uri.query().and_then(|query| query.strip_prefix("X-Amz-Signature="));
        let (Some((name, digest)), Some(signature)) = (path.split_once("/blobs/"), signature) else { return false };
        request.method == Method::GET && self.signature(name, digest) == signature
    }

    fn distribute(
        &self,
        method: &Method,
        path: &str,
        query: &str,
        media: &str,
        body: &Bytes,
    ) -> (&'static str, Response<Full<Bytes>>) {
        if path.is_empty() {
            return ("Ping", empty(200));
        }
        if let Some((name, digest)) = path.split_once("/blobs/") {
            if !self.repositories().contains_key(name) {
                return ("Blob", error(404, "NAME_UNKNOWN", "the repository does not exist"));
            }
            return match (method, digest) {
                (&Method::HEAD | &Method::GET, digest) => self.get_blob(method, name, digest),
                (&Method::POST, "uploads" | "uploads/") => {
                    let location = format!("/v2/{name}/blobs/uploads/{}", uuid::Uuid::new_v4());
                    let answer = Response::builder().status(202).header("location", location).body(Full::default());
                    ("StartUpload", answer.expect("the headers are valid"))
                }
                (&Method::PATCH, upload) => self.add_to_upload(name, upload, body),
                (&Method::PUT, upload) => self.put_blob(name, upload, query, body),
                _ => ("Blob", error(405, "UNSUPPORTED", "a blob is sent by PATCH and PUT")),
            };
        }
        match (method, path.split_once("/manifests/")) {
            (&Method::PUT, Some((name, reference))) => self.put_manifest(name, reference, media, body),
            (&Method::GET | &Method::HEAD, Some((name, reference))) => self.get_manifest(name, reference),
            _ => ("Other", error(404, "UNSUPPORTED", "there are blobs and manifests")),
        }
    }

    fn get_blob(&self, method: &Method, name: &str, digest: &str) -> (&'static str, Response<Full<Bytes>>) {
        let known = self.repositories().get(name).is_some_and(|repository| repository.layers.contains(digest));
        let operation = if method == Method::HEAD { "HeadBlob" } else { "GetBlob" };
        match fs::read(self.blob(digest)) {
            Ok(content) if known => {
                let answer = Response::builder().status(200).header("docker-content-digest", digest);
                let answer = answer.header("content-length", content.len());
                let body = if method == Method::HEAD { Bytes::new() } else { Bytes::from(content) };
                (operation, answer.body(Full::new(body)).expect("the headers are valid"))
            }
            _ => (operation, error(404, "BLOB_UNKNOWN", "the layer does not exist")),
        }
    }

    /// Appends a chunk to a layer upload. Docker's client sends the whole layer like this, and then an empty PUT.
    fn add_to_upload(&self, name: &str, upload: &str, body: &Bytes) -> (&'static str, Response<Full<Bytes>>) {
        let mut uploads = self.uploads.lock().expect("nobody panics while holding this");
        let sent = uploads.entry(upload.to_owned()).or_default();
        sent.extend_from_slice(body);
        let answer = Response::builder().status(202).header("location", format!("/v2/{name}/blobs/{upload}"));
        let answer = answer.header("range", format!("0-{}", sent.len().saturating_sub(1))).body(Full::default());
        ("PatchBlob", answer.expect("the headers are valid"))
    }

    fn put_blob(&self, name: &str, upload: &str, query: &str, body: &Bytes) -> (&'static str, Response<Full<Bytes>>) {
        let begun = self.uploads.lock().expect("nobody panics while holding this").remove(upload);
        let body = &begun.map_or_else(|| body.clone(), |begun| [begun.as_slice(), body].concat().into());
        let wanted = query.split('&').find_map(|pair| pair.strip_prefix("digest="));
        let wanted = wanted.and_then(|digest| urlencoding::decode(digest).ok()).unwrap_or_default().into_owned();
        if digest(body) != wanted {
            return ("PutBlob", error(400, "DIGEST_INVALID", "the content has another digest"));
        }
        let written = fs::create_dir_all(&self.blobs).and_then(|()| fs::write(self.blob(&wanted), body));
        if let Err(problem) = written {
            return ("PutBlob", error(500, "UNKNOWN", &problem.to_string()));
        }
        if let Some(repository) = self.repositories().get_mut(name) {
            repository.layers.insert(wanted.clone());
        }
        let answer = Response::builder().status(201).header("location", format!("/v2/{name}/blobs/{wanted}"));
        let answer = answer.header("docker-content-digest", wanted).body(Full::default());
        ("PutBlob", answer.expect("the headers are valid"))
    }

    fn put_manifest(
        &self,
        name: &str,
        reference: &str,
        media: &str,
        body: &Bytes,
    ) -> (&'static str, Response<Full<Bytes>>) {
        let mut repositories = self.repositories();
        let Some(repository) = repositories.get_mut(name) else {
            return ("PutManifest", error(404, "NAME_UNKNOWN", "the repository does not exist"));
        };
        let digest = digest(body);
        let Ok(manifest) = serde_json::from_slice::<serde_json::Value>(body) else {
            return ("PutManifest", error(400, "MANIFEST_INVALID", "the manifest is no JSON"));
        };
        let named = manifest["layers"].as_array().into_iter().flatten().chain([&manifest["config"]]);
        for part in named.clone() {
            if !part["digest"].as_str().is_some_and(|digest| repository.layers.contains(digest)) {
                return ("PutManifest", error(400, "BLOB_UNKNOWN", "a layer of it was never sent"));
            }
        }
        let size = named.filter_map(|part| part["size"].as_u64()).sum();
        let by_tag = !reference.starts_with("sha256:");
        if by_tag && !names::is_tag(reference) {
            let message = "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must satisfy regular \
                           expression '[a-zA-Z0-9-_.]+''";
            return ("PutManifest", error(400, "TAG_INVALID", message));
        }
        let taken = repository
            .images
            .iter()
            .find(|(_, image)| image.tags.contains(reference))
            .map(|(digest, _)| digest.clone());
        if by_tag && let Some(other) = taken.filter(|other| *other != digest) {
            if repository.settings["imageTagMutability"] == "IMMUTABLE" {
                return (
                    "PutManifest",
                    error(400, "TAG_INVALID", "the tag already exists and the repository's tags are immutable"),
                );
            }
            if let Some(image) = repository.images.get_mut(&other) {
                image.tags.remove(reference);
            }
        }
        let image = repository.images.entry(digest.clone()).or_insert_with(|| Image {
            manifest: body.to_vec(),
            media_type: media.to_owned(),
            tags: std::collections::BTreeSet::new(),
            pushed: now(),
            size,
        });
        if by_tag {
            image.tags.insert(reference.to_owned());
        }
        if let Some(policy) = &repository.lifecycle {
            lifecycle::expire(&mut repository.images, &digest, policy);
        }
        let answer = Response::builder().status(201).header("location", format!("/v2/{name}/manifests/{digest}"));
        let answer = answer.header("docker-content-digest", digest).body(Full::default());
        ("PutManifest", answer.expect("the headers are valid"))
    }

    fn get_manifest(&self, name: &str, reference: &str) -> (&'static str, Response<Full<Bytes>>) {
        let repositories = self.repositories();
        let found = repositories.get(name).and_then(|repository| {
            repository.images.iter().find(|(digest, image)| *digest == reference || image.tags.contains(reference))
        });
        let Some((digest, image)) = found else {
            return ("GetManifest", error(404, "MANIFEST_UNKNOWN", "the image does not exist"));
        };
        let answer = Response::builder().status(200).header("content-type", &image.media_type);
        let answer =
            answer.header("docker-content-digest", digest).body(Full::new(Bytes::from(image.manifest.clone())));
        ("GetManifest", answer.expect("the headers are valid"))
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn empty(status: u16) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::default()).expect("the status is valid")
}

fn error(status: u16, code: &str, message: &str) -> Response<Full<Bytes>> {
    let body = json!({ "errors": [{ "code": code, "message": message }] }).to_string();
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(Full::new(Bytes::from(body))).expect("the headers are valid")
}
