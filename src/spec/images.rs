//! The containers of a stack, by the images that they run.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    service::Service,
    stack::{Job, Runs, Stack},
};

/// A container that names or builds an image: of a service, of a job, or one of the sidecars with an image of their own.
pub struct Imaged<'a> {
    /// The service or the job.
    pub program: &'a str,
    /// The sidecar; none for the container of the program itself.
    pub sidecar: Option<&'a str>,
    /// What runs the image, as a service: a sidecar has the processors of its service.
    pub service: Cow<'a, Service>,
}

impl Imaged<'_> {
    /// Its name within the stack: `web`, or `web/proxy` for a sidecar.
    #[must_use]
    pub fn name(&self) -> String {
        self.named('/')
    }

    /// The name of the repository that keeps its images, in the stack called `stack`. None for an image that is pulled as it is.
    #[must_use]
    pub fn repository(&self, stack: &str) -> Option<String> {
        self.service.repository(stack, &self.named('-'))
    }

    fn named(&self, between: char) -> String {
        self.sidecar.map_or_else(|| self.program.to_owned(), |sidecar| format!("{}{between}{sidecar}", self.program))
    }
}

impl Stack {
    /// All containers that name or build an image. Services come first.
    pub fn images(&self) -> impl Iterator<Item = Imaged<'_>> {
        images(&self.services, &self.jobs)
    }
}

/// The containers of these services and jobs.
pub(super) fn images<'a>(
    services: &'a BTreeMap<String, Service>,
    jobs: &'a BTreeMap<String, Job>,
) -> impl Iterator<Item = Imaged<'a>> {
    let own = jobs.iter().filter_map(|(name, job)| match &job.runs {
        Runs::Own(own) => Some((name, own.as_ref())),
        Runs::Service { .. } => None,
    });
    services.iter().chain(own).flat_map(|(program, service)| {
        let sidecars = service.sidecars.iter().filter_map(move |(name, sidecar)| {
            let image = sidecar.image.clone()?;
            let files = sidecar.files.clone();
            let service = Service { arch: service.arch, files, ..Service::without_requests(image) };
            Some(Imaged { program, sidecar: Some(name), service: Cow::Owned(service) })
        });
        std::iter::once(Imaged { program, sidecar: None, service: Cow::Borrowed(service) }).chain(sidecars)
    })
}
