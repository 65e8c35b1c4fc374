//! Pushes an image to a registry. Blobs that the registry already has are not sent again.

use std::time::Duration;

use oci_client::{
    Client, Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol},
    errors::{OciDistributionError, OciErrorCode},
    secrets::RegistryAuth,
};

use super::{
    blob::Blob,
    manifest::{Assembled, MANIFEST},
};
use crate::{
    kind::RegistryLogin,
    model::{Cause, Failure, Subject},
};

/// How often a blob is sent before the push fails, and the pause before the second attempt, which doubles each time.
const ATTEMPTS: (u32, Duration) = (4, Duration::from_millis(250));

/// The timeout for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The timeout for a response, in addition to the time for sending the body.
const ANSWER: Duration = Duration::from_secs(60);

/// The slowest upload that the timeout allows, in bytes per second.
const SLOWEST: u64 = 50_000;

/// The number of blobs above which the push reports its progress.
const MANY: usize = 4;

/// Pushes `image` to `repository` under `tag` and returns a summary of what was sent. If the image has many layers,
/// `say` gets the progress.
pub(super) async fn push(
    image: &Assembled,
    repository: &str,
    tag: &str,
    login: &RegistryLogin,
    say: &(dyn Fn(&str) + Sync),
) -> Result<String, Failure> {
    let reference: Reference = format!("{repository}:{tag}")
        .parse()
        .map_err(|error| Failure::internal(format!("invalid image name {repository}:{tag}: {error}")))?;
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
    let media =
        MANIFEST.parse().map_err(|_| Failure::internal("the media type of a manifest is not a valid header"))?;
    within("push the manifest", ANSWER, client.push_manifest_raw(&reference, image.manifest.clone(), media)).await?;
    Ok(format!("{sent} of {} layers sent, {} kB", image.blobs.len(), bytes / 1000))
}

async fn send(client: &Client, reference: &Reference, blob: &Blob) -> Result<(), Failure> {
    let patience = ANSWER + Duration::from_secs(blob.length() / SLOWEST);
    let (mut attempt, mut pause) = (1, ATTEMPTS.1);
    loop {
        let bytes = blob.bytes().await?;
        match within("push a layer", patience, client.push_blob(reference, bytes, &blob.digest)).await {
            Ok(_) => return Ok(()),
            Err(failure) if failure.cause == Cause::Refused || attempt == ATTEMPTS.0 => return Err(failure),
            Err(_) => attempt += 1,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// Returns the response of the registry, or an error after `patience`.
async fn within<T>(
    what: &str,
    patience: Duration,
    answer: impl Future<Output = Result<T, OciDistributionError>>,
) -> Result<T, Failure> {
    let Ok(answer) = tokio::time::timeout(patience, answer).await else {
        let why = format!("timed out after {} s waiting for the registry", patience.as_secs());
        return Err(failed(what, Cause::Ambiguous, why));
    };
    answer.map_err(|error| failed(what, cause(&error), error.to_string()))
}

fn failed(what: &str, cause: Cause, why: String) -> Failure {
    Failure { cause, ..Failure::about(Subject::activity(what), why) }.hint(
        "check that this machine can reach ECR, and that the caller is allowed to push (ecr:PutImage and \
               related actions)",
    )
}

/// Returns the cause of the error, which decides whether another attempt can succeed.
fn cause(error: &OciDistributionError) -> Cause {
    match error {
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            Cause::Refused
        }
        OciDistributionError::RegistryError { envelope, .. } => {
            let too_many = envelope.errors.iter().any(|error| error.code == OciErrorCode::Toomanyrequests);
            if too_many { Cause::Throttled } else { Cause::Refused }
        }
        OciDistributionError::ServerError { code, .. } => cause_of_status(*code),
        // Checks for existing blobs return this variant.
        OciDistributionError::RequestError(error) => {
            error.status().map_or(Cause::Ambiguous, |status| cause_of_status(status.as_u16()))
        }
        _ => Cause::Ambiguous,
    }
}

/// Returns the cause that an HTTP status stands for.
fn cause_of_status(status: u16) -> Cause {
    match status {
        429 => Cause::Throttled,
        // 408 is left out: the registry timed out while it waited for the request, so another attempt can succeed.
        400..=407 | 409..=428 | 430..=499 => Cause::Refused,
        _ => Cause::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use oci_client::errors::OciEnvelope;

    use super::*;

    #[test]
    fn registry_refusals_differ_from_temporary_errors() {
        let url = || "https://registry/v2/".to_owned();
        let answered = |code| cause(&OciDistributionError::ServerError { code, url: url(), message: String::new() });
        for code in [400, 401, 403, 404, 405, 413] {
            assert_eq!(answered(code), Cause::Refused, "{code}");
        }
        for code in [302, 408, 500, 503] {
            assert_eq!(answered(code), Cause::Ambiguous, "{code}");
        }
        assert_eq!(answered(429), Cause::Throttled);
        let said = |code: &str| {
            let envelope = format!(r#"{{"errors":[{{"code":"{code}"}}]}}"#);
            let envelope: OciEnvelope = serde_json::from_str(&envelope).expect("it is the specification's");
            cause(&OciDistributionError::RegistryError { envelope, url: url() })
        };
        assert_eq!((said("DENIED"), said("TOOMANYREQUESTS")), (Cause::Refused, Cause::Throttled));
        assert_eq!(cause(&OciDistributionError::UnauthorizedError { url: url() }), Cause::Refused);
        assert_eq!(cause(&OciDistributionError::AuthenticationFailure("no".into())), Cause::Refused);
        assert_eq!(cause(&OciDistributionError::RegistryNoLocationError), Cause::Ambiguous);
    }
}
