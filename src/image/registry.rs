//! Reads the manifest and configuration of an image in another registry. Its layers are downloaded only if the target
//! registry lacks them.

use std::{net::IpAddr, sync::Arc};

use futures::future::BoxFuture;
use oci_client::{
    Client, Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol},
    config::{Architecture, Os},
    errors::OciDistributionError,
    manifest::{ImageIndexEntry, OciDescriptor, OciImageManifest},
    secrets::RegistryAuth,
};
use serde::Deserialize;

use super::{blob::Blob, layered::Layered, manifest::Stored, remote::Registry};
use crate::{
    kind::{Arch, RegistryLogin},
    model::{Failure, Subject},
};

/// Returns the login for the account's ECR registry.
pub type Logins = Arc<dyn Fn() -> BoxFuture<'static, Result<RegistryLogin, Failure>> + Send + Sync>;

/// The part of an image's configuration that is read here.
#[derive(Deserialize)]
struct Config {
    architecture: String,
    os: String,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

/// Reads the image called `name` for `arch`. Its layers are not downloaded.
pub(super) async fn pull(name: &str, arch: Arch, logins: &Logins) -> Result<Layered, Failure> {
    let image: Reference = name
        .parse()
        .map_err(|error| Failure::about(Subject::activity("build"), format!("invalid image name `{name}`: {error}")))?;
    let host = image.resolve_registry().to_owned();
    let is_local = is_local(&host);
    // As in Docker, a registry on this machine needs no TLS.
    let protocol = if is_local { ClientProtocol::HttpsExcept(vec![host.clone()]) } else { ClientProtocol::Https };
    let resolver = move |entries: &[ImageIndexEntry]| of_platform(entries, arch);
    let config = ClientConfig { protocol, platform_resolver: Some(Box::new(resolver)), ..ClientConfig::default() };
    let registry = Registry { client: Client::new(config), image };
    let auth = if is_local || host.contains(".dkr.ecr.") {
        let login = logins().await?;
        RegistryAuth::Basic(login.user, login.password)
    } else {
        RegistryAuth::Anonymous
    };
    let refused = |error: OciDistributionError| match error {
        OciDistributionError::ImageManifestNotFoundError(_) => {
            let hint = format!("set `arch` to the architecture of the image, or use another image than {name}");
            registry.failed(&format!("not available for linux/{}", arch.name())).hint(hint)
        }
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            let hint = "use a public image, or an ECR image that your AWS credentials are allowed to pull";
            registry.failed(&format!("the registry denied access: {error}")).hint(hint)
        }
        error => registry
            .failed(&error.to_string())
            .hint("check the name of the image, and that this machine can reach the registry"),
    };
    let client = &registry.client;
    client.auth(&registry.image, &auth, RegistryOperation::Pull).await.map_err(refused)?;
    let (manifest, digest, config) = client.pull_manifest_and_config(&registry.image, &auth).await.map_err(refused)?;
    let found: Config = serde_json::from_str(&config)
        .map_err(|error| registry.failed(&format!("cannot read its configuration: {error}")))?;
    let (wanted, is) = (arch.name(), &found.architecture);
    if found.os != "linux" || is != wanted {
        let hint = format!("use an image for linux/{wanted}, or set `arch: {is}`");
        return Err(registry
            .failed(&format!("the image is for {}/{is}, but the service runs on linux/{wanted}", found.os))
            .hint(hint));
    }
    if found.rootfs.diff_ids.len() != manifest.layers.len() {
        return Err(registry.failed("its configuration and its manifest list different layers"));
    }
    let version = registry.image.tag().unwrap_or(&digest).replace(':', "-");
    let registry = Arc::new(registry);
    let layers = layers(&registry, manifest, found.rootfs.diff_ids)?;
    Ok(Layered { version, config: config.into_bytes(), layers })
}

fn layers(registry: &Arc<Registry>, manifest: OciImageManifest, diff_ids: Vec<String>) -> Result<Vec<Stored>, Failure> {
    let layers = manifest.layers.into_iter().zip(diff_ids).map(|(layer, diff_id)| {
        let OciDescriptor { media_type, digest, size, .. } = layer;
        let media =
            in_oci(&media_type).ok_or_else(|| registry.failed(&format!("cannot copy a layer of type {media_type}")))?;
        let length = u64::try_from(size).unwrap_or_default();
        Ok(Stored { diff_id, media, blob: Blob::elsewhere(digest, length, Arc::clone(registry)) })
    });
    layers.collect()
}

/// Returns the OCI media type of a layer: Docker's older names mean the same bytes. Returns `None` for a layer that
/// must not be copied, such as those of Windows.
/// <https://github.com/opencontainers/image-spec/blob/main/media-types.md#compatibility-matrix>
fn in_oci(media: &str) -> Option<String> {
    match media {
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
            Some("application/vnd.oci.image.layer.v1.tar+gzip".to_owned())
        }
        "application/vnd.docker.image.rootfs.diff.tar" => Some("application/vnd.oci.image.layer.v1.tar".to_owned()),
        other => other.starts_with("application/vnd.oci.image.layer.v1.").then(|| other.to_owned()),
    }
}

/// Returns the digest of the image for Linux on `arch` from the entries of an index.
fn of_platform(entries: &[ImageIndexEntry], arch: Arch) -> Option<String> {
    let architecture = match arch {
        Arch::Amd64 => Architecture::Amd64,
        Arch::Arm64 => Architecture::ARM64,
    };
    let of = |entry: &&ImageIndexEntry| {
        let platform = entry.platform.as_ref();
        platform.is_some_and(|platform| platform.os == Os::Linux && platform.architecture == architecture)
    };
    entries.iter().find(of).map(|entry| entry.digest.clone())
}

/// Whether the registry is on this machine.
fn is_local(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_media_types_become_oci_media_types() {
        let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
        assert_eq!(in_oci("application/vnd.docker.image.rootfs.diff.tar.gzip").as_deref(), Some(gzip));
        let zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
        assert_eq!(in_oci(zstd).as_deref(), Some(zstd));
        assert_eq!(in_oci("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), None);
    }

    #[test]
    fn image_for_the_architecture_is_taken_from_an_index() {
        let entry = |os: &str, arch: &str| {
            let entry = serde_json::json!({
                "mediaType": "m", "digest": format!("{os}/{arch}"), "size": 1, "platform": { "os": os, "architecture": arch },
            });
            serde_json::from_value::<ImageIndexEntry>(entry).expect("it is one")
        };
        let index =
            [entry("windows", "amd64"), entry("linux", "amd64"), entry("linux", "arm64"), entry("unknown", "unknown")];
        assert_eq!(of_platform(&index, Arch::Amd64).as_deref(), Some("linux/amd64"));
        assert_eq!(of_platform(&index, Arch::Arm64).as_deref(), Some("linux/arm64"));
        assert_eq!(of_platform(&index[..2], Arch::Arm64), None);
    }

    #[test]
    fn registry_on_this_machine_is_recognized() {
        assert!(is_local("127.0.0.1:5000") && is_local("localhost:5000"));
        assert!(!is_local("ghcr.io") && !is_local("index.docker.io"));
    }
}
