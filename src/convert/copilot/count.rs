//! `count`: how many tasks, autoscaling, and Spot.

use super::{
    context::Context,
    image::Target,
    texts::{milliseconds, seconds},
};
use crate::convert::{
    page::{Map, Value},
    source::{Entry, Item},
};

const KEYS: [&str; 9] = [
    "range",
    "spot",
    "spot_from",
    "cooldown",
    "cpu_percentage",
    "memory_percentage",
    "requests",
    "response_time",
    "queue_delay",
];

/// Writes `count` of a service; only a service with `routes` has requests to count.
pub(super) fn count(context: &mut Context, entry: &Entry, routed: bool, target: &mut Target) {
    let to = target.key.to_owned();
    if let Some(text) = entry.item.text() {
        if let Ok(tasks) = text.parse::<u64>() {
            target.map.set("replicas", Value::number(tasks.min(1000)));
            context.carried(entry, format!("{to}.replicas"));
        } else {
            context.left_out(entry, &format!("`{text}` is not a number of tasks"));
        }
        return;
    }
    if entry.item.entries().is_empty() {
        context.left_out(entry, "the value is empty");
        return;
    }
    let mut scale = Map::default();
    let mut spot_from = None;
    let cooldown = entry.item.entry("cooldown");
    for entry in entry.item.entries() {
        match entry.key.as_str() {
            "range" => spot_from = range(context, entry, &mut scale, &to).or(spot_from),
            "spot" => spot(context, entry, target),
            "spot_from" => {
                // Copilot has it in `range`.
                context.unknown(entry, &["range.spot_from"]);
            }
            "cooldown" => {}
            "cpu_percentage" => measure(context, entry, "cpu", &mut scale, &to),
            "memory_percentage" => measure(context, entry, "memory", &mut scale, &to),
            "requests" | "response_time" if !routed => {
                context.left_out(entry, "the load balancer sends no requests to this service");
            }
            "requests" => measure(context, entry, "requests", &mut scale, &to),
            "response_time" => measure(context, entry, "response_time", &mut scale, &to),
            "queue_delay" => {
                context.impossible(
                    entry,
                    "stackctl cannot scale on the length of a queue: scale on `cpu`, or set \
                 `replicas`",
                );
            }
            _ => context.unknown(entry, &KEYS),
        }
    }
    if let Some(cooldown) = cooldown {
        cool(context, &cooldown.item, Some(cooldown), &mut scale, &to);
    }
    if let Some(from) = spot_from {
        if from <= 1 {
            target.map.set("spot", Value::truth(true));
        } else {
            target.map.map("spot").set("on_demand", Value::number(from - 1));
        }
    }
    if scale.get("max").is_none() {
        return;
    }
    let is_measured = ["cpu", "memory", "requests", "response_time"].iter().any(|key| scale.get(key).is_some());
    if is_measured {
        target.map.set("scale", Value::Map(scale));
    } else {
        for entry in entry.item.entries().iter().filter(|entry| entry.key == "range") {
            context.ledger.take_back(entry.place);
        }
        let least = scale.get("min").cloned().unwrap_or_else(|| Value::number(1));
        target.map.set("replicas", least);
        context.nearly(
            entry,
            &format!("{to}.replicas"),
            "a range without a metric does not scale: the minimum is used",
        );
    }
}

/// The least and the most tasks. Gives the task from which they run on Spot.
fn range(context: &mut Context, entry: &Entry, scale: &mut Map, to: &str) -> Option<u64> {
    let number =
        |key: &str| entry.item.at(&[key]).and_then(Item::text).and_then(|text| text.trim().parse::<u64>().ok());
    let written = entry.item.text().and_then(|text| text.split_once('-'));
    let written = written.and_then(|(least, most)| Some((least.trim().parse().ok()?, most.trim().parse().ok()?)));
    let Some((least, most)) = written.or_else(|| Some((number("min")?, number("max")?))) else {
        context.left_out(entry, "expected a range such as 1-10");
        return None;
    };
    let (is_least, is_most) = (least.clamp(1, 1000), most.clamp(1, 1000).max(least.clamp(1, 1000)));
    scale.set("min", Value::number(is_least)).set("max", Value::number(is_most));
    let to = format!("{to}.scale");
    if (is_least, is_most) == (least, most) {
        context.carried(entry, to);
    } else {
        context.nearly(entry, &to, "autoscaling keeps 1 to 1000 tasks");
    }
    number("spot_from")
}

fn spot(context: &mut Context, entry: &Entry, target: &mut Target) {
    let Some(tasks) = entry.item.text().and_then(|text| text.parse::<u64>().ok()) else {
        context.left_out(entry, "expected a number of tasks");
        return;
    };
    target.map.set("replicas", Value::number(tasks.min(1000)));
    if tasks > 0 {
        target.map.set("spot", Value::truth(true));
    }
    context.carried(entry, format!("{}.spot", target.key));
}

/// A measure, with its own times if it has any.
fn measure(context: &mut Context, entry: &Entry, key: &str, scale: &mut Map, to: &str) {
    let value = entry.item.at(&["value"]).unwrap_or(&entry.item);
    let text = value.text().unwrap_or_default();
    let wanted = if key == "response_time" { milliseconds(text) } else { text.parse::<u64>().ok() };
    let most = match key {
        "cpu" | "memory" => 100,
        "requests" => 1_000_000,
        _ => 60_000,
    };
    let to = format!("{to}.scale");
    let Some(is) = wanted.map(|wanted| wanted.clamp(1, most)) else {
        context.left_out(entry, &format!("`{text}` is not a valid value"));
        return;
    };
    scale.set(key, Value::number(is));
    if wanted == Some(is) {
        context.carried(entry, format!("{to}.{key}"));
    } else {
        context.nearly(entry, &format!("{to}.{key}"), format!("{is} is the nearest valid value"));
    }
    if let Some(own) = entry.item.entry("cooldown") {
        if scale.get("cooldown").is_none() {
            cool(context, &own.item, Some(own), scale, to.trim_end_matches(".scale"));
        } else {
            context.nearly(own, &format!("{to}.cooldown"), "all metrics share one cooldown");
        }
    }
}

fn cool(context: &mut Context, cooldown: &Item, entry: Option<&Entry>, scale: &mut Map, to: &str) {
    let mut times = Map::default();
    for entry in cooldown.entries() {
        let time = entry.item.text().and_then(seconds);
        match (entry.key.as_str(), time) {
            ("in" | "out", Some(time)) => {
                times.set(entry.key.clone(), Value::number(time.min(3600)));
                let to = format!("{to}.scale.cooldown.{}", entry.key);
                if time > 3600 {
                    context.nearly(entry, &to, "the maximum is 1 hour");
                } else {
                    context.carried(entry, to);
                }
            }
            ("in" | "out", None) => context.left_out(entry, "it is not a duration"),
            _ => context.unknown(entry, &["in", "out"]),
        }
    }
    if !times.is_empty() {
        scale.set("cooldown", Value::Map(times));
    } else if let Some(entry) = entry {
        context.left_out(entry, "the value is empty");
    }
}
