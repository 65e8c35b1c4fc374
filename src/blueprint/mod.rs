//! From what stack.yaml says to the graph of resources that make it true. Pure: the same stack and facts give the same
//! graph. One file a part of the stack.

mod database;
mod images;
mod load_balancer;
mod network;
mod priorities;
mod service;

use std::collections::BTreeMap;

pub use images::sources;

use crate::{
    kind::ImageSource,
    model::{Failure, Graph},
    spec::Stack,
};

/// What the blueprint has to know beside stack.yaml.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The region's usable zones, in the order in which they are taken.
    pub zones: Vec<String>,
    /// The digests of the images that are to be released; the others stay at what runs.
    pub releases: BTreeMap<ImageSource, String>,
}

/// The resources that `stack` asks for.
///
/// # Errors
/// If the region has fewer zones than stack.yaml wants, or two images would share a repository.
pub fn graph(stack: &Stack, facts: &Facts) -> Result<Graph, Failure> {
    let mut graph = Graph::new();
    let network = network::draw(&mut graph, stack, facts)?;
    let images = images::draw(&mut graph, stack, facts)?;
    let balancer = load_balancer::draw(&mut graph, stack, &network);
    let groups = service::security_groups(&mut graph, stack, &network, balancer.as_ref());
    let database = database::draw(&mut graph, stack, &network, &groups);
    let parts = service::Parts { network, images, balancer, groups, database };
    service::draw(&mut graph, stack, &parts);
    Ok(graph)
}

#[cfg(test)]
mod tests;
