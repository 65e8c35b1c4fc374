//! Decodes `logs` of a service.

use crate::spec::{
    keys::{LOG_DAYS, LOGS},
    problem::Collector,
    read::Map,
};

/// Returns the log retention of a service, in days.
pub(super) fn days(service: &Map, problems: &mut Collector) -> Option<u32> {
    let Some(field) = service.get("logs") else { return Map::empty(&LOGS).number("days", problems) };
    let map = Map::new(field.node, &field.path, &LOGS, problems)?;
    let days = map.number("days", problems)?;
    if !LOG_DAYS.contains(&days) {
        let near = LOG_DAYS.iter().min_by_key(|period| period.abs_diff(days)).copied().unwrap_or_default();
        let periods = LOG_DAYS.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let hint = format!("use one of {periods}; the nearest is {near}");
        map.wrong("days", format!("invalid log retention of {days} days"), hint, problems);
    }
    Some(days)
}
