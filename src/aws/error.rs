//! Converts errors of the SDK to [`Failure`]s: operation, code, message, request id, and whether to retry.

use aws_smithy_runtime_api::{client::result::SdkError, http::Response};
use aws_smithy_types::error::{metadata::ProvideErrorMetadata, operation::BuildError};
use aws_types::request_id::RequestId;

use super::{answer, causes::chain, credentials, quota};
use crate::model::{Cause, Failure};

/// Codes for throttling. The call had no effect.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
pub(super) const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

/// Codes for invalid credentials, whatever the call.
const CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthFailure",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
];

/// Converts a result of the SDK.
pub trait Outcome<T> {
    /// Returns the value, or the failure of the AWS operation `operation`.
    ///
    /// # Errors
    /// The failure of the call.
    fn during(self, operation: &str) -> Result<T, Failure>;

    /// As [`Outcome::during`], but returns `None` for the codes in `absent`, which mean that the resource does not
    /// exist.
    ///
    /// # Errors
    /// Any other failure of the call.
    fn or_absent(self, operation: &str, absent: &[&str]) -> Result<Option<T>, Failure>;
}

impl<T, E> Outcome<T> for Result<T, SdkError<E, Response>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn during(self, operation: &str) -> Result<T, Failure> {
        self.map_err(|error| failure(operation, &error))
    }

    fn or_absent(self, operation: &str, absent: &[&str]) -> Result<Option<T>, Failure> {
        match self.during(operation) {
            Ok(value) => Ok(Some(value)),
            Err(failure) if failure.is(absent) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// Returns the failure of `operation`.
pub fn failure<E>(operation: &str, error: &SdkError<E, Response>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let mut failure = Failure::refused(operation, "");
    failure.request_id = error.request_id().map(str::to_owned);
    if let Some(answer) = not_of_aws(error) {
        return answer::foreign(failure, answer);
    }
    match error {
        SdkError::ServiceError(service) => {
            failure.code = service.err().code().map(str::to_owned);
            let status = service.raw().status().as_u16();
            let message = service.err().message().map(str::to_owned);
            failure.message = message.unwrap_or_else(|| format!("AWS returned no message (HTTP {status})"));
            failure.cause = if failure.is(THROTTLED) || status == 429 {
                Cause::Throttled
            } else if failure.is(CREDENTIALS) && !is_about_resource(&failure, status) {
                Cause::Unreachable
            } else if status >= 500 {
                Cause::Ambiguous
            } else {
                Cause::Refused
            };
        }
        SdkError::DispatchFailure(dispatch) => {
            failure.message = chain(error);
            // A connection that failed to open carried no request. Any other connection may have.
            failure.cause =
                if dispatch.is_user() || is_connect(dispatch) { Cause::Unreachable } else { Cause::Ambiguous };
        }
        SdkError::ConstructionFailure(_) => {
            failure.message = chain(error);
            failure.cause = Cause::Unreachable;
        }
        _ => {
            failure.message = chain(error);
            failure.cause = Cause::Ambiguous;
        }
    }
    failure.hint = hint(&failure);
    failure
}

/// Returns the response if it has neither an error code nor a request id. AWS sends a request id with every response,
/// even to HEAD, which has no body for a code.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html>
fn not_of_aws<E>(error: &SdkError<E, Response>) -> Option<&Response>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let (answer, code) = match error {
        SdkError::ServiceError(service) => (service.raw(), service.err().code()),
        SdkError::ResponseError(response) => (response.raw(), None),
        _ => return None,
    };
    (code.is_none() && error.request_id().is_none()).then_some(answer)
}

/// Returns whether the code `AuthFailure` refers to a resource. EC2 also uses it for an address that a deleted NAT
/// gateway of the caller still holds, with the HTTP status of other refusals.
fn is_about_resource(failure: &Failure, status: u16) -> bool {
    failure.is(&["AuthFailure"]) && status != 401
}

fn is_connect(dispatch: &aws_smithy_runtime_api::client::result::DispatchFailure) -> bool {
    let Some(connector) = dispatch.as_connector_error() else { return true };
    if connector.is_user() {
        return true;
    }
    let mut source = std::error::Error::source(connector);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                io.kind(),
                std::io::ErrorKind::ConnectionRefused
                    | std::io::ErrorKind::HostUnreachable
                    | std::io::ErrorKind::NetworkUnreachable
                    | std::io::ErrorKind::AddrNotAvailable
            );
        }
        source = error.source();
    }
    false
}

fn hint(failure: &Failure) -> Option<String> {
    let code = failure.code.as_deref().unwrap_or_default();
    if code.is_empty() && matches!(failure.cause, Cause::Unreachable | Cause::Ambiguous) {
        return Some(
            "cannot reach AWS: check the network, `region:` in stack.yaml and, if set, AWS_ENDPOINT_URL and \
             HTTPS_PROXY"
                .to_owned(),
        );
    }
    let hint = match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            return Some(format!(
                "the credentials have expired ({}): sign in again (`aws sso login`, `aws login`, or new keys), then \
                 run the command again",
                credentials::origin()
            ));
        }
        // Some of these codes end like those of a quota.
        _ if failure.cause == Cause::Throttled => {
            "AWS throttles the calls of this account: wait a minute, then run the command again to resume"
        }
        _ if CREDENTIALS.contains(&code) && failure.cause == Cause::Unreachable => {
            return Some(format!(
                "AWS rejects these credentials ({}): check them with `aws sts get-caller-identity`",
                credentials::origin()
            ));
        }
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            "the caller's IAM policy does not allow this operation: see docs/reference/permissions.md"
        }
        "OptInRequired" => "this region is not enabled in the account: enable it, or set another `region:`",
        _ => return quota::hint(failure),
    };
    Some(hint.to_owned())
}

/// Returns the failure for a part of a request that lacks a required field, which is a defect in stackctl.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
pub fn incomplete(error: BuildError) -> Failure {
    Failure::internal(error.to_string())
}

/// Returns a part of a response that AWS documents as always present.
///
/// # Errors
/// If it is missing: an incomplete response is a failure, not an empty id.
pub fn given<T>(part: Option<T>, operation: &str, what: &str) -> Result<T, Failure> {
    part.ok_or_else(|| Failure {
        cause: Cause::Ambiguous,
        ..Failure::refused(operation, format!("the response of AWS lacks `{what}`"))
    })
}
