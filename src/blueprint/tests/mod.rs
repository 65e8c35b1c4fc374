//! Tests the graph: which resources a stack.yaml produces, and what each of them depends on.

mod calls;
mod images;
mod load_balancer;
mod network;
mod rare;
mod references;
mod services;
mod volumes;
mod watch;

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{Address, Node, Runs},
    spec,
};

const SERVICE: &str = "services: { web: { build: app, port: 3000 } }\n";

fn drawn(rest: &str) -> Graph {
    let zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"].map(str::to_owned).to_vec();
    try_drawn(rest, &Facts { zones, ..Facts::default() }).expect("the region has what it takes")
}

fn try_drawn(rest: &str, facts: &Facts) -> Result<Graph, Failure> {
    let text = format!("name: demo\nregion: eu-west-1\n{rest}");
    let stack = spec::parse("stack.yaml", &text, spec::DEFAULT_ENVIRONMENT, &|_| None);
    graph(&stack.unwrap_or_else(|problems| panic!("{text}\n{problems:?}")), facts)
}

/// Returns the addresses of the resources of these kinds, as `kind.name`.
fn addresses(graph: &Graph, kinds: &[&str]) -> Vec<String> {
    let all = graph.nodes().map(|node| &node.address);
    all.filter(|address| kinds.contains(&address.kind())).map(ToString::to_string).collect()
}

fn node<'a>(graph: &'a Graph, address: &str) -> &'a Node {
    graph.get(&address.parse().expect("it is an address")).unwrap_or_else(|| panic!("there is no {address}"))
}

/// Returns the dependencies of `address`.
fn needs(graph: &Graph, address: &str) -> Vec<String> {
    node(graph, address).needs.iter().map(ToString::to_string).collect()
}

fn input(from: &str, output: &str) -> Value {
    json!({ "$from": from, "output": output })
}

#[test]
fn every_graph_has_an_order_and_known_names() {
    for network in ["zones: 2, nat: none", "zones: 2, nat: single", "zones: 3, nat: per-zone"] {
        for database in ["", "database: {}\n"] {
            for tls in ["off", "self-signed"] {
                let text = format!("network: {{ {network} }}\n{database}load_balancer: {{ tls: {tls} }}\n{SERVICE}");
                let graph = drawn(&text);
                assert_eq!(graph.order().map(|order| order.len()), Ok(graph.len()), "{text}");
            }
        }
    }
}
