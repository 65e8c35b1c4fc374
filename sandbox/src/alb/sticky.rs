//! Sticky sessions: a cookie from the load balancer that keeps a client with one target.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#sticky-sessions>

use hyper::{
    HeaderMap,
    header::{COOKIE, HeaderValue, SET_COOKIE},
};

use super::targets::Target;

/// The cookie, and the copy of it that browsers also send in cross-site requests.
const NAMES: [(&str, &str); 2] = [("AWSALB", ""), ("AWSALBCORS", "; SameSite=None; Secure")];

/// Returns the target of `group` in the cookie of a request. AWS encrypts the cookie; this one is hexadecimal.
pub(super) fn target(headers: &HeaderMap, group: &str) -> Option<Target> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(|value| value.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    let (_, value) = cookies.find(|(name, _)| NAMES.iter().any(|(ours, _)| ours == name))?;
    let read = read(value)?;
    let (ip, port) = read.strip_prefix(group)?.trim_start().split_once(' ')?;
    Some(Target { ip: ip.to_owned(), port: port.parse().ok()? })
}

/// Sets the cookie that keeps the client with `target` for this many seconds.
pub(super) fn keep(headers: &mut HeaderMap, group: &str, target: &Target, seconds: i64) {
    let said = format!("{group} {} {}", target.ip, target.port);
    let value: String = said.bytes().map(|byte| format!("{byte:02X}")).collect();
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    let end = end.strftime("%a, %d %b %Y %H:%M:%S GMT");
    for (name, more) in NAMES {
        if let Ok(cookie) = HeaderValue::from_str(&format!("{name}={value}; Expires={end}; Path=/{more}")) {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

fn read(value: &str) -> Option<String> {
    let digits: Vec<u8> = value.bytes().collect();
    let bytes: Option<Vec<u8>> =
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sticky_target_is_read_back_from_its_cookie() {
        let (mut answer, mut request) = (HeaderMap::new(), HeaderMap::new());
        let first = Target { ip: "127.0.0.1".into(), port: 3000 };
        keep(&mut answer, "group", &first, 60);
        let set: Vec<&str> = answer.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
        assert_eq!(set.len(), 2);
        assert!(set[0].starts_with("AWSALB=") && set[0].ends_with("GMT; Path=/"), "{set:?}");
        assert!(set[1].starts_with("AWSALBCORS=") && set[1].ends_with("; SameSite=None; Secure"), "{set:?}");
        let cookie = set[0].split(';').next().expect("it has a value");
        request.insert(COOKIE, format!("own=1; {cookie}").parse().expect("it is a header"));
        assert_eq!(target(&request, "group"), Some(first));
        assert_eq!(target(&request, "other"), None, "it is of another group");
        request.insert(COOKIE, "AWSALB=what".parse().expect("it is a header"));
        assert_eq!(target(&request, "group"), None);
    }
}
