//! `load_balancer`: how it speaks, and the name it is reached by.

use crate::spec::{
    check,
    problem::Collector,
    read::{Field, Map},
    stack::{LoadBalancer, Tls},
};

/// The words that `tls` may be, beside the ARN of a certificate.
#[derive(Clone, Copy)]
enum Word {
    Off,
    SelfSigned,
    Acm,
}

const WORDS: [(&str, Word); 3] = [("off", Word::Off), ("self-signed", Word::SelfSigned), ("acm", Word::Acm)];

/// `region` is the stack's own, if it is right: a load balancer takes certificates of its region only.
pub(super) fn load_balancer(field: &Field, region: Option<&str>, problems: &mut Collector) -> Option<LoadBalancer> {
    let map = Map::new(field.node, &field.path, &["tls", "domain"], &[], problems)?;
    let domain = map.get("domain").map(|field| {
        let name = domain(&field, problems);
        (field, name)
    });
    let Some(field) = map.get("tls") else {
        if let Some((field, _)) = domain {
            without_certificate(&field, problems);
        }
        return Some(LoadBalancer { tls: Tls::SelfSigned });
    };
    let text = field.text(problems)?;
    if text.starts_with("arn:") {
        certificate(&field, &text, region, problems);
        return Some(LoadBalancer { tls: Tls::Certificate { arn: text, domain: domain.and_then(|(_, name)| name) } });
    }
    let word = field.word(&WORDS, problems)?;
    let tls = match (word, domain) {
        (Word::Acm, Some((_, name))) => Tls::Acm { domain: name? },
        (Word::Acm, None) => {
            let hint = "add `domain: app.example.com`, a name in a public hosted zone of this account's Route 53";
            field.wrong("`tls: acm` needs the name that the certificate is for", hint, problems);
            return None;
        }
        (Word::Off | Word::SelfSigned, Some((field, _))) => {
            without_certificate(&field, problems);
            return None;
        }
        (Word::Off, None) => Tls::Off,
        (Word::SelfSigned, None) => Tls::SelfSigned,
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

fn certificate(field: &Field, arn: &str, region: Option<&str>, problems: &mut Collector) {
    match check::certificate_region(arn) {
        None => {
            let hint = "such as arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
            field.wrong(format!("`{arn}` is no ARN of a certificate in ACM"), hint, problems);
        }
        Some(of) if region.is_some_and(|region| region != of) => {
            let hint = "request or import it in the stack's region as well: a load balancer takes no other";
            field.wrong(format!("this certificate is in {of}, and the stack is not"), hint, problems);
        }
        Some(_) => {}
    }
}
