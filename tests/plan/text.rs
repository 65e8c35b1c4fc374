//! The text of a plan: its parts, its last line, and narrow terminals.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stackctl::{
    blueprint, kinds,
    model::{Action, Address, Change, How, Part, Place, Plan, Shown, StackId, Step},
    output::{Look, Style, plan_text},
    spec,
};

fn step(address: &str, action: Action, desired: Option<Value>) -> Step {
    Step {
        address: address.parse().expect("it is one"),
        action,
        changes: Vec::new(),
        desired,
        live: None,
        needs: Vec::new(),
    }
}

fn shown(steps: Vec<Step>, width: Option<usize>) -> String {
    let id = StackId { stack: "shop".into(), environment: "test".into() };
    let place = Place { region: "eu-west-1".into(), account: "123456789012".into() };
    let part = |name: &str, addresses: &[&str]| Part {
        name: name.into(),
        addresses: addresses.iter().map(|address| address.parse().expect("it is one")).collect(),
    };
    let parts = vec![
        part("network", &["vpc.main", "nat_gateway.a", "subnet.public-a"]),
        part("service web", &["task_definition.web"]),
    ];
    let plan = Plan { parts, place: Some(place), ..Plan::new(id, steps) };
    plan_text(&kinds::registry(), &plan, Look { style: Style::new(false), details: false, width })
}

#[test]
fn new_resources_are_grouped_with_one_line_each_and_a_price() {
    let subnet = json!({ "vpc": "v", "cidr": "10.20.0.0/20", "zone": "eu-west-1a", "public": true });
    let text = shown(
        vec![
            step("task_definition.web", Action::Update, None),
            step("vpc.main", Action::Create, Some(json!({ "cidr": "10.20.0.0/16" }))),
            step("subnet.public-a", Action::Create, Some(subnet)),
            step("nat_gateway.a", Action::Create, Some(json!({ "subnet": "s", "address": "a" }))),
            step("secret.old", Action::Delete, None),
        ],
        None,
    );
    let expected = "Plan for shop/test in eu-west-1, account 123456789012:\n\n\
        network\n  + vpc.main         cidr 10.20.0.0/16\n  + subnet.public-a  cidr 10.20.0.0/20, zone eu-west-1a\n  \
        + nat_gateway.a\n\n\
        service web\n  ~ task_definition.web\n\n\
        no longer in stack.yaml\n  - secret.old\n\n\
        Plan: 3 to create, 1 to update, 1 to delete. This usually takes about 2 min on AWS. It costs about 35.04 USD a \
        month.";
    assert_eq!(text, expected);
}

#[test]
fn plans_fit_narrow_terminals() {
    let image = |tag: &str| Shown::value(format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/app:{tag}"));
    let change = Change { field: "image".into(), from: image("1.0.0-1"), to: image("1.0.0-2"), how: How::InPlace };
    let update = Step { changes: vec![change], ..step("task_definition.web", Action::Update, None) };
    let text = shown(vec![update], Some(60));
    assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    assert!(text.contains("image  …-1 → …-2"), "{text}");
}

#[test]
fn headlines_name_fields_of_their_kinds() {
    let kinds = kinds::registry();
    let named: BTreeSet<(&str, &str)> =
        kinds.iter().flat_map(|kind| kind.headline().iter().map(|field| (kind.name(), *field))).collect();
    let text = include_str!("../../stack.yaml");
    let stack = spec::parse("stack.yaml", text, spec::DEFAULT_ENVIRONMENT, &|_| None).expect("it is valid");
    let graph = blueprint::sketch(&stack).expect("it can be drawn");
    let has = |address: &Address, field: &str| {
        graph.get(address).is_some_and(|node| node.desired.pointer(&format!("/{}", field.replace('.', "/"))).is_some())
    };
    for address in graph.nodes().map(|node| &node.address) {
        let of_kind = named.iter().filter(|(kind, _)| *kind == address.kind());
        let of_kind: Vec<&str> = of_kind.map(|(_, field)| *field).collect();
        let is_known = of_kind.is_empty() || of_kind.iter().any(|field| has(address, field));
        assert!(is_known, "{address} has none of {of_kind:?}");
    }
}
