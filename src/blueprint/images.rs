//! The images that stack.yaml builds: a repository and its images for each source, however many services run it; and which
//! of them each service is to run.

use std::collections::{BTreeMap, BTreeSet};

use super::{facts::Facts, running::RunningImage};
use crate::{
    kind::{Arch, Base, ImageSource, Laid, Mode},
    kinds::ecr::{image, lifecycle, repository},
    model::{Address, Graph, Input},
    spec::{self, FileFrom, ImageFrom, Service, Stack},
};

/// One built image.
pub(super) struct Drawn {
    pub(super) repository: Address,
    pub(super) image: Address,
    /// Whether the newest image has Amazon's authorities for RDS in it.
    has_authorities: bool,
    /// The services that stay with what they run.
    stays: BTreeMap<String, RunningImage>,
}

impl Drawn {
    /// The image that `service` is to run, and its version: the one that it runs, unless another is to be released.
    pub(super) fn of(&self, service: &str) -> (Input, Input) {
        match self.stays.get(service) {
            Some(running) => (running.image.as_str().into(), running.version.as_str().into()),
            None => (Input::output(&self.image, "image"), Input::output(&self.image, "version")),
        }
    }

    /// Whether the image that `service` is to run has Amazon's authorities for RDS in it.
    pub(super) fn has_authorities(&self, service: &str) -> bool {
        self.stays.get(service).map_or(self.has_authorities, |running| running.has_authorities)
    }
}

/// The sources of the images that `stack` builds for the services and jobs that are wanted, each once.
pub fn sources(stack: &Stack, is_wanted: impl Fn(&String) -> bool) -> BTreeSet<ImageSource> {
    stack.programs().filter(|(name, _)| is_wanted(name)).filter_map(|(_, program)| source(program)).collect()
}

/// What the image of `service` is made of, if it is made here.
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

/// The processors that the tasks of `service` run on.
pub(super) fn arch(service: &Service) -> Arch {
    match service.arch {
        spec::Arch::Amd64 => Arch::Amd64,
        spec::Arch::Arm64 => Arch::Arm64,
    }
}

pub(super) fn draw(graph: &mut Graph, stack: &Stack, facts: &Facts) -> BTreeMap<ImageSource, Drawn> {
    let mut drawn = BTreeMap::new();
    let mut named: BTreeMap<ImageSource, String> = BTreeMap::new();
    for (name, service) in stack.programs() {
        if let (Some(source), Some(name)) = (source(service), service.repository(&stack.name, name)) {
            // It has the name of the first service that builds it.
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
        // What is built now has them. Only a service that runs the newest image shows that an earlier stackctl pushed it.
        let newest = that_run.iter().find(|running| running.newer == 0 && running.digest.is_some());
        let has_authorities = asked_for.is_some() || newest.is_none_or(|running| running.has_authorities);
        let all_stay = users(stack, &source).all(|service| stays.contains_key(service));
        let desired = image::Desired {
            repository: Input::output(&repository, "uri"),
            // Where every service runs it already, it need not be the newest as well.
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

/// The services that run the image of `source`.
fn users<'a>(stack: &'a Stack, source: &'a ImageSource) -> impl Iterator<Item = &'a String> {
    let runs_it = |(_, service): &(&String, &Service)| self::source(service).as_ref() == Some(source);
    stack.programs().filter(runs_it).map(|(name, _)| name)
}

/// Those of them that stay with the image that they run: all of which no other digest is to be released. They stay also where
/// it is gone from the repository: the newest that is there may be one that ECS has gone back from.
fn stays(stack: &Stack, facts: &Facts, source: &ImageSource, image: &Address) -> BTreeMap<String, RunningImage> {
    let asked_for = facts.releases.get(source);
    let running = users(stack, source).filter_map(|name| Some((name, facts.running.get(name)?)));
    running
        .filter(|(_, running)| {
            &running.of == image && asked_for.is_none_or(|digest| running.digest.as_ref() == Some(digest))
        })
        .map(|(name, running)| {
            // The same image has just been built, and has them.
            let has_authorities = running.has_authorities || asked_for.is_some();
            (name.clone(), RunningImage { has_authorities, ..running.clone() })
        })
        .collect()
}
