//! An existing network: used without a change, and left behind.

use aws_sdk_ec2::Client;

use crate::{
    support::{World, rounds, text},
    sweep::everything,
};

/// An existing network with a common layout.
pub struct Theirs {
    pub vpc: String,
    pub public: Vec<String>,
    pub private: Vec<String>,
}

impl Theirs {
    pub async fn made(ec2: &Client) -> Self {
        let vpc = ec2.create_vpc().cidr_block("10.77.0.0/16").send().await.expect("it is made");
        let vpc = vpc.vpc.and_then(|vpc| vpc.vpc_id).expect("it has one");
        let zones = ec2.describe_availability_zones().send().await.expect("it answers");
        let zones: Vec<&str> = zones.availability_zones().iter().filter_map(|zone| zone.zone_name()).collect();
        let mut subnets = Vec::new();
        for (number, zone) in [(0, zones[0]), (1, zones[1]), (2, zones[0]), (3, zones[1])] {
            let call =
                ec2.create_subnet().vpc_id(&vpc).availability_zone(zone).cidr_block(format!("10.77.{number}.0/24"));
            let subnet = call.send().await.expect("it is made").subnet.and_then(|subnet| subnet.subnet_id);
            subnets.push(subnet.expect("it has one"));
        }
        let gateway = ec2.create_internet_gateway().send().await.expect("it is made");
        let gateway = gateway.internet_gateway.and_then(|one| one.internet_gateway_id).expect("it has one");
        let attach = ec2.attach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc);
        attach.send().await.expect("it is attached");
        let address = ec2.allocate_address().send().await.expect("it is made").allocation_id.expect("it has one");
        let nat =
            ec2.create_nat_gateway().subnet_id(&subnets[0]).allocation_id(address).send().await.expect("it is made");
        let nat = nat.nat_gateway.and_then(|nat| nat.nat_gateway_id).expect("it has one");
        // The private subnets have a route table; the public ones use the main one.
        let tables = ec2.describe_route_tables().send().await.expect("it answers");
        let main =
            tables.route_tables().iter().find(|table| table.vpc_id() == Some(&vpc)).expect("each network has one");
        let route = ec2.create_route().destination_cidr_block("0.0.0.0/0").gateway_id(&gateway);
        route.set_route_table_id(main.route_table_id().map(str::to_owned)).send().await.expect("it is made");
        let table = ec2.create_route_table().vpc_id(&vpc).send().await.expect("it is made");
        let table = table.route_table.and_then(|table| table.route_table_id).expect("it has one");
        let route = ec2.create_route().destination_cidr_block("0.0.0.0/0").nat_gateway_id(nat).route_table_id(&table);
        route.send().await.expect("it is made");
        for subnet in &subnets[2..] {
            let call = ec2.associate_route_table().route_table_id(&table).subnet_id(subnet);
            call.send().await.expect("it is associated");
        }
        Self { vpc, public: subnets[..2].to_vec(), private: subnets[2..].to_vec() }
    }

    /// Returns the section of stack.yaml with these public and private subnets.
    pub fn with(&self, public: &[String], private: &[String]) -> String {
        let (vpc, public, private) = (&self.vpc, public.join(", "), private.join(", "));
        format!("network: {{ vpc: {vpc}, public_subnets: [{public}], private_subnets: [{private}] }}\n")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_leaves_a_given_network_as_it_was() {
    let world = World::start();
    world.edit("replicas: 2", "replicas: 1");
    let theirs = Theirs::made(&Client::new(&world.sdk().await)).await;
    let before = everything(&world).await;

    // Swapped subnets: all errors are reported, and nothing is created.
    let wrong = theirs.with(&theirs.private, &theirs.public);
    world.edit("network:\n  zones: 2\n  nat: single\n", &wrong);
    world.edit("    network: { zones: 3, nat: per-zone }\n", "");
    world.forget_calls().await;
    let refused = world.stackctl(&["up", "--yes"]);
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for subnet in &theirs.private {
        assert!(
            said.contains(&format!("network.public_subnets: {subnet} has no route to an internet gateway")),
            "{said}"
        );
    }
    for subnet in &theirs.public {
        assert!(
            said.contains(&format!("network.private_subnets: {subnet} has a route to an internet gateway")),
            "{said}"
        );
    }
    assert!(world.calls().await.iter().all(|call| call["mutating"] == false));

    world.edit(&wrong, &theirs.with(&theirs.public, &theirs.private));
    let url = world.up();
    assert_eq!(world.get(&format!("{url}/")).await.0, 200);
    let made = everything(&world).await;
    for kind in ["vpc ", "subnet ", "internet gateway ", "address ", "NAT gateway ", "route table "] {
        let of_kind = |all: &[String]| all.iter().filter(|one| one.starts_with(kind)).cloned().collect::<Vec<_>>();
        assert_eq!(of_kind(&made), of_kind(&before));
    }
    // A second `up` has nothing to do, in as few rounds as with its own network.
    let calls = world.idle_up().await;
    let times = calls.iter().map(|call| format!("{} {} {}\n", call["started_ms"], call["ended_ms"], call["operation"]));
    assert!(rounds(&calls) <= 4, "{} rounds: {}", rounds(&calls), times.collect::<String>());
    println!("{} calls", calls.len());
    assert!(calls.len() <= 40, "{} calls", calls.len());

    // What somebody else has in their network is in nobody's way.
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(everything(&world).await, before);
}
