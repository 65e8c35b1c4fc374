//! From an image to a registry; what is there already is not sent again.

use oci_client::{
    Client, Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};

use super::{
    blob::Blob,
    manifest::{Assembled, MANIFEST},
};
use crate::{
    kind::RegistryLogin,
    model::{Cause, Failure},
};

/// How often a blob is sent from its start before the push fails.
const ATTEMPTS: usize = 4;

/// Of how many layers it is told one by one how far they are.
const MANY: usize = 4;

/// Sends `image` to `repository` under `tag`; says in words what was sent, and of one of many layers how far it is.
pub(super) async fn push(
    image: &Assembled,
    repository: &str,
    tag: &str,
    login: &RegistryLogin,
    say: &(dyn Fn(&str) + Sync),
) -> Result<String, Failure> {
    let reference: Reference = format!("{repository}:{tag}")
        .parse()
        .map_err(|error| Failure::internal(format!("{repository}:{tag} is no image name: {error}")))?;
    let protocol = if login.plain_http {
        ClientProtocol::HttpsExcept(vec![reference.registry().to_owned()])
    } else {
        ClientProtocol::Https
    };
    // ECR takes a blob in one piece only.
    let client = Client::new(ClientConfig { protocol, use_monolithic_push: true, ..ClientConfig::default() });
    let auth = RegistryAuth::Basic(login.user.clone(), login.password.clone());
    client.auth(&reference, &auth, RegistryOperation::Push).await.map_err(|error| failed("log in", &error))?;
    client.store_auth_if_needed(reference.resolve_registry(), &auth).await;
    let (mut sent, mut bytes) = (0_usize, 0_u64);
    for (place, blob) in image.blobs.iter().enumerate() {
        if client.blob_exists(&reference, &blob.digest).await.map_err(|error| failed("look for a layer", &error))? {
            continue;
        }
        send(&client, &reference, blob).await?;
        sent += 1;
        bytes += blob.length();
        if image.blobs.len() > MANY {
            say(&format!("sent {} of {}", place + 1, image.blobs.len()));
        }
    }
    let media = MANIFEST.parse().map_err(|_| Failure::internal("the media type of a manifest is no header"))?;
    client
        .push_manifest_raw(&reference, image.manifest.clone(), media)
        .await
        .map_err(|error| failed("push the manifest", &error))?;
    Ok(format!("{sent} of {} layers sent, {} kB", image.blobs.len(), bytes / 1000))
}

async fn send(client: &Client, reference: &Reference, blob: &Blob) -> Result<(), Failure> {
    let mut attempt = 1;
    loop {
        let bytes = blob.bytes().map_err(|error| Failure::refused("read a layer", error.to_string()))?;
        match client.push_blob(reference, bytes, &blob.digest).await {
            Ok(_) => return Ok(()),
            Err(_) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(failed("push a layer", &error)),
        }
    }
}

fn failed(what: &str, error: &OciDistributionError) -> Failure {
    Failure { cause: Cause::Ambiguous, ..Failure::refused(what, error.to_string()) }
        .hint("the registry is ECR's: check that it can be reached, and that the caller may push (ecr:PutImage and beside it)")
}
