//! `load_balancer`: how it speaks, and the name it is reached by.

use crate::spec::{
    check,
    keys::{LOAD_BALANCER, TLS, TlsWord},
    problem::Collector,
    read::{Field, Map},
    stack::{LoadBalancer, Tls},
};

/// `region` is the stack's own, if it is right: a load balancer takes certificates of its region only.
pub(super) fn load_balancer(field: &Field, region: Option<&str>, problems: &mut Collector) -> Option<LoadBalancer> {
    let map = Map::new(field.node, &field.path, &LOAD_BALANCER, problems)?;
    let domain = map.get("domain").map(|field| {
        let name = domain(&field, problems);
        (field, name)
    });
    let arn = map.text("tls", problems)?;
    if arn.starts_with("arn:") {
        certificate(&map, &arn, region, problems);
        return Some(LoadBalancer { tls: Tls::Certificate { arn, domain: domain.and_then(|(_, name)| name) } });
    }
    let tls = match (map.word("tls", &TLS, problems)?, domain) {
        (TlsWord::Acm, Some((_, name))) => Tls::Acm { domain: name? },
        (TlsWord::Acm, None) => {
            let hint = "add `domain: app.example.com`, a name in a public hosted zone of this account's Route 53";
            map.wrong("tls", "`tls: acm` needs the name that the certificate is for", hint, problems);
            return None;
        }
        (TlsWord::Off | TlsWord::SelfSigned, Some((field, _))) => {
            without_certificate(&field, problems);
            return None;
        }
        (TlsWord::Off, None) => Tls::Off,
        (TlsWord::SelfSigned, None) => Tls::SelfSigned,
    };
    Some(LoadBalancer { tls })
}

fn without_certificate(domain: &Field, problems: &mut Collector) {
    let hint = "write `tls: acm` beside it, or the ARN of a certificate for this name";
    domain.wrong("a `domain` needs a certificate that browsers trust", hint, problems);
}

fn domain(field: &Field, problems: &mut Collector) -> Option<String> {
    let name = field.text(problems)?;
    if let Some(problem) = check::domain_problem(&name) {
        field.wrong(format!("`{name}`: {problem}"), "such as app.example.com", problems);
        return None;
    }
    Some(name)
}

fn certificate(map: &Map, arn: &str, region: Option<&str>, problems: &mut Collector) {
    match check::certificate_region(arn) {
        None => {
            let hint = "such as arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
            map.wrong("tls", format!("`{arn}` is no ARN of a certificate in ACM"), hint, problems);
        }
        Some(of) if region.is_some_and(|region| region != of) => {
            let hint = "request or import it in the stack's region as well: a load balancer takes no other";
            map.wrong("tls", format!("this certificate is in {of}, and the stack is not"), hint, problems);
        }
        Some(_) => {}
    }
}
