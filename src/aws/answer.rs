//! Responses that do not come from AWS but from a proxy, a network's login page or an emulator that lacks a service.
//! Every response of AWS has an error code or a request id; a response with neither is shown with its origin.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef},
        },
        orchestrator::Metadata,
        runtime_components::RuntimeComponents,
    },
    http::Response,
};
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use crate::model::{Cause, Evidence, Explanation, Failure, cut};

/// How much of a response is searched for its first line, in bytes, and the longest line that is shown, in characters.
const READ: usize = 16 * 1024;
const LONGEST_LINE: usize = 160;

/// A longer run of letters and digits may be a token and is not shown.
const LONGEST_WORD: usize = 24;

/// The domains of AWS's hosts.
/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
const HOSTS: &[&str] = &[".amazonaws.com", ".api.aws"];

/// The destination of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    /// The service, as the SDK names it.
    service: String,
    /// Scheme, host and port.
    endpoint: String,
}

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

/// Records the destination of each call with its response, for [`foreign`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin;

impl Intercept for Origin {
    fn name(&self) -> &'static str {
        "Origin"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let service = config.load::<Metadata>().map(|call| call.service().to_owned()).unwrap_or_default();
        let sent = Sent { service, endpoint: endpoint(context.request().uri()) };
        config.interceptor_state().store_put(sent);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(sent) = config.load::<Sent>() {
            context.response_mut().add_extension(sent.clone());
        }
        Ok(())
    }
}

/// Returns scheme, host and port of `uri`. The path and the query may contain secrets.
pub(super) fn endpoint(uri: &str) -> String {
    let (scheme, rest) = uri.split_once("://").unwrap_or(("https", uri));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}")
}

/// Returns whether the host of `endpoint`, a result of [`endpoint`], belongs to AWS.
pub(super) fn is_of_aws(endpoint: &str) -> bool {
    let host = endpoint.rsplit('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    HOSTS.iter().any(|end| host.ends_with(end))
}

/// Turns `failure` of a call into one that describes `answer`, which does not come from AWS.
pub(super) fn foreign(failure: Failure, answer: &Response) -> Failure {
    let status = answer.status().as_u16();
    let sent = answer.extension::<Sent>().cloned();
    let Sent { service, endpoint } = sent.unwrap_or_else(|| Sent { service: "AWS".into(), endpoint: String::new() });
    let line = first_line(answer.body().bytes().unwrap_or_default(), is_harmless(&failure));
    let from = if endpoint.is_empty() { service.clone() } else { format!("{service} at {endpoint}") };
    let says = line.as_ref().map(|line| format!(": “{line}”")).unwrap_or_default();
    let (likely_cause, next) = advice(status, &service, &endpoint);
    Failure {
        message: format!("unexpected response from {from}: HTTP {status}{says}"),
        // The obstacle affects other calls too, so retries are useless. A gateway that gave up may have forwarded the
        // call.
        cause: match status {
            429 => Cause::Throttled,
            500.. => Cause::Ambiguous,
            _ => Cause::Unreachable,
        },
        explanation: Box::new(Explanation {
            evidence: vec![Evidence::Answer { service, endpoint, status, line }],
            likely_cause: Some(likely_cause),
            next: Some(next),
        }),
        ..failure
    }
}

/// Returns whether the call and its response cannot contain a secret, because the call only describes or lists.
fn is_harmless(failure: &Failure) -> bool {
    let operation = failure.operation.as_deref().unwrap_or_default();
    ["Describe", "List", "GetCallerIdentity"].iter().any(|word| operation.starts_with(word))
}

/// Returns the first line of a response that contains text. For an HTML page, this is the title. Other text is returned
/// only if the call is `harmless`, because a response may repeat the request.
fn first_line(body: &[u8], harmless: bool) -> Option<String> {
    let text = String::from_utf8_lossy(&body[..body.len().min(READ)]);
    let title = || {
        // Change only ASCII letters, so that both texts have the same offsets.
        let lower = text.to_ascii_lowercase();
        let from = lower.find("<title")?;
        let from = from + lower[from..].find('>')? + 1;
        let to = from + lower[from..].find("</title")?;
        shown(&text[from..to])
    };
    title().or_else(|| text.lines().find_map(|line| shown(&without_tags(line))).filter(|_| harmless))
}

/// Returns `line` without everything between angle brackets.
fn without_tags(line: &str) -> String {
    let mut depth = 0_usize;
    line.chars()
        .filter(|c| match c {
            '<' => {
                depth += 1;
                false
            }
            '>' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

/// Returns `text` on one line, shortened, without control characters and possible tokens, or `None` if nothing is left.
fn shown(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let line = words.map(without_tokens).collect::<Vec<_>>().join(" ");
    line.chars().any(char::is_alphanumeric).then(|| cut(&line, LONGEST_LINE))
}

/// Returns `word` with an ellipsis in place of each long run of characters.
fn without_tokens(word: &str) -> String {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "+/=_-%".contains(c);
    let mut kept = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        let run = rest.find(|c| !is_of_token(c)).unwrap_or(rest.len());
        kept.push_str(if run > LONGEST_WORD { "…" } else { &rest[..run] });
        let next = rest[run..].chars().next();
        kept.extend(next);
        rest = &rest[run + next.map_or(0, char::len_utf8)..];
    }
    kept
}

/// Returns the likely cause and the next step, as sentences.
fn advice(status: u16, service: &str, endpoint: &str) -> (String, String) {
    let is_own = !endpoint.is_empty() && !is_of_aws(endpoint);
    let (cause, next) = match status {
        407 => (
            "A proxy between this machine and AWS requires a user name and a password.".to_owned(),
            "Set them in HTTPS_PROXY (`http://USER:PASSWORD@HOST:PORT`), or exclude the host from the proxy with \
             NO_PROXY.",
        ),
        _ if is_own => (
            format!("The server at {endpoint} is not AWS, or is an emulator of AWS without {service}."),
            "Check AWS_ENDPOINT_URL in the environment (`env | grep ^AWS_`) and in the profile. Without it, calls go \
             to AWS.",
        ),
        500.. => (
            "A proxy or gateway between this machine and AWS got no response from AWS.".to_owned(),
            "Run the command again. If it still fails, check HTTPS_PROXY and the network's proxy.",
        ),
        _ => (
            "A proxy, or a network that requires a login (a captive portal), answers instead of AWS.".to_owned(),
            "Open any page in a browser to log in to the network, or check HTTPS_PROXY and NO_PROXY. The proxy must \
             allow the endpoint.",
        ),
    };
    (cause, next.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_neither_path_nor_login() {
        for (uri, wanted) in [
            ("https://ecs.eu-west-1.amazonaws.com/", "https://ecs.eu-west-1.amazonaws.com"),
            ("http://ada:secret@proxy.example:3128/?Token=secret", "http://proxy.example:3128"),
            ("http://[::1]:4566?a=b", "http://[::1]:4566"),
        ] {
            assert_eq!(endpoint(uri), wanted);
        }
    }

    #[test]
    fn only_the_title_of_a_possibly_secret_response_is_shown() {
        let page = b"<html><TITLE lang='en'>\n Access denied </TITLE><body>hunter2</body>".as_slice();
        let echo = br#"{"echo":{"SecretString":"hunter2"}}"#.as_slice();
        assert_eq!(first_line(page, false).as_deref(), Some("Access denied"));
        assert_eq!(first_line(echo, false), None);
        assert!(first_line(echo, true).is_some());
        for (operation, harmless) in [
            ("DescribeVpcs", true),
            ("GetCallerIdentity", true),
            ("GetSecretValue", false),
            ("GetAuthorizationToken", false),
            ("PutSecretValue", false),
            ("ModifyDBInstance", false),
        ] {
            assert_eq!(is_harmless(&Failure::refused(operation, "")), harmless, "{operation}");
        }
    }

    #[test]
    fn a_first_line_is_short_and_has_no_token() {
        let token = "A".repeat(25);
        let body = format!("\r\n<pre>\r\nkey={token}, id {token}! \u{7}end\r\nmore");
        assert_eq!(first_line(body.as_bytes(), true).as_deref(), Some("…, id …! end"));
        let long = first_line("word ".repeat(100).as_bytes(), true).expect("it has one");
        assert!(long.chars().count() < 200 && long.contains("more characters"), "{long}");
        for nothing in [b"".as_slice(), b"<html></html>", b"\x00\x01", b"<title></title>", b"--"] {
            assert_eq!(first_line(nothing, true), None, "{nothing:?}");
        }
    }

    #[test]
    fn the_likely_cause_follows_from_status_and_endpoint() {
        let aws = "https://ecs.eu-west-1.amazonaws.com";
        for (status, endpoint, says) in [
            (407, aws, "requires a user name and a password"),
            (302, aws, "captive portal"),
            (403, "https://eks.eu-west-1.api.aws", "captive portal"),
            (502, aws, "got no response from AWS"),
            (404, "http://localhost:4566", "http://localhost:4566 is not AWS"),
            (501, "http://localhost:4566", "without ECS"),
        ] {
            let (cause, next) = advice(status, "ECS", endpoint);
            assert!(cause.contains(says), "{status} {endpoint}: {cause}");
            assert_eq!(next.contains("AWS_ENDPOINT_URL"), endpoint.contains("localhost"), "{next}");
        }
    }
}
