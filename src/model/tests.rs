//! Properties of all graphs: the order of resources, and what is invalid.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn address(number: usize) -> Address {
    Address::new("thing", format!("{number:02}"))
}

/// Creates a graph of `count` resources with these edges, each from a resource to one that it needs.
fn graph(count: usize, edges: &[(usize, usize)]) -> Graph {
    let mut graph = Graph::new();
    for number in 0..count {
        graph.add(address(number), &json!({}));
    }
    for (by, need) in edges {
        graph.need(&address(*by), &address(*need));
    }
    graph
}

fn edges(count: usize) -> impl Strategy<Value = Vec<(usize, usize)>> {
    proptest::collection::vec((0..count, 0..count), 0..40)
}

proptest! {
    #[test]
    fn every_resource_follows_its_needs_exactly_once(edges in edges(12), keys in proptest::collection::vec(any::<u32>(), 12)) {
        // Edges that descend in a random ranking cannot form a circle.
        let edges: Vec<_> = edges.into_iter().filter(|(by, need)| (keys[*by], *by) > (keys[*need], *need)).collect();
        let graph = graph(12, &edges);
        let order = graph.order().expect("there is no circle");
        let place: BTreeMap<&Address, usize> = order.iter().enumerate().map(|(at, node)| (&node.address, at)).collect();
        prop_assert_eq!((order.len(), place.len()), (12, 12));
        for (by, need) in edges {
            prop_assert!(place[&address(need)] < place[&address(by)]);
        }
    }

    #[test]
    fn a_circular_dependency_is_refused_and_named(edges in edges(8), closing in proptest::collection::vec(0_usize..8, 1..5)) {
        let mut edges = edges;
        for (at, by) in closing.iter().enumerate() {
            edges.push((*by, closing[(at + 1) % closing.len()]));
        }
        let graph = graph(8, &edges);
        let Err(GraphError::Cycle(circle)) = graph.order() else {
            return Err(TestCaseError::fail("a circle was ordered"));
        };
        prop_assert!(circle.len() >= 2);
        prop_assert_eq!(circle.first(), circle.last());
        for step in circle.windows(2) {
            prop_assert!(graph.get(&step[0]).expect("it is in the graph").needs.contains(&step[1]), "{:?}", circle);
        }
    }

    #[test]
    fn an_address_survives_formatting_and_parsing(kind in "[a-z_]{1,12}", name in "[a-zA-Z0-9_./-]{1,20}") {
        let address = Address::new(kind, name);
        prop_assert_eq!(address.to_string().parse::<Address>().expect("it is an address"), address);
    }
}

#[test]
fn a_missing_dependency_names_both_resources() {
    let mut graph = graph(1, &[]);
    graph.need(&address(0), &address(7));
    let expected = GraphError::Missing { by: address(0), missing: address(7) };
    assert_eq!(graph.order().expect_err("it is not there"), expected);
}

#[test]
fn an_address_needs_a_kind_and_a_name() {
    for text in ["", "vpc", ".main", "vpc."] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
}

#[test]
fn nested_references_become_dependencies() {
    let mut graph = graph(3, &[]);
    let desired =
        json!({ "list": [Input::output(&address(0), "id")], "deep": { "er": Input::output(&address(2), "arn") } });
    let last = graph.add(Address::new("thing", "last"), &desired);
    let needs: Vec<Address> = graph.get(&last).expect("it was added").needs.iter().cloned().collect();
    assert_eq!(needs, [address(0), address(2)]);
}

#[test]
#[should_panic(expected = "is in the graph twice")]
fn an_address_cannot_be_added_twice() {
    let mut graph = graph(1, &[]);
    graph.add(address(0), &json!({}));
}

fields! {
    /// Two sets.
    enum Sample {
        Paths = "paths",
        Subnets = "subnets",
    }
}

#[test]
fn a_set_shows_only_removed_and_added_items() {
    let changes = Diff::<Sample, NoField>::new().set(Sample::Paths, &["/a", "/b"], &["/b", "/c"]).finish();
    let shown: Vec<(Shown, Shown)> = changes.into_iter().map(|change| (change.from, change.to)).collect();
    assert_eq!(shown, [(Shown::value("/a"), Shown::Absent), (Shown::Absent, Shown::value("/c"))]);
}

#[test]
fn one_unknown_input_makes_a_set_unknown() {
    let live = ["b".to_owned(), "a".to_owned()];
    let same = Diff::<Sample, NoField>::new().inputs(Sample::Subnets, &live, &["a".into(), "b".into()]).finish();
    assert_eq!(same, []);
    let unknown = ["a".into(), Input::output(&address(0), "id")];
    let changes = Diff::<Sample, NoField>::new().inputs(Sample::Subnets, &live, &unknown).finish();
    let expected =
        Change { field: "subnets".into(), from: Shown::value("a, b"), to: Shown::KnownAfterApply, how: How::InPlace };
    assert_eq!(changes, [expected]);
}
