//! From an image to a registry; what is there already is not sent again.

use std::time::Duration;

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

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long an answer may take, beside the time that what is sent takes.
const ANSWER: Duration = Duration::from_secs(60);

/// The slowest way to the registry that is waited for, in bytes a second.
const SLOWEST: u64 = 50_000;

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
    let config = ClientConfig { protocol, use_monolithic_push: true, ..ClientConfig::default() };
    let client = Client::new(ClientConfig { connect_timeout: Some(CONNECT), ..config });
    let auth = RegistryAuth::Basic(login.user.clone(), login.password.clone());
    within("log in", ANSWER, client.auth(&reference, &auth, RegistryOperation::Push)).await?;
    client.store_auth_if_needed(reference.resolve_registry(), &auth).await;
    let (mut sent, mut bytes) = (0_usize, 0_u64);
    for (place, blob) in image.blobs.iter().enumerate() {
        if within("look for a layer", ANSWER, client.blob_exists(&reference, &blob.digest)).await? {
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
    within("push the manifest", ANSWER, client.push_manifest_raw(&reference, image.manifest.clone(), media)).await?;
    Ok(format!("{sent} of {} layers sent, {} kB", image.blobs.len(), bytes / 1000))
}

async fn send(client: &Client, reference: &Reference, blob: &Blob) -> Result<(), Failure> {
    let patience = ANSWER + Duration::from_secs(blob.length() / SLOWEST);
    let mut attempt = 1;
    loop {
        let bytes = blob.bytes().map_err(|error| Failure::refused("read a layer", error.to_string()))?;
        match within("push a layer", patience, client.push_blob(reference, bytes, &blob.digest)).await {
            Ok(_) => return Ok(()),
            Err(_) if attempt < ATTEMPTS => attempt += 1,
            Err(failure) => return Err(failure),
        }
    }
}

/// What the registry answers, if it does within `patience`.
async fn within<T>(
    what: &str,
    patience: Duration,
    answer: impl Future<Output = Result<T, OciDistributionError>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => answer.map_err(|error| failed(what, error.to_string())),
        Err(_) => Err(failed(what, format!("the registry gives no answer within {} s", patience.as_secs()))),
    }
}

fn failed(what: &str, why: String) -> Failure {
    Failure { cause: Cause::Ambiguous, ..Failure::refused(what, why) }
        .hint("the registry is ECR's: check that it can be reached, and that the caller may push (ecr:PutImage and beside it)")
}
