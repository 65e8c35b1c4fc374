//! The limits of an ALB on headers, from clients and from targets.
//!
//! Their sizes:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html#http-headers-quotas>.
//! The responses, 414 for a URL that is too long and 400 for the rest:
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html>.

use hyper::{HeaderMap, Method, Request, Uri, Version};

/// The size limit of the request line and of a single header.
const LINE: usize = 16 * 1024;

/// The size limit of all request headers together, with the request line.
const WHOLE: usize = 64 * 1024;

/// The size limit of all response headers together. A larger response becomes a 502.
const RESPONSE: usize = 32 * 1024;

/// The size limit of an HTTP/2 header. An ALB closes the connection if a header is longer than 8 KiB after
/// compression ("response code of 000" in the troubleshooting page). Huffman coding takes at least 5 bits per
/// character, so a header above this limit is too long however well it compresses.
const HTTP2_LINE: usize = 8 * 1024 * 8 / 5;

/// How many headers the parser accepts. It is high so that the size limits apply first.
pub(super) const HEADERS: usize = 2048;

/// How many bytes of HTTP/2 headers the parser accepts. It is high so that the limits above apply first.
pub(super) const READ: u32 = 256 * 1024;

/// What happens to a request whose headers are too large.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// The load balancer responds with this status.
    Status(u16),
    /// The listener sends GOAWAY and closes the HTTP/2 connection.
    GoAway,
}

/// Returns what happens to the request, or `None` if it is within the limits.
pub(super) fn of_request<B>(request: &Request<B>) -> Option<Excess> {
    let is_http2 = request.version() == Version::HTTP_2;
    let line = line(request.method(), request.uri());
    let longest = sizes(request.headers()).max().unwrap_or_default();
    let whole = line + sizes(request.headers()).sum::<usize>();
    if is_http2 && longest > HTTP2_LINE {
        Some(Excess::GoAway)
    } else if request.uri().path_and_query().is_some_and(|url| url.as_str().len() > LINE) {
        Some(Excess::Status(414))
    } else if line > LINE || longest > LINE || whole > WHOLE {
        Some(Excess::Status(400))
    } else {
        None
    }
}

/// Returns whether the headers of a target's response are too large.
pub(super) fn is_exceeded_by(headers: &HeaderMap) -> bool {
    sizes(headers).sum::<usize>() > RESPONSE
}

/// Returns the size of the request line in HTTP/1.1 form.
fn line(method: &Method, uri: &Uri) -> usize {
    let url = uri.path_and_query().map_or(1, |url| url.as_str().len());
    method.as_str().len() + url + "  HTTP/1.1\r\n".len()
}

fn sizes(headers: &HeaderMap) -> impl Iterator<Item = usize> {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
}
