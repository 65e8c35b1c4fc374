//! A listener that is not the stack's, as far as a stack has to know it.

use std::collections::BTreeSet;

use serde::Deserialize;

/// What AWS has of `load_balancer.listener`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct GivenListener {
    /// Its ARN.
    pub arn: String,
    /// What it speaks: `HTTP` or `HTTPS` of an application load balancer.
    pub protocol: String,
    /// Its port.
    pub port: u16,
    /// The ARN of its load balancer.
    pub load_balancer: String,
    /// The name of its load balancer.
    pub dns_name: String,
    /// The VPC of its load balancer.
    pub vpc: String,
    /// The security groups of its load balancer.
    pub security_groups: Vec<String>,
    /// The priorities of all rules that it has.
    #[serde(default)]
    pub priorities: BTreeSet<u16>,
}

impl GivenListener {
    /// How a URL on it begins: scheme, name, and the port where it is not the scheme's own.
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
    fn a_url_names_a_port_that_is_not_the_schemes_own() {
        let listener = |protocol: &str, port| {
            GivenListener { protocol: protocol.into(), port, dns_name: "lb".into(), ..GivenListener::default() }
                .origin()
        };
        assert_eq!(listener("HTTPS", 443), "https://lb");
        assert_eq!(listener("HTTP", 80), "http://lb");
        assert_eq!(listener("HTTP", 8080), "http://lb:8080");
    }
}
