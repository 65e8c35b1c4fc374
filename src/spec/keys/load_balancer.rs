//! The keys of `load_balancer`.

use super::{Absence, Empty, Foreign, Key, Kind, Literal, Section, texts, words};

/// The words that `tls` may be, beside the ARN of a certificate.
#[derive(Clone, Copy, Debug)]
pub(in crate::spec) enum TlsWord {
    Off,
    SelfSigned,
    Acm,
}

/// The words of `tls`.
pub(in crate::spec) static TLS: [(&str, TlsWord); 3] =
    [("off", TlsWord::Off), ("self-signed", TlsWord::SelfSigned), ("acm", TlsWord::Acm)];

static TLS_WORDS: [&str; 3] = words(&TLS);

pub(in crate::spec) static LOAD_BALANCER: Section = Section {
    name: "load_balancer",
    doc: "The load balancer of the services with routes.",
    keys: &[
        Key {
            name: "tls",
            kind: Kind::Either(&[Kind::Choice(&TLS_WORDS), Kind::Text(&texts::CERTIFICATE_ARN)]),
            absence: Absence::Default(Literal::Text("self-signed")),
            doc: "The certificate of the load balancer. `acm`: HTTPS on port 443 with a certificate that Amazon issues \
                  for `domain` and renews. `arn:aws:acm:…`: an existing ACM certificate in the region of the stack. \
                  `self-signed`: a certificate that stackctl creates. Browsers show a warning; it is valid for 397 \
                  days, and `up` renews it in its last 30 days. With each of these, HTTP on port 80 redirects to \
                  HTTPS. `off`: HTTP on port 80 only.",
        },
        Key {
            name: "domain",
            kind: Kind::Text(&texts::DOMAIN),
            absence: Absence::Means("none"),
            doc: "The domain name of the stack. It is in a public hosted zone of Route 53 in this account, where \
                  stackctl creates an alias record. At most 64 characters of a-z, 0-9, `-` and `.`. `tls: acm` needs \
                  `domain`, `domains`, or the `domains` of a service. With an ARN they are optional, and with \
                  `self-signed` or `off` they are errors.",
        },
        Key {
            name: "domains",
            kind: Kind::List(&texts::DOMAINS, Empty::Refused),
            absence: Absence::Means("none"),
            doc: "Several domain names instead of `domain`, each with an alias record. The first one is the URL of the \
                  stack. `*.example.com` means every name below `example.com`. The names can be in several hosted \
                  zones. With `tls: acm`, one certificate covers all names, at most 10. An additional name needs a new \
                  certificate, which is issued and in use before the old one is deleted. See \
                  [Domains](../guides/domains.md#several-names).",
        },
        Key {
            name: "redirects",
            kind: Kind::Named { names: &texts::DOMAIN, of: &Kind::Text(&texts::DOMAIN) },
            absence: Absence::Means("none"),
            doc: "Names that redirect to another name of the stack, with status 301 and the same path. `{ \
                  www.example.com: example.com }` redirects to `example.com`. Each name has an alias record and is in \
                  the certificate.",
        },
        Key {
            name: "listener",
            kind: Kind::Text(&texts::LISTENER_ARN),
            absence: Absence::Means("a load balancer that stackctl creates"),
            doc: "The ARN of an existing listener of an Application Load Balancer. It is in the region of the stack \
                  and in [`network.vpc`](#network). stackctl adds rules for the `routes` of the services and changes \
                  nothing else. The other keys of this section are errors with it: the load balancer already has a \
                  certificate, names and timeouts. See [a load balancer that is there \
                  already](#a-load-balancer-that-is-there-already).",
        },
        Key {
            name: "idle_timeout",
            kind: Kind::Seconds { least: 1, most: 4000 },
            absence: Absence::Default(Literal::Number(60)),
            doc: "How long a connection can be idle before the load balancer closes it, in seconds. The keep-alive \
                  timeout of the application must be longer, or some requests get a 502. A change is made in place, \
                  also on the internal load balancer.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["private", "scheme", "internal"],
            help: "use `internal: true` in the services that only private addresses can reach",
        },
        Foreign { words: &["timeout"], help: "use `idle_timeout`, such as `idle_timeout: 2m`" },
        Foreign {
            words: &["certificate", "certificates", "certificate_arn", "https", "ssl"],
            help: "use `tls`: off, self-signed, acm, or the ARN of a certificate in ACM",
        },
        Foreign {
            words: &["alias", "host", "hostname", "hosted_zone"],
            help: "use `domain` for the domain name of the stack, or `domains` for several",
        },
    ],
};
