//! An existing listener outside the stack, as far as a stack needs to know it.

use std::collections::BTreeSet;

use serde::Deserialize;

/// The live state of `load_balancer.listener`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct GivenListener {
    /// Its ARN.
    pub arn: String,
    /// Its protocol: `HTTP` or `HTTPS`, for an application load balancer.
    pub protocol: String,
    /// Its port.
    pub port: u16,
    /// The ARN of its load balancer.
    pub load_balancer: String,
    /// The DNS name of its load balancer.
    pub dns_name: String,
    /// The VPC of its load balancer.
    pub vpc: String,
    /// The security groups of its load balancer.
    pub security_groups: Vec<String>,
    /// The priorities of all its rules.
    #[serde(default)]
    pub priorities: BTreeSet<u16>,
}

impl GivenListener {
    /// Returns the start of a URL on the listener: scheme, name and, unless it is the default of the scheme, the port.
    #[must_use]
    pub fn origin(&self) -> String {
        let (scheme, usual) = if self.protocol == "HTTPS" { ("https", 443) } else { ("http", 80) };
        let port = if self.port == usual { String::new() } else { format!(":{}", self.port) };
        format!("{scheme}://{}{port}", self.dns_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_includes_only_a_nondefault_port() {
        let listener = |protocol: &str, port| {
            GivenListener { protocol: protocol.into(), port, dns_name: "lb".into(), ..GivenListener::default() }
                .origin()
        };
        assert_eq!(listener("HTTPS", 443), "https://lb");
        assert_eq!(listener("HTTP", 80), "http://lb");
        assert_eq!(listener("HTTP", 8080), "http://lb:8080");
    }
}
