//! A call of the AWS API and its response, independent of the protocol.

use std::collections::BTreeMap;

use hyper::{HeaderMap, Method, body::Bytes};
use serde::Serialize;
use serde_json::Value;

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The service, from the scope of the signature: `ecs`, `ec2`, `elasticloadbalancing`, …
    pub(crate) service: String,
    /// The operation, such as `CreateVpc`.
    pub(crate) operation: String,
    /// The access key of the caller.
    pub(crate) key: String,
    /// The region, from the scope of the signature.
    pub(crate) region: String,
    pub(crate) method: Method,
    pub(crate) path_and_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[cfg(test)]
impl Call {
    /// Returns a call for tests: a POST without headers.
    pub(crate) fn example(service: &str, operation: &str, body: &str) -> Self {
        Self {
            service: service.into(),
            operation: operation.into(),
            key: "sandbox".into(),
            region: "eu-west-1".into(),
            method: Method::POST,
            path_and_query: "/".into(),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_owned()),
        }
    }
}

/// The response to a call.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    pub(crate) error: Option<String>,
    /// Further response headers, such as the version of an object.
    pub(crate) headers: HeaderMap,
}

/// An error, which is rendered in the protocol of the call.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Call {
    /// Returns whether the call is JSON: it has a target header, or its service uses JSON without one.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self.service.as_str(), "elasticfilesystem" | "scheduler") || self.headers.contains_key("x-amz-target")
    }

    /// Returns the body of a JSON call.
    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        if self.body.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| ApiError::client("SerializationException", format!("the body is no JSON: {error}")))
    }

    /// Returns the parameters of a Query call.
    pub(crate) fn params(&self) -> BTreeMap<String, String> {
        let body = String::from_utf8_lossy(&self.body);
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            urlencoding::decode(&text).map(std::borrow::Cow::into_owned).unwrap_or_default()
        };
        body.split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (decoded(key), decoded(value)))
            .collect()
    }

    /// Returns whether the name of the operation says that it changes something.
    pub(crate) fn is_mutating(&self) -> bool {
        !["Describe", "List", "Get", "BatchGet", "Head", "BatchCheck", "Lookup", "Search"]
            .iter()
            .any(|reads| self.operation.starts_with(reads))
    }
}

impl Answer {
    pub(crate) fn json(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("our answers are plain data");
        let content_type = "application/x-amz-json-1.1".to_owned();
        Self { status: 200, content_type, body: body.into(), error: None, headers: HeaderMap::new() }
    }

    pub(crate) fn xml(operation: &str, inner: &str) -> Self {
        let id = uuid::Uuid::new_v4();
        let body = format!(
            "<{operation}Response><{operation}Result>{inner}</{operation}Result>\
             <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
        );
        let content_type = "text/xml".to_owned();
        Self { status: 200, content_type, body: body.into(), error: None, headers: HeaderMap::new() }
    }
}

impl ApiError {
    pub(crate) fn client(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into() }
    }

    /// The error for credentials that have expired.
    pub(crate) fn expired(call: &Call) -> Self {
        let (status, code) = match (call.is_json(), call.service.as_str()) {
            (true, _) => (403, "ExpiredTokenException"),
            (false, "ec2") => (403, "RequestExpired"),
            (false, "s3") => (400, "ExpiredToken"),
            (false, _) => (403, "ExpiredToken"),
        };
        Self { status, ..Self::client(code, "The security token included in the request is expired") }
    }

    /// The error for a role that lacks a permission.
    pub(crate) fn denied(call: &Call, role: &str, action: &str, resource: &str) -> Self {
        let (status, code) = match (call.is_json(), call.service.as_str()) {
            (true, _) => (400, "AccessDeniedException"),
            (false, "ec2") => (403, "UnauthorizedOperation"),
            (false, _) => (403, "AccessDenied"),
        };
        let on = if resource == "*" { String::new() } else { format!(" on resource: \"{resource}\"") };
        let message = format!(
            "User: {role} is not authorized to perform: {action}{on} because no identity-based policy allows the {action} action"
        );
        Self { status, ..Self::client(code, message) }
    }

    /// The error for an operation that the sandbox does not know. It is a client error, because SDKs retry a 5xx.
    pub(crate) fn not_implemented(call: &Call) -> Self {
        Self::client(
            "NotImplementedInSandbox",
            format!("{} {} is not implemented in the sandbox", call.service, call.operation),
        )
    }

    /// Renders the error as AWS would send it to this caller.
    pub(crate) fn answer(&self, call: &Call) -> Answer {
        let id = uuid::Uuid::new_v4();
        let (content_type, body) = if call.is_json() {
            let body = serde_json::json!({ "__type": self.code, "message": self.message }).to_string();
            ("application/x-amz-json-1.1", body)
        } else {
            let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let (code, message) = (escape(&self.code), escape(&self.message));
            let body = if call.service == "s3" {
                format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>")
            } else if call.service == "ec2" {
                format!(
                    "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                     <RequestID>{id}</RequestID></Response>"
                )
            } else {
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>{id}</RequestId></ErrorResponse>"
                )
            };
            ("text/xml", body)
        };
        // A response to HEAD has no body.
        let body = if call.method == Method::HEAD { String::new() } else { body };
        Answer {
            status: self.status,
            content_type: content_type.to_owned(),
            body: body.into(),
            error: Some(self.code.clone()),
            headers: HeaderMap::new(),
        }
    }
}

/// Returns the time in seconds since 1970.
pub(crate) fn now() -> f64 {
    f64::from(u32::try_from(jiff::Timestamp::now().as_millisecond() / 1000).unwrap_or(u32::MAX))
}

/// Returns a text in a document, or an empty one if it is missing.
pub(crate) fn text<'a>(document: &'a Value, key: &str) -> &'a str {
    document[key].as_str().unwrap_or_default()
}
