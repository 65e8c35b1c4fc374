//! What the files that are laid over an image name: other services, which have other names on AWS, and certificates.

use super::super::{
    images::{Proxy, Role},
    proxies::text_of,
    rewrite::{Called, hosts_of},
    service::Service,
    work::Work,
};
use crate::convert::source::Place;

/// Tells what somebody has to change in the file or folder at `path`. Gives whom it names.
pub(super) fn tell(service: &Service, path: &str, place: Place, work: &mut Work<'_>) -> Vec<Called> {
    let Some(text) = text_of(&work.folder, path) else { return Vec::new() };
    let mut called = Vec::new();
    let mut others = Vec::new();
    for (host, port) in hosts_of(&text, &work.facts) {
        let hosts = &work.facts.hosts;
        if let Some(key) = hosts.kept.get(&host) {
            if *key != service.key {
                called.push(Called { key: key.clone(), port });
                others.push(format!("replace `{host}` with {key}.{}.internal", work.name));
            }
        } else if hosts.database.contains(&host) || hosts.cache.contains(&host) {
            others.push(format!("replace `{host}` with the address on AWS, which is in the container's variables"));
        } else {
            others.push(format!("remove `{host}`, which does not exist on AWS"));
        }
    }
    let to = format!("services.{}.files", service.key);
    let mut changes = Vec::new();
    if !others.is_empty() {
        changes.push(format!("use the names of the services on AWS: {}", others.join(", ")));
    }
    if text.contains("ssl_certificate") {
        changes.push("remove `ssl_certificate` and `listen 443`: the load balancer has the certificate".to_owned());
    }
    if service.role == Role::Proxy(Proxy::Caddy) && !text.contains("auto_https off") && path.ends_with("Caddyfile") {
        changes.push("write `http://` before the site names: the load balancer has the certificate".to_owned());
    }
    for change in changes {
        work.service(&service.key).comment("files", format!("Decide: in {path}, {change}."));
        work.ledger().approximated(place, Some(&to), format!("in {path}, {change}"));
    }
    called
}
