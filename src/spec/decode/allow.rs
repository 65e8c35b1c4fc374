//! Decodes `allow` of a service: the address ranges whose requests its listener rules match.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::spec::{limits, problem::Collector, read::Map};

/// The one range that a listener rule rejects.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html#source-ip-conditions>
const BROADCAST: &str = "255.255.255.255/32";

/// Decodes the ranges of the service `map`. `routes` and `hosts` are those of its rules, if they are valid.
pub(super) fn of(
    map: &Map,
    routes: Option<&[String]>,
    hosts: Option<&[String]>,
    problems: &mut Collector,
) -> Option<Vec<String>> {
    let mut ranges: Vec<String> = Vec::new();
    for (field, text) in map.texts("allow", problems)? {
        match range(&text) {
            Ok(range) if ranges.contains(&range) => {
                field.wrong(format!("duplicate range `{range}`"), "keep one of them", problems);
            }
            Ok(range) => ranges.push(range),
            Err((message, hint)) => field.wrong(message, hint, problems),
        }
    }
    if routes.is_some_and(<[String]>::is_empty) {
        let hint = "add `routes: [\"/*\"]`, or remove `allow`";
        map.wrong("allow", "this service receives no requests", hint, problems);
    }
    if let (Some(routes), Some(hosts)) = (routes, hosts) {
        let rules = limits::rules(routes.len(), hosts.len(), ranges.len());
        if rules > limits::RULES_OF_ALLOW {
            let message = format!(
                "{} ranges for {} routes and {} host names need {rules} load balancer rules, and a service can have {}",
                ranges.len(),
                routes.len(),
                hosts.len(),
                limits::RULES_OF_ALLOW
            );
            map.wrong("allow", message, "replace several ranges with a wider one, or use fewer routes", problems);
        }
    }
    Some(ranges)
}

/// Returns `text` in AWS's notation; or a message and a hint.
fn range(text: &str) -> Result<String, (String, String)> {
    let such_as = || "use a range such as 203.0.113.0/24, 203.0.113.7/32 or 2001:db8::/32".to_owned();
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().map_err(|_| (format!("invalid address range `{text}`"), such_as()))?;
    let bits = if address.is_ipv4() { 32_u8 } else { 128 };
    let Some(prefix) = prefix else {
        return Err((
            format!("expected an address range, found the address `{text}`"),
            format!("write {address}/{bits} for this one address"),
        ));
    };
    let Some(prefix) = prefix.parse::<u8>().ok().filter(|prefix| *prefix <= bits) else {
        return Err((format!("invalid prefix length in `{text}`, expected 0 to {bits}"), such_as()));
    };
    let first = match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(u32::from(bits - prefix)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(address) & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(u32::from(bits - prefix)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
        }
    };
    let range = format!("{first}/{prefix}");
    if first != address {
        return Err((
            format!("invalid address range `{text}`: the address has bits after the prefix"),
            format!("write {range}"),
        ));
    }
    if range == BROADCAST {
        return Err((format!("a load balancer does not accept the range `{range}`"), "remove it".to_owned()));
    }
    Ok(range)
}
