//! Decodes `alarms`.

use crate::spec::{
    keys::ALARMS,
    problem::Collector,
    read::{Field, Map},
    stack::Alarms,
};

pub(super) fn alarms(field: &Field, problems: &mut Collector) -> Option<Alarms> {
    let map = Map::new(field.node, &field.path, &ALARMS, problems)?;
    Some(Alarms { email: map.text("email", problems)? })
}
