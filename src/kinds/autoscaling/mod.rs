//! Application Auto Scaling: how many tasks of a service run.

pub mod scaling;

use scaling::Scaling;

use crate::{
    kind::{Resources, State},
    model::Failure,
};

/// The fewest tasks that the service `name` is scaled to, if it is scaled.
pub(super) fn fewest(all: &Resources, name: &str) -> Result<Option<u32>, Failure> {
    let scaled = all.named::<Scaling>(name)?;
    Ok(scaled.first().map(|state| match state {
        State::Desired(desired) => desired.min,
        State::Live(live) => live.min,
    }))
}
