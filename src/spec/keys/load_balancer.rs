//! The keys of `load_balancer`.

use super::{Absence, Empty, Foreign, Key, Kind, Literal, Section, texts, words};

/// The words that `tls` may be, beside the ARN of a certificate.
#[derive(Clone, Copy, Debug)]
pub(in crate::spec) enum TlsWord {
    Off,
    SelfSigned,
    Acm,
}

/// As they are written.
pub(in crate::spec) static TLS: [(&str, TlsWord); 3] =
    [("off", TlsWord::Off), ("self-signed", TlsWord::SelfSigned), ("acm", TlsWord::Acm)];

static TLS_WORDS: [&str; 3] = words(&TLS);

pub(in crate::spec) static LOAD_BALANCER: Section = Section {
    name: "load_balancer",
    doc: "How the services with routes are reached.",
    keys: &[
        Key {
            name: "tls",
            kind: Kind::Either(&[Kind::Choice(&TLS_WORDS), Kind::Text(&texts::CERTIFICATE_ARN)]),
            absence: Absence::Default(Literal::Text("self-signed")),
            doc: "The certificate of the load balancer. `acm`: HTTPS on port 443 with a certificate that Amazon issues for \
                  `domain` and renews. `arn:aws:acm:…`: a certificate that exists in ACM, in the stack's region. \
                  `self-signed`: a certificate that stackctl makes. Browsers warn of it; it is valid for 397 days, and an \
                  `up` in its last 30 days makes a new one. With each of these, HTTP on port 80 is redirected to HTTPS. \
                  `off`: HTTP on port 80 only.",
        },
        Key {
            name: "domain",
            kind: Kind::Text(&texts::DOMAIN),
            absence: Absence::Means("none"),
            doc: "The name that the stack is reached by. It is in a public hosted zone of Route 53 in this account, where \
                  stackctl makes an alias record. At most 64 characters of a-z, 0-9, `-` and `.`. `tls: acm` needs it, \
                  `domains`, or the `domains` of a service; an ARN may have them, and the others have none.",
        },
        Key {
            name: "domains",
            kind: Kind::List(&texts::DOMAINS, Empty::Refused),
            absence: Absence::Means("none"),
            doc: "In the place of `domain`: several names that the stack is reached by, each with an alias record. The first one \
                  is that of the stack's URL. `*.example.com` is every name below `example.com`. Names can be in several hosted \
                  zones. With `tls: acm` one certificate has them all, at most 10: another name takes a new certificate, which is \
                  issued and shown before the old one goes. See [Domains](domains.md#several-names).",
        },
        Key {
            name: "redirects",
            kind: Kind::Named { names: &texts::DOMAIN, of: &Kind::Text(&texts::DOMAIN) },
            absence: Absence::Means("none"),
            doc: "Names that redirect to another name of the stack, with 301 and the path kept. \
                  `{ www.example.com: example.com }` is reached at `example.com`. Each of them has an alias record and is in the \
                  certificate.",
        },
        Key {
            name: "listener",
            kind: Kind::Text(&texts::LISTENER_ARN),
            absence: Absence::Means("a load balancer of the stack's own"),
            doc: "The ARN of a listener that is there already, of an application load balancer. It is in the stack's region and in \
                  [`network.vpc`](#network). stackctl makes rules on it for the services' `routes`, beside those of others, and changes \
                  nothing else of it. Without the other keys here: certificate, names and timeouts are the load balancer's. See [a \
                  load balancer that is there already](#a-load-balancer-that-is-there-already).",
        },
        Key {
            name: "idle_timeout",
            kind: Kind::Seconds { least: 1, most: 4000 },
            absence: Absence::Default(Literal::Number(60)),
            doc: "How long a connection may be idle before the load balancer closes it, in seconds. An application keeps its own \
                  connections open for longer, or some requests get a 502. A change is made in place, on the internal load balancer \
                  too.",
        },
    ],
    foreign: &[
        Foreign {
            words: &["private", "scheme", "internal"],
            help: "use `internal: true` of the services that only private addresses reach",
        },
        Foreign { words: &["timeout"], help: "use `idle_timeout`, such as `idle_timeout: 2m`" },
        Foreign {
            words: &["certificate", "certificates", "certificate_arn", "https", "ssl"],
            help: "use `tls`: off, self-signed, acm, or the ARN of a certificate in ACM",
        },
        Foreign {
            words: &["alias", "host", "hostname", "hosted_zone"],
            help: "use `domain` for the name that the stack is reached by, or `domains` for several",
        },
    ],
};
