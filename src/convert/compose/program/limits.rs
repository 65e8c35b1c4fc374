//! Size, user, limits and how a container stops.

use super::super::{service::Service, words, work::Work};
use crate::convert::{
    page::{Map, Value},
    source::Item,
};

/// What Fargate pairs: CPU units, and the least and most memory in MiB with its step.
const PAIRS: &[(u64, u64, u64, u64)] = &[
    (256, 512, 2048, 1024),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// Writes all of it.
pub(super) fn write(service: &Service, work: &mut Work<'_>) {
    size(service, work);
    replicas(service, work);
    if let Some(user) = service.text(&["user"]).map(str::to_owned) {
        let value = work.settled(&user);
        work.service(&service.key).set("user", value);
        work.carried(service, "user", "user");
    }
    for key in ["init", "read_only"] {
        let Some(item) = service.at(&[key]) else { continue };
        if item.truth() == Some(true) {
            work.service(&service.key).set(key, Value::truth(true));
        }
        work.carried(service, key, key);
    }
    stop(service, work);
    ulimits(service, work);
}

fn size(service: &Service, work: &mut Work<'_>) {
    let limits: [&[&str]; 2] = [&["deploy", "resources", "limits"], &["deploy", "resources", "reservations"]];
    let find = |key: &str, flat: &str| {
        let deep = limits.iter().find_map(|path| {
            let path: Vec<&str> = path.iter().copied().chain([key]).collect();
            service.text(&path).map(str::to_owned)
        });
        deep.or_else(|| service.text(&[flat]).map(str::to_owned))
    };
    let cpu = find("cpus", "cpus").and_then(|text| text.parse::<f64>().ok()).filter(|cpu| *cpu > 0.0 && *cpu < 64.0);
    let memory = find("memory", "mem_limit").and_then(|text| words::mebibytes(&text)).filter(|memory| *memory > 0);
    if cpu.is_none() && memory.is_none() {
        return;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive and small")]
    let cpu = cpu.map_or(0, |cpu| (cpu * 1024.0).ceil() as u64);
    let (units, memory) = pair(cpu, memory.unwrap_or(0));
    let map = work.service(&service.key);
    if units != 256 {
        map.set("cpu", Value::number(units));
    }
    if memory != units * 2 {
        map.set("memory", Value::number(memory));
    }
}

/// The nearest size of Fargate's that has so many CPU units and MiB of memory.
pub(super) fn pair(cpu: u64, memory: u64) -> (u64, u64) {
    let pair = PAIRS.iter().find(|(units, _, most, _)| *units >= cpu && *most >= memory).or(PAIRS.last());
    let Some((units, least, most, step)) = pair else { return (256, 512) };
    let memory = if memory <= *least { *least } else { (memory.div_ceil(*step) * step).min(*most) };
    (*units, memory)
}

fn replicas(service: &Service, work: &mut Work<'_>) {
    let text = service.text(&["deploy", "replicas"]).or_else(|| service.text(&["scale"]));
    if let Some(number) =
        text.and_then(|text| text.parse::<u32>().ok()).filter(|number| *number != 1 && *number <= 1000)
    {
        work.service(&service.key).set("replicas", Value::number(number));
    }
    work.carried(service, "scale", "replicas");
}

fn stop(service: &Service, work: &mut Work<'_>) {
    let Some(entry) = service.item.entry("stop_grace_period").map(|entry| entry.place) else { return };
    let Some(seconds) = service.text(&["stop_grace_period"]).and_then(words::seconds) else {
        work.ledger().not_possible(entry, "expected a duration, such as 30s");
        return;
    };
    let to = format!("services.{}.stop_timeout", service.key);
    let within = seconds.clamp(2, 120);
    if within == seconds {
        work.ledger().carried(entry, &to);
    } else {
        work.ledger().approximated(entry, Some(&to), format!("{within} s: ECS allows 2 s to 120 s"));
    }
    if within != 30 {
        work.service(&service.key).set("stop_timeout", Value::number(within));
    }
}

fn ulimits(service: &Service, work: &mut Work<'_>) {
    for entry in service.at(&["ulimits"]).map(Item::entries).unwrap_or_default().to_vec() {
        if entry.key != "nofile" {
            work.ledger().approximated(entry.place, None, "left out: Fargate supports only `nofile`");
            continue;
        }
        let text = ["hard", "soft"].iter().find_map(|key| entry.item.at(&[key]).and_then(Item::text));
        let number = text.or_else(|| entry.item.text()).and_then(|text| text.parse::<u64>().ok());
        let Some(number) = number else {
            work.ledger().not_possible(entry.place, "it is not a number");
            continue;
        };
        let mut map = Map::default();
        map.set("nofile", Value::number(number.clamp(1024, 1_048_576)));
        work.service(&service.key).set("ulimits", Value::Map(map));
        work.ledger().carried(entry.place, format!("services.{}.ulimits", service.key));
    }
}
