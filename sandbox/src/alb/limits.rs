//! How much of a header an ALB takes, from clients and from targets.
//!
//! - <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html#http-headers-quotas>
//!   has the sizes.
//! - <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html> has the
//!   answers: 414 for a URL that is too long, 400 for the rest.

use hyper::{HeaderMap, Method, Request, Uri, Version};

/// The request line, and any header.
const LINE: usize = 16 * 1024;

/// All headers of a request, with the request line.
const WHOLE: usize = 64 * 1024;

/// All headers of a response; one that has more is answered with 502.
const RESPONSE: usize = 32 * 1024;

/// An ALB closes an HTTP/2 connection if a header is longer than 8 KiB once it is compressed ("response code of 000" in
/// the troubleshooting page). Here, only what is longer in any case counts: Huffman coding takes 5 bits a character at least.
const HTTP2_LINE: usize = 8 * 1024 * 8 / 5;

/// So many headers are read, so that their sizes decide and not their number.
pub(super) const HEADERS: usize = 2048;

/// So many bytes of headers are read in HTTP/2, so that what is too long is measured here.
pub(super) const READ: u32 = 256 * 1024;

/// What becomes of a request whose header is too large.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// This status.
    Status(u16),
    /// The end of its HTTP/2 connection.
    GoAway,
}

/// What is too large in a request, if anything is.
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

/// Whether a target's header is too large.
pub(super) fn is_exceeded_by(headers: &HeaderMap) -> bool {
    sizes(headers).sum::<usize>() > RESPONSE
}

/// The size of a request line, as HTTP/1.1 has it.
fn line(method: &Method, uri: &Uri) -> usize {
    let url = uri.path_and_query().map_or(1, |url| url.as_str().len());
    method.as_str().len() + url + "  HTTP/1.1\r\n".len()
}

fn sizes(headers: &HeaderMap) -> impl Iterator<Item = usize> {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
}
