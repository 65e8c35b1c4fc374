//! Turns a stack of stack.yaml into the graph of its desired resources. Pure: the same stack and facts give the same
//! graph. Each part of the stack has its own file.

mod alarms;
mod authorities;
mod bastion;
mod buckets;
mod cache;
mod calls;
mod constants;
mod database;
mod domain;
mod execution;
mod facts;
mod failures;
mod given_network;
mod guards;
mod identity;
mod images;
mod jobs;
mod load;
mod load_balancer;
mod logs;
mod network;
mod priorities;
mod psql;
mod rare;
mod references;
mod routes;
mod running;
mod scaling;
mod service;
mod sidecars;
mod users;
mod volumes;
mod zones;

pub use constants::{DATABASE_NAME, PASSWORD_LENGTH};
pub use database::{PORT as DATABASE_PORT, master};
pub use domain::{alias_of as record_of, proof as proof_of};
pub use facts::{Facts, Load};
pub use identity::id;
pub use images::sources;
pub use jobs::rolled_back as job_rolled_back;
pub use load_balancer::{address as balancer, internal as internal_balancer};
pub use references::{address as composed_secret, service_secret};
pub use running::{RunningImage, running};
pub use users::password as database_password;
pub use zones::stands;

use crate::{
    model::{Failure, Graph, HostedZone, LiveResource, StackId},
    spec::{LoadBalancer, Stack},
};

/// Returns the facts that follow from the stack's live resources; the other facts are empty.
///
/// # Errors
/// If the state of a service cannot be read.
pub fn facts(id: &StackId, live: &[LiveResource]) -> Result<Facts, Failure> {
    let had_users = live.iter().any(|live| live.address == users::task());
    let (running, priorities, subnets) = (running(id, live)?, priorities::of(live)?, zones::of(live)?);
    let there = live.iter().map(|live| live.address.kind().to_owned()).collect();
    Ok(Facts { subnets, running, priorities, there, had_users, ..Facts::default() })
}

/// The parts of stack.yaml in the order of a plan. Services, jobs and alarms follow.
const PARTS: [&str; 10] =
    ["network", "load balancer", "database", "cache", "buckets", "volumes", "images", "bastion", "cluster", "calls"];

/// Returns the desired resources of `stack`.
///
/// # Errors
/// If the region has fewer zones than stack.yaml requires, or a domain has no hosted zone.
pub fn graph(stack: &Stack, facts: &Facts) -> Result<Graph, Failure> {
    let mut graph = Graph::new();
    PARTS.into_iter().for_each(|part| graph.begin(part));
    graph.begin("network");
    let network = match &stack.network.given {
        Some(given) => given_network::draw(stack, given, facts)?,
        None => network::draw(&mut graph, stack, facts)?,
    };
    graph.begin("images");
    let images = images::draw(&mut graph, stack, facts);
    graph.begin("load balancer");
    let public = load_balancer::draw(&mut graph, stack, facts, &network)?;
    let balancers =
        load_balancer::Balancers { public, internal: load_balancer::draw_internal(&mut graph, stack, &network) };
    graph.begin("calls");
    let calls = calls::draw(&mut graph, stack, &network);
    let groups = service::security_groups(&mut graph, stack, &network, &balancers, &calls);
    graph.begin("bastion");
    let host = bastion::security_group(&mut graph, stack, &network);
    bastion::draw(&mut graph, stack, &network, host.as_ref());
    graph.begin("database");
    let database = database::draw(&mut graph, stack, facts, &network, &groups, host.as_ref());
    graph.begin("cache");
    let cache = cache::draw(&mut graph, stack, &network, &groups);
    graph.begin("buckets");
    buckets::draw(&mut graph, stack);
    graph.begin("volumes");
    let volumes = volumes::draw(&mut graph, stack, &network, &groups);
    let parts = service::Parts { network, images, balancers, calls, groups, database, cache, volumes };
    service::draw(&mut graph, stack, &parts, &facts.priorities);
    scaling::draw(&mut graph, stack, &parts.balancers);
    jobs::draw(&mut graph, stack, &parts);
    graph.begin("alarms");
    alarms::draw(&mut graph, stack, &parts.balancers);
    failures::draw(&mut graph, stack);
    rare::record(&mut graph, stack, facts);
    Ok(graph)
}

/// Returns the desired resources of `stack` without a call to AWS. It assumes a region with enough zones, a hosted zone
/// for each domain, and a valid existing network. Ids are made up; kinds, numbers and sizes are right.
///
/// # Errors
/// None for a stack that was read from a file: missing facts are made up.
pub fn sketch(stack: &Stack) -> Result<Graph, Failure> {
    sketched(stack, None)
}

/// Like [`sketch`], with the resources of `stackctl db load` if the stack has a database. So the graph has every kind
/// that any command creates for this stack.
///
/// # Errors
/// None for a stack that was read from a file: missing facts are made up.
pub fn sketch_of_all(stack: &Stack) -> Result<Graph, Failure> {
    sketched(stack, Some(Load::made_up()))
}

fn sketched(stack: &Stack, load: Option<Load>) -> Result<Graph, Failure> {
    let zones = (b'a'..b'a' + stack.network.zones).map(|zone| format!("{}{}", stack.region, char::from(zone)));
    let domains = stack.load_balancer.iter().flat_map(|balancer: &LoadBalancer| &balancer.domains);
    let zone =
        |domain: &String| vec![HostedZone { id: "Z0".to_owned(), name: domain.trim_start_matches("*.").to_owned() }];
    let hosted_zones = domains.map(|domain| (domain.clone(), zone(domain))).collect();
    let network = stack.network.given.as_ref().map(|given| given_network::made_up(stack, given));
    let listener = load_balancer::made_up(stack);
    let facts = Facts { zones: zones.collect(), hosted_zones, network, listener, load, ..Facts::default() };
    graph(stack, &facts)
}

#[cfg(test)]
mod tests;
