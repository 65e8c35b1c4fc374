//! Decodes bodies that SDKs send in chunks with a trailing checksum into the plain bodies that moto accepts.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html>

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap,
    body::Bytes,
    header::{HeaderName, HeaderValue},
};
use sha2::{Digest, Sha256};

use crate::api::ApiError;

/// Returns the body without chunk framing. Its trailers are added to the headers.
///
/// # Errors
/// If the body is truncated or its checksum is wrong.
pub(crate) fn unchunked(headers: &mut HeaderMap, body: Bytes) -> Result<Bytes, ApiError> {
    let is_chunked = headers
        .get("x-amz-content-sha256")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("STREAMING-"));
    let body = if is_chunked { plain(headers, &body)? } else { body };
    check(headers, &body)?;
    Ok(body)
}

fn plain(headers: &mut HeaderMap, body: &[u8]) -> Result<Bytes, ApiError> {
    let cut_short = || ApiError::client("IncompleteBody", "The request body terminated unexpectedly");
    let (mut rest, mut content) = (body, Vec::new());
    loop {
        // The chunk size in hexadecimal digits. The signature after the semicolon is not checked.
        let line = line(&mut rest).ok_or_else(cut_short)?;
        let digits = line.split(';').next().unwrap_or_default();
        let length = usize::from_str_radix(digits.trim(), 16).map_err(|_| cut_short())?;
        if length == 0 {
            break;
        }
        let (chunk, after) = rest.split_at_checked(length).ok_or_else(cut_short)?;
        content.extend_from_slice(chunk);
        rest = after.strip_prefix(b"\r\n").ok_or_else(cut_short)?;
    }
    while let Some(trailer) = line(&mut rest).filter(|line| !line.is_empty()) {
        let (name, value) = trailer.split_once(':').ok_or_else(cut_short)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value.trim())) {
            headers.insert(name, value);
        }
    }
    let length = headers.remove("x-amz-decoded-content-length");
    if length.and_then(|length| length.to_str().ok()?.parse().ok()) != Some(content.len()) {
        return Err(cut_short());
    }
    headers.remove("x-amz-trailer");
    headers.insert("x-amz-content-sha256", HeaderValue::from_static("UNSIGNED-PAYLOAD"));
    let encodings = headers.remove("content-encoding");
    let encodings = encodings.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let others: Vec<&str> =
        encodings.split(',').map(str::trim).filter(|one| !matches!(*one, "" | "aws-chunked")).collect();
    if let Some(others) = HeaderValue::from_str(&others.join(", ")).ok().filter(|others| !others.is_empty()) {
        headers.insert("content-encoding", others);
    }
    Ok(content.into())
}

/// Returns the next line without its line break, or `None` if it is incomplete.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    let line = std::str::from_utf8(&rest[..end]).ok()?;
    *rest = &rest[end + 2..];
    Some(line)
}

/// Refuses a body with a wrong checksum. It checks the two kinds that SDKs use by default.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), ApiError> {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let crc = || {
        let mut crc = flate2::Crc::new();
        crc.update(body);
        STANDARD.encode(crc.sum().to_be_bytes())
    };
    for (name, is_right) in [
        ("CRC32", said("x-amz-checksum-crc32").is_none_or(|said| said == crc())),
        ("SHA256", said("x-amz-checksum-sha256").is_none_or(|said| said == STANDARD.encode(Sha256::digest(body)))),
    ] {
        if !is_right {
            let message = format!("The {name} you specified did not match the calculated checksum.");
            return Err(ApiError::client("BadDigest", message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(body: &'static str, length: &'static str) -> (HeaderMap, Result<Bytes, ApiError>) {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("content-encoding", "gzip, aws-chunked"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("x-amz-decoded-content-length", length),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let body = unchunked(&mut headers, Bytes::from_static(body.as_bytes()));
        (headers, body)
    }

    #[test]
    fn joins_chunks_and_takes_the_trailer_as_a_header() {
        let (headers, body) =
            sent("3\r\nhel\r\n2;chunk-signature=0\r\nlo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", "5");
        assert_eq!(body.expect("it is whole"), "hello");
        assert_eq!(headers.get("x-amz-checksum-crc32"), Some(&HeaderValue::from_static("NhCmhg==")));
        assert_eq!(headers.get("content-encoding"), Some(&HeaderValue::from_static("gzip")));
        assert!(!headers.contains_key("x-amz-trailer"));
    }

    #[test]
    fn refuses_a_body_cut_short_or_with_a_wrong_checksum() {
        let code = |body, length| sent(body, length).1.expect_err("it is refused").code;
        assert_eq!(code("5\r\nhel", "5"), "IncompleteBody");
        assert_eq!(code("3\r\nhel\r\n0\r\n\r\n", "5"), "IncompleteBody");
        assert_eq!(code("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "5"), "BadDigest");
    }
}
