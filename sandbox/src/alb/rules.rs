//! Finds the listener rule for a request.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>

use std::net::IpAddr;

use hyper::{HeaderMap, Method};
use serde_json::Value;

use super::snapshot::{Listener, Rule, text};

/// The parts of a request that conditions test.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) host: &'a str,
    /// The path as the client sent it, not decoded.
    pub(super) path: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// The address that opened the connection, regardless of headers.
    pub(super) client: IpAddr,
}

/// Returns the first rule that matches, or else the default rule.
pub(super) fn choose<'a>(listener: &'a Listener, asked: &Asked) -> Option<&'a Rule> {
    let mut rules: Vec<&Rule> = listener.rules.iter().collect();
    rules.sort_by_key(|rule| rule.priority.unwrap_or(u32::MAX));
    rules.into_iter().find(|rule| rule.conditions.iter().all(|condition| holds(rule, condition, asked)))
}

fn holds(rule: &Rule, condition: &Value, asked: &Asked) -> bool {
    let values = |config: &str| -> Vec<String> {
        let given = condition[config]["Values"].as_array().or_else(|| condition["Values"].as_array());
        given.into_iter().flatten().filter_map(|value| value.as_str().map(str::to_owned)).collect()
    };
    match text(condition, "Field") {
        // Paths are case-sensitive, hosts are not.
        "path-pattern" => {
            rule.expressions.iter().any(|expression| expression.is_match(asked.path))
                || values("PathPatternConfig").iter().any(|pattern| matches(pattern, asked.path))
        }
        "host-header" => {
            let host = asked.host.rsplit_once(':').map_or(asked.host, |(host, _)| host).to_lowercase();
            values("HostHeaderConfig").iter().any(|pattern| matches(&pattern.to_lowercase(), &host))
        }
        "source-ip" => values("SourceIpConfig").iter().any(|range| contains(range, asked.client)),
        "http-request-method" => values("HttpRequestMethodConfig").iter().any(|method| method == asked.method.as_str()),
        "http-header" => {
            let name = text(&condition["HttpHeaderConfig"], "HttpHeaderName").to_lowercase();
            let value = asked.headers.get(name.as_str()).and_then(|value| value.to_str().ok()).unwrap_or_default();
            values("HttpHeaderConfig").iter().any(|pattern| matches(&pattern.to_lowercase(), &value.to_lowercase()))
        }
        _ => false,
    }
}

/// Returns whether the CIDR range `range` contains `address`. moto has already refused invalid ranges.
fn contains(range: &str, address: IpAddr) -> bool {
    let Some((first, prefix)) = range.split_once('/') else { return false };
    let (Ok(first), Ok(prefix)) = (first.parse(), prefix.parse::<u32>()) else { return false };
    match (first, address) {
        (IpAddr::V4(first), IpAddr::V4(address)) => {
            (u32::from(first) ^ u32::from(address)).checked_shr(32 - prefix).unwrap_or(0) == 0
        }
        (IpAddr::V6(first), IpAddr::V6(address)) => {
            (u128::from(first) ^ u128::from(address)).checked_shr(128 - prefix).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// Returns whether `text` matches `pattern`: `*` matches any characters, `?` exactly one.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && (pattern[p] == '?' || (pattern[p] == text[t] && pattern[p] != '*')) {
            (p, t) = (p + 1, t + 1);
        } else if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if let Some((at, from)) = star {
            (p, t) = (at + 1, from + 1);
            star = Some((at, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn regex_condition_tests_the_path_without_decoding() {
        let rule = |expressions: &[&str]| -> Rule {
            let config = json!({ "RegexValues": expressions });
            let conditions = json!([{ "Field": "path-pattern", "PathPatternConfig": config }]);
            let rule: Rule = serde_json::from_value(json!({ "priority": 1, "conditions": conditions, "actions": [] }))
                .expect("it is a rule");
            rule.compiled()
        };
        let meets = |expressions: &[&str], path: &str| {
            let (rule, headers) = (rule(expressions), HeaderMap::new());
            let client = IpAddr::from([127, 0, 0, 1]);
            let asked = Asked { method: &Method::GET, host: "example.com", path, headers: &headers, client };
            rule.conditions.iter().all(|condition| holds(&rule, condition, &asked))
        };
        assert!(meets(&["^/[Aa]$"], "/A"));
        assert!(!meets(&["^/[Aa]$"], "/%61"), "it is not decoded");
        assert!(meets(&["b"], "/abc"), "anywhere, unless it says where");
        assert!(meets(&["^/x$", "^/y$"], "/y"), "one of them is enough");
        assert!(!meets(&["("], "/("), "one that cannot be read matches nothing");
    }

    #[test]
    fn cidr_range_contains_addresses_with_its_prefix() {
        for (range, address, expected) in [
            ("203.0.113.0/24", "203.0.113.7", true),
            ("203.0.113.0/24", "203.0.114.7", false),
            ("203.0.113.7/32", "203.0.113.7", true),
            ("203.0.113.7/32", "203.0.113.6", false),
            ("0.0.0.0/0", "127.0.0.1", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::2", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::/0", "::1", true),
        ] {
            assert_eq!(contains(range, address.parse().expect("an address")), expected, "{range} {address}");
        }
    }

    #[test]
    fn patterns_match_like_those_of_an_alb() {
        for (pattern, path, expected) in [
            ("/*", "/", true),
            ("/*", "/a/b", true),
            ("/api/*", "/api", false),
            ("/api/*", "/api/x", true),
            ("/API/*", "/api/x", false),
            ("/?/b", "/a/b", true),
            ("/prepare", "/%70repare", false),
            ("*.png", "/x/y.png", true),
            ("/a*b*c", "/aXbYbZc", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
