//! One service of the stack, of what the files say of it.

mod command;
mod configured;
mod environment;
mod health;
mod image;
mod limits;
mod mounts;
mod secret_files;

pub(super) use self::{command::set as set_command, health::asked};
use super::{rewrite::Called, service::Service, work::Work};

/// Writes all of a service but how it is reached. Gives whom it calls.
pub(super) fn write(service: &Service, builders: &[&Service], work: &mut Work<'_>) -> Vec<Called> {
    image::write(service, builders, work);
    command::write(service, work);
    limits::write(service, work);
    health::write(service, work);
    let mut called = environment::write(service, work);
    secret_files::write(service, work);
    called.extend(mounts::write(service, work));
    called
}
