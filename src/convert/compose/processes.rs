//! A Procfile beside the Compose files: its release is that of the service that serves.

use super::{images::Role, service::Service, work::Work};
use crate::{convert::procfile, document::problem::Problems};

/// Reads the Procfile, if there is one.
///
/// # Errors
/// It is none.
pub(super) fn write(kept: &[&Service], work: &mut Work<'_>) -> Result<(), Problems> {
    let path = work.project.home.join("Procfile");
    if !path.is_file() {
        return Ok(());
    }
    let processes = procfile::read(&path, &mut work.project.sources, &mut work.project.ledger)?;
    let programs: Vec<&&Service> = kept.iter().filter(|service| service.role == Role::Program).collect();
    let owner = programs
        .iter()
        .find(|service| work.reach.get(&service.key).is_some_and(|reach| reach.is_public))
        .or(programs.first());
    for process in processes {
        let Some(service) = owner.filter(|_| process.name == "release") else {
            work.ledger().carried_with(process.place, None, "the command of the Compose file is used");
            continue;
        };
        let key = service.key.clone();
        let to = format!("services.{key}.release");
        let map = work.service(&key);
        if map.get("release").is_none() {
            map.set("release", procfile::arguments(&process.command));
            work.ledger().carried(process.place, to);
        } else {
            work.ledger().approximated(
                process.place,
                Some(&to),
                "left out: the Compose file already has a release \
             command",
            );
        }
    }
    Ok(())
}
