//! Decodes `load_balancer`: its TLS setting, and the names that lead to it.

use std::collections::BTreeMap;

use crate::spec::{
    check,
    keys::{LOAD_BALANCER, TLS, TlsWord},
    problem::Collector,
    read::{Entries, Field, Map},
    stack::{IDLE_TIMEOUT, LoadBalancer, Tls},
};

/// Decodes the load balancer. `region` is the stack's region, if valid: a load balancer only uses certificates of its
/// region. [`super::domains`] adds the names of services and checks how many names there are.
pub(super) fn load_balancer(field: &Field, region: Option<&str>, problems: &mut Collector) -> Option<LoadBalancer> {
    let map = Map::new(field.node, &field.path, &LOAD_BALANCER, problems)?;
    let named = ["domain", "domains", "redirects"].into_iter().find_map(|key| map.get(key));
    let domains = domains(&map, problems);
    let redirects = redirects(&map, problems);
    let idle_timeout = map.seconds("idle_timeout", problems);
    let listener = map.text("listener", problems);
    if let Some(arn) = &listener {
        given(&map, arn, region, problems);
        return Some(LoadBalancer {
            tls: Tls::Off,
            domains: Vec::new(),
            redirects: BTreeMap::new(),
            idle_timeout: IDLE_TIMEOUT,
            listener,
        });
    }
    let arn = map.text("tls", problems)?;
    let tls = if arn.starts_with("arn:") {
        certificate(&map, &arn, region, problems);
        Tls::Certificate { arn }
    } else {
        match (map.word("tls", &TLS, problems)?, named) {
            (TlsWord::Acm, _) => Tls::Acm,
            (TlsWord::Off | TlsWord::SelfSigned, Some(field)) => {
                without_certificate(&field, problems);
                return None;
            }
            (TlsWord::Off, None) => Tls::Off,
            (TlsWord::SelfSigned, None) => Tls::SelfSigned,
        }
    };
    Some(LoadBalancer { tls, domains: domains?, redirects: redirects?, idle_timeout: idle_timeout?, listener: None })
}

/// Checks the ARN of an existing listener, which is used unchanged.
fn given(map: &Map, arn: &str, region: Option<&str>, problems: &mut Collector) {
    for key in ["tls", "domain", "domains", "redirects", "idle_timeout"] {
        let hint = "remove it, or remove `listener` to create a load balancer for the stack";
        map.wrong(key, format!("`{key}` cannot be used with `listener`"), hint, problems);
    }
    let such_as = "use an ARN such as arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shared/0123456789abcdef/0123456789abcdef";
    match check::listener_region(arn) {
        None => map.wrong(
            "listener",
            format!("invalid ARN `{arn}` of an Application Load Balancer listener"),
            such_as,
            problems,
        ),
        Some(of) if region.is_some_and(|region| region != of) => {
            let hint = "name a listener in the region of the stack; targets are in the region of their load balancer";
            map.wrong(
                "listener",
                format!("this listener is in {of}, and the stack is in another region"),
                hint,
                problems,
            );
        }
        Some(_) => {}
    }
}

fn without_certificate(named: &Field, problems: &mut Collector) {
    let key = &named.key.text;
    let what =
        if key == "redirects" { format!("`{key}` need") } else { format!("a `{}` needs", key.trim_end_matches('s')) };
    let hint = "write `tls: acm`, or the ARN of a certificate for this name, beside it";
    named.wrong(format!("{what} a certificate that browsers trust"), hint, problems);
}

/// Returns the names at `domain` or `domains`.
fn domains(map: &Map, problems: &mut Collector) -> Option<Vec<String>> {
    let Some(one) = map.get("domain") else {
        let names = names(map, problems)?;
        if let (Some(first), Some(field)) = (names.first(), map.get("domains"))
            && first.starts_with("*.")
        {
            let hint = format!("write a name without `*` first, such as {}", first.trim_start_matches("*."));
            field.wrong(
                format!("the first name, `{first}`, is the URL of the stack and cannot contain `*`"),
                hint,
                problems,
            );
        }
        return Some(names);
    };
    if map.get("domains").is_some() {
        let message = "found both `domain` and `domains`";
        one.wrong(message, "remove `domain`, and write its name first in `domains`", problems);
    }
    Some(vec![domain(&one, problems)?])
}

/// Returns the names at `domains`, of the load balancer or of a service.
pub(super) fn names(map: &Map, problems: &mut Collector) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for (field, name) in map.texts("domains", problems)? {
        if let Some(problem) = check::domains_problem(&name) {
            field.wrong(
                format!("invalid domain `{name}`: {problem}"),
                "use a name such as app.example.com or `\"*.example.com\"`",
                problems,
            );
        } else if names.contains(&name) {
            field.wrong(format!("duplicate domain `{name}`"), "keep one of them", problems);
        }
        names.push(name);
    }
    if let Some(field) = map.get("domains").filter(|_| names.is_empty()) {
        field.wrong("`domains` is empty", "write names such as [app.example.com], or remove `domains`", problems);
    }
    Some(names)
}

fn domain(field: &Field, problems: &mut Collector) -> Option<String> {
    let name = field.text(problems)?;
    if let Some(problem) = check::domain_problem(&name) {
        let hint = match name.strip_prefix("*.") {
            Some(rest) => format!("use `domains` for it: `domains: [{rest}, \"*.{rest}\"]`"),
            None => "use a name such as app.example.com".to_owned(),
        };
        field.wrong(format!("invalid domain `{name}`: {problem}"), hint, problems);
        return None;
    }
    Some(name)
}

fn redirects(map: &Map, problems: &mut Collector) -> Option<BTreeMap<String, String>> {
    let mut redirects = BTreeMap::new();
    let Some(field) = map.get("redirects") else { return Some(redirects) };
    for field in Entries::new(field.node, &field.path, problems)?.fields() {
        let name = field.key.text.clone();
        if let Some(problem) = check::domain_problem(&name) {
            let hint = "write an entry such as www.example.com: example.com";
            problems.add(field.key.span, &field.path, format!("invalid domain `{name}`: {problem}"), hint);
        }
        redirects.insert(name, domain(&field, problems)?);
    }
    Some(redirects)
}

fn certificate(map: &Map, arn: &str, region: Option<&str>, problems: &mut Collector) {
    match check::certificate_region(arn) {
        None => {
            let hint = "use an ARN such as arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
            map.wrong("tls", format!("invalid ARN `{arn}` of an ACM certificate"), hint, problems);
        }
        Some(of) if region.is_some_and(|region| region != of) => {
            let hint =
                "request or import it in the region of the stack; a load balancer uses certificates of its own region";
            map.wrong(
                "tls",
                format!("this certificate is in {of}, and the stack is in another region"),
                hint,
                problems,
            );
        }
        Some(_) => {}
    }
}
