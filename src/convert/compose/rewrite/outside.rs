//! Addresses of the machine itself, such as `http://localhost:3000`: what a browser asks there is the load balancer on AWS.

use super::{
    super::{marks::reference, service::Service},
    facts::{Facts, Published},
    stores::Becomes,
};
use crate::convert::secrecy::tokens;

/// Words of a variable whose address is for browsers, even if the program has that port itself.
const FOR_BROWSERS: &[&str] = &[
    "PUBLIC", "EXTERNAL", "FRONTEND", "CLIENT", "ORIGIN", "ORIGINS", "CORS", "SITE", "APP", "NEXTAUTH", "REDIRECT",
    "CALLBACK",
];

/// An address of the machine in a text: where it is, and whose.
struct Found<'a> {
    from: usize,
    to: usize,
    port: u16,
    published: &'a Published,
}

/// What a variable becomes whose value has the address of a published port.
pub(super) fn rewritten(service: &Service, name: &str, text: &str, facts: &Facts) -> Option<Becomes> {
    let all = found(text, facts);
    let words = tokens(name);
    let is_for_browsers = words.iter().any(|word| FOR_BROWSERS.contains(&word.as_str()))
        || ["URL", "BASE_URL", "ROOT_URL", "SERVER_URL", "WEBSITE_URL"].contains(&name.to_uppercase().as_str());
    let is_inside = |one: &Found<'_>| {
        one.published.key.as_ref() == Some(&service.key) && one.published.target == one.port && !is_for_browsers
    };
    let all: Vec<Found<'_>> = all.into_iter().filter(|one| !is_inside(one)).collect();
    let first = all.first()?;
    let address = &text[first.from..first.to];
    // A list has several: each of them is for somebody to write.
    if let ([one], Some(_)) = (all.as_slice(), &first.published.key) {
        let new = format!("{}{}{}", &text[..one.from], reference("stack.url"), &text[one.to..]);
        let how = format!(
            "`{address}` is your computer. On AWS, the load balancer receives the requests for {}",
            one.published.name
        );
        return Some(Becomes::Changed(new, how));
    }
    let how = format!("`{address}` is your computer: write the address of {} on AWS", first.published.name);
    Some(Becomes::Changed(text.to_owned(), how))
}

/// The addresses of published ports in a text.
fn found<'a>(text: &str, facts: &'a Facts) -> Vec<Found<'a>> {
    let mut all = Vec::new();
    for host in ["localhost", "127.0.0.1"] {
        for (at, _) in text.match_indices(host) {
            let Some(from) =
                ["https://", "http://"].iter().find_map(|scheme| text[..at].strip_suffix(scheme)).map(str::len)
            else {
                continue;
            };
            let rest = &text[at + host.len()..];
            let digits =
                rest.strip_prefix(':').map(|rest| rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
            let (port, length) = match digits {
                Some(digits) => (rest[1..=digits].parse().ok(), digits + 1),
                None => (Some(80), 0),
            };
            if let Some((port, published)) = port.and_then(|port| Some((port, facts.published.get(&port)?))) {
                all.push(Found { from, to: at + host.len() + length, port, published });
            }
        }
    }
    all.sort_by_key(|one| one.from);
    all
}
