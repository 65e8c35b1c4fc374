//! Tests domain names: of the stack, of its services, and of redirects.

use super::*;

/// A file with this load balancer and these keys of two services. The services begin in line 4.
fn file(balancer: &str, web: &str, api: &str) -> String {
    format!(
        "name: demo\nregion: eu-west-1\nload_balancer: {balancer}\nservices:\n  web: {{ build: web, port: 80{web} }}\n  \
         api: {{ build: api, port: 80{api} }}\n"
    )
}

const ROUTES: (&str, &str) = (", routes: [\"/*\"]", ", routes: [/api]");

fn wrong(balancer: &str) -> Vec<String> {
    problems(&file(balancer, ROUTES.0, ROUTES.1))
}

#[test]
fn domains_are_collected_in_the_order_of_the_certificate() {
    let balancer =
        "{ tls: acm, domains: [example.com, \"*.example.com\"], redirects: { www.example.org: example.com } }";
    let text = file(
        balancer,
        ", domains: [shop.example.net], host: \"*.old.net\"",
        ", domains: [api.example.com], routes: [/v1]",
    );
    let stack = read(&text).expect("it is valid");
    let balancer = stack.load_balancer.expect("it has one");
    let all = ["example.com", "*.example.com", "www.example.org", "api.example.com", "shop.example.net"];
    assert_eq!(balancer.domains, all);
    assert_eq!(balancer.domain(), Some("example.com"));
    let (web, api) = (&stack.services["web"], &stack.services["api"]);
    assert_eq!(
        (&web.hosts, &web.domains),
        (&vec!["*.old.net".into(), "shop.example.net".into()], &vec!["shop.example.net".into()])
    );
    assert_eq!(web.routes, ["/*"], "all requests for its names are for it");
    assert_eq!(api.routes, ["/v1"]);
}

#[test]
fn certificate_can_have_only_names_of_services() {
    let text = file("{ tls: acm }", ", domains: [\"*.example.com\", www.example.com]", ", domains: [api.example.com]");
    let stack = read(&text).expect("it is valid");
    let balancer = stack.load_balancer.expect("it has one");
    assert_eq!(balancer.domain(), Some("api.example.com"));
    assert_eq!(balancer.domains, ["api.example.com", "*.example.com", "www.example.com"]);
}

#[test]
fn host_is_one_name_or_a_list() {
    let hosts = |host: &str| {
        let text = format!("{ONE_SERVICE}    host: {host}\n");
        read(&text).map(|stack| stack.services["web"].hosts.clone()).map_err(|_| problems(&text))
    };
    assert_eq!(hosts("a.example.com"), Ok(vec!["a.example.com".into()]));
    assert_eq!(hosts("[a.example.com, \"*.b.com\"]"), Ok(vec!["a.example.com".into(), "*.b.com".into()]));
    assert_eq!(hosts("[a.com, a.com]"), Err(vec!["7:19 duplicate host name `a.com` [keep one of them]".into()]));
    assert_eq!(
        hosts("[local]"),
        Err(vec!["7:12 invalid host name `local` [use a name such as api.example.com]".into()])
    );
}

#[test]
fn conflicting_domains_are_rejected() {
    let many: Vec<String> = (0..11).map(|number| format!("n{number}.example.com")).collect();
    let table = [
        (
            "{ tls: acm, domain: a.example.com, domains: [b.example.com] }".to_owned(),
            "3:36 found both `domain` and `domains` [remove `domain`, and write its name first in `domains`]",
        ),
        (
            "{ tls: acm, domains: [\"*.example.com\"] }".to_owned(),
            "3:37 the first name, `*.example.com`, is the URL of the stack and cannot contain `*` [write a name without `*` first, such as example.com]",
        ),
        (
            "{ tls: acm, domains: [a.example.com, \"a.*.com\"] }".to_owned(),
            "3:53 invalid domain `a.*.com`: `*` must be the whole first label, as in `*.example.com` [use a name such as \
             app.example.com or `\"*.example.com\"`]",
        ),
        (
            "{ domains: [a.example.com] }".to_owned(),
            "3:27 a `domain` needs a certificate that browsers trust [write `tls: acm`, or the ARN of a \
             certificate for this name, beside it]",
        ),
        (
            format!("{{ tls: acm, domains: [{}] }}", many.join(", ")),
            "3:23 the certificate would have 11 names, and ACM allows 10 [replace names of one domain with \
             `\"*.example.com\"`, or write the ARN of an existing certificate]",
        ),
        (
            "{ tls: acm, domain: a.example.com, redirects: { b.example.com: c.example.com } }".to_owned(),
            "3:79 the stack has no domain `c.example.com` [add it to `domains`: [c.example.com]]",
        ),
        (
            "{ tls: acm, domain: a.com, redirects: { b.com: c.com, c.com: a.com } }".to_owned(),
            "3:63 `c.com` is itself a redirect [name the final target]",
        ),
    ];
    for (balancer, expected) in table {
        assert_eq!(wrong(&balancer), [expected], "{balancer}");
    }
}

#[test]
fn domains_of_a_service_need_a_certificate_and_are_unique() {
    let untrusted = problems(&file("{ tls: off }", ", domains: [a.example.com]", ""));
    let hint = "write `load_balancer: { tls: acm }`, or the ARN of a certificate for these names";
    assert_eq!(
        untrusted,
        [format!("5:32 `domains` needs a certificate that browsers trust: `a.example.com` [{hint}]")]
    );
    let both = problems(&file("{ tls: acm }", ", domains: [a.example.com]", ", domains: [a.example.com]"));
    assert!(both[0].contains("both have the route /*"), "{both:?}");
    let redirected = "{ tls: acm, domain: b.com, redirects: { a.com: b.com } }";
    let told = problems(&file(redirected, ", domains: [a.com]", ""));
    assert_eq!(
        told,
        [
            "3:63 `a.com` is a redirect, and a domain of the service `web` [remove it from `redirects`, or from `domains` of the service]"
        ]
    );
}
