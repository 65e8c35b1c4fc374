//! Determines the client's address: the address of the peer, or the one that a trusted load balancer reports.

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::config::Network;

/// Returns the client's address. A load balancer appends the address that it received the request from to
/// X-Forwarded-For; earlier entries come from the client and are not trustworthy.
pub(super) fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = trusted.iter().any(|network| network.contains(peer));
    let last = headers.get_all("x-forwarded-for").iter().next_back();
    let reported = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    reported.filter(|_| is_trusted).unwrap_or(peer).to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("it is a header"));
        }
        let trusted = crate::config::Config::from_environment(&|_| None).map(|config| config.trusted_proxies);
        address(peer.parse().expect("an address"), &headers, &trusted.expect("the defaults are good")).to_string()
    }

    #[test]
    fn only_the_address_from_a_trusted_proxy_is_used() {
        assert_eq!(seen("10.0.0.5", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("10.0.0.5", &["1.1.1.1, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("10.0.0.5", &["1.1.1.1", "203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen("198.51.100.9", &["1.1.1.1"]), "198.51.100.9");
        assert_eq!(seen("10.0.0.5", &["nonsense"]), "10.0.0.5");
    }
}
