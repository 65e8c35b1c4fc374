//! Signs requests that no client of the SDK makes.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

use std::time::SystemTime;

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};

use super::Aws;
use crate::model::{Failure, Subject};

impl Aws {
    /// Returns the headers that sign a GET of `url` for `service`, or none if the URL is signed already.
    ///
    /// # Errors
    /// If there are no credentials any more.
    pub async fn signature(&self, url: &str, service: &str) -> Result<Vec<(String, String)>, Failure> {
        let unsigned = |error: String| Failure::about(Subject::activity("sign a request"), error);
        if url.contains("X-Amz-Signature=") {
            return Ok(Vec::new());
        }
        let Some(provider) = &self.credentials else { return Err(unsigned("no credentials found".to_owned())) };
        let credentials = provider.provide_credentials().await.map_err(|error| unsigned(error.to_string()))?;
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| unsigned(error.to_string()))?;
        let host = url.split("//").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let headers = std::iter::once(("host", host));
        let request = SignableRequest::new("GET", url, headers, SignableBody::Bytes(&[]))
            .map_err(|error| unsigned(error.to_string()))?;
        let signed = sign(request, &params.into()).map_err(|error| unsigned(error.to_string()))?;
        let (instructions, _) = signed.into_parts();
        let headers = instructions.headers();
        Ok(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
