//! Draws the images that stack.yaml builds: a repository and an image for each source, shared by the services that run
//! it. Also decides which image each service runs.

use std::collections::{BTreeMap, BTreeSet};

use super::{facts::Facts, running::RunningImage};
use crate::{
    kind::{Arch, Base, ImageSource, Laid, Mode},
    kinds::ecr::{image, lifecycle, repository},
    model::{Address, Graph, Input},
    spec::{self, FileFrom, ImageFrom, Service, Stack},
};

/// A built image.
pub(super) struct Drawn {
    pub(super) repository: Address,
    pub(super) image: Address,
    /// Whether the newest image has Amazon's certificate authorities for RDS.
    has_authorities: bool,
    /// The containers that stay with what they run, by [`spec::Imaged::name`].
    stays: BTreeMap<String, RunningImage>,
}

impl Drawn {
    /// The image that `container` is to run, and its version: the one that it runs, unless another is to be released.
    pub(super) fn of(&self, container: &str) -> (Input, Input) {
        match self.stays.get(container) {
            Some(running) => (running.image.as_str().into(), running.version.as_str().into()),
            None => (Input::output(&self.image, "image"), Input::output(&self.image, "version")),
        }
    }

    /// Whether the image that `service` should run has Amazon's certificate authorities for RDS.
    pub(super) fn has_authorities(&self, service: &str) -> bool {
        self.stays.get(service).map_or(self.has_authorities, |running| running.has_authorities)
    }
}

/// The sources of the images that `stack` builds for the services and jobs that are wanted, and their sidecars, each once.
pub fn sources(stack: &Stack, is_wanted: impl Fn(&str) -> bool) -> BTreeSet<ImageSource> {
    let wanted = stack.images().filter(|container| is_wanted(container.program));
    wanted.filter_map(|container| source(&container.service)).collect()
}

/// Returns the source of the image of `service`, if stackctl builds it.
pub(super) fn source(service: &Service) -> Option<ImageSource> {
    let base = match &service.image {
        ImageFrom::Package(folder) => Base::Package(folder.clone()),
        ImageFrom::Dockerfile { path, context, target, args } => {
            let (path, context, target, args) = (path.clone(), context.clone(), target.clone(), args.clone());
            Base::Dockerfile { path, context, target, args }
        }
        ImageFrom::Named(name) if !service.files.is_empty() => Base::Named(name.clone()),
        ImageFrom::Named(_) => return None,
    };
    let laid = |file: &FileFrom| Laid { from: file.path.clone(), mode: file.mode.map(Mode) };
    let files = service.files.iter().map(|(path, file)| (path.clone(), laid(file))).collect();
    Some(ImageSource { base, arch: arch(service), files })
}

/// Returns the processor architecture of the tasks of `service`.
pub(super) fn arch(service: &Service) -> Arch {
    match service.arch {
        spec::Arch::Amd64 => Arch::Amd64,
        spec::Arch::Arm64 => Arch::Arm64,
    }
}

pub(super) fn draw(graph: &mut Graph, stack: &Stack, facts: &Facts) -> BTreeMap<ImageSource, Drawn> {
    let mut drawn = BTreeMap::new();
    let mut named: BTreeMap<ImageSource, String> = BTreeMap::new();
    for container in stack.images() {
        if let (Some(source), Some(name)) = (source(&container.service), container.repository(&stack.name)) {
            // It has the name of the first container that builds it.
            named.entry(source).or_insert(name);
        }
    }
    for (source, name) in named {
        let address = Address::new("image", &name);
        let that_run: Vec<&RunningImage> = facts.running.values().filter(|running| running.of == address).collect();
        let newer = that_run.iter().map(|running| running.newer).max().unwrap_or_default();
        let repository = repository::Desired { keep: lifecycle::kept(newer) };
        let repository = graph.add(Address::new("repository", name), &repository);
        let asked_for = facts.releases.get(&source);
        let stays = stays(stack, facts, &source, &address);
        // A new build has the authorities. Only a service that runs the newest image can show that an older stackctl
        // pushed that image.
        let newest = that_run.iter().find(|running| running.newer == 0 && running.digest.is_some());
        let has_authorities = asked_for.is_some() || newest.is_none_or(|running| running.has_authorities);
        let all_stay = users(stack, &source).all(|container| stays.contains_key(&container));
        let desired = image::Desired {
            repository: Input::output(&repository, "uri"),
            // Where every container runs it already, it need not be the newest as well.
            digest: asked_for.filter(|_| !all_stay).cloned(),
            source: source.clone(),
            numbered_above: that_run.iter().map(|running| running.build).max(),
            kept_from: that_run.iter().map(|running| running.build).min(),
        };
        let image = graph.add(address, &desired);
        drawn.insert(source, Drawn { repository, image, has_authorities, stays });
    }
    drawn
}

/// The containers that run the image of `source`.
fn users<'a>(stack: &'a Stack, source: &'a ImageSource) -> impl Iterator<Item = String> {
    let containers = stack.images().filter(|container| self::source(&container.service).as_ref() == Some(source));
    containers.map(|container| container.name())
}

/// Returns the services that keep the image that they run, because no other digest is released for them. They keep it
/// even if the repository no longer has it: the newest image may be one that ECS has rolled back.
fn stays(stack: &Stack, facts: &Facts, source: &ImageSource, image: &Address) -> BTreeMap<String, RunningImage> {
    let asked_for = facts.releases.get(source);
    let running = users(stack, source).filter_map(|name| {
        let running = facts.running.get(&name)?;
        Some((name, running))
    });
    running
        .filter(|(_, running)| {
            &running.of == image && asked_for.is_none_or(|digest| running.digest.as_ref() == Some(digest))
        })
        .map(|(name, running)| {
            // The same image has just been built, so it has the authorities.
            let has_authorities = running.has_authorities || asked_for.is_some();
            (name, RunningImage { has_authorities, ..running.clone() })
        })
        .collect()
}
