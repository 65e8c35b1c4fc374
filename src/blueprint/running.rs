//! What the services run, read from what AWS has. It is what they go on running: after a rollback, by ECS or by hand, the
//! newest image is not the one that is wanted.

use std::collections::BTreeMap;

use crate::{
    kinds::{image, service},
    model::{Address, LiveResource},
};

/// An image that a service runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningImage {
    /// The address of the images that it is one of.
    pub of: Address,
    /// The image, with its repository and tag.
    pub image: String,
    /// The version and build number.
    pub version: String,
    /// The digest.
    pub digest: String,
}

/// The images that services run, by service: those that stackctl built, as far as their repositories still have them.
pub fn running(live: &[LiveResource]) -> BTreeMap<String, RunningImage> {
    let images: Vec<(&Address, image::Live)> = of_kind(live, "image").collect();
    let services = of_kind::<service::Live>(live, "service");
    services
        .filter_map(|(address, service)| {
            let (uri, tag) = service.image.as_deref()?.rsplit_once(':')?;
            let (of, kept) = images.iter().find(|(_, image)| image.uri == uri)?;
            let (version, build) = tag.rsplit_once('-')?;
            let running = RunningImage {
                of: (*of).clone(),
                image: format!("{uri}:{tag}"),
                version: format!("{version}+{build}"),
                digest: kept.kept.get(tag)?.clone(),
            };
            Some((address.name().to_owned(), running))
        })
        .collect()
}

fn of_kind<'a, L: serde::de::DeserializeOwned>(
    live: &'a [LiveResource],
    kind: &'static str,
) -> impl Iterator<Item = (&'a Address, L)> {
    let of_kind = live.iter().filter(move |resource| resource.address.kind() == kind);
    of_kind.filter_map(|resource| Some((&resource.address, L::deserialize(&resource.live).ok()?)))
}
