//! The ports of the machine that a service publishes.

use super::{
    service::Service,
    words::{self, Port},
};
use crate::convert::source::{Item, Place};

/// The ports that a service publishes, with their places.
pub(super) fn published(service: &Service) -> Vec<(Port, Place)> {
    let items = service.at(&["ports"]).map(Item::items).unwrap_or_default();
    let port = |item: &Item| {
        if let Some(text) = item.text() {
            return Some(words::port(text));
        }
        let text = |key: &str| item.at(&[key]).and_then(Item::text).map(str::to_owned);
        Some(Port {
            target: text("target")?,
            published: text("published"),
            address: text("host_ip"),
            is_udp: text("protocol").is_some_and(|protocol| protocol == "udp"),
        })
    };
    items.iter().filter_map(|item| Some((port(item)?, item.place))).flat_map(each).collect()
}

/// A range such as `8000-8002:8000-8002` as its ports.
fn each((port, place): (Port, Place)) -> Vec<(Port, Place)> {
    let range = |text: &str| {
        let (first, last) = text.split_once('-')?;
        let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last && last - first < LONGEST_RANGE).then_some(first..=last)
    };
    let Some(targets) = range(&port.target) else { return vec![(port, place)] };
    let at = port.published.as_deref().and_then(range).filter(|at| at.len() == targets.len());
    let mut at = at.into_iter().flatten();
    let one = |target: u16| {
        let published = at.next().map(|at| at.to_string()).or_else(|| port.published.clone());
        (Port { target: target.to_string(), published, ..port.clone() }, place)
    };
    targets.map(one).collect()
}

/// The most ports that a range is taken apart for.
const LONGEST_RANGE: u16 = 32;
