//! Foreign resources that block a deletion are reported before anything is deleted, with a way out.

use aws_sdk_ec2::types::{IpPermission, UserIdGroupPair};
use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, FixedResponseActionConfig, ProtocolEnum};
use serde_json::Value;

use crate::{
    support::{World, text},
    sweep::everything,
};

/// Returns the id of a resource of the stack.
fn id(status: &Value, address: &str) -> String {
    let resources = status["resources"].as_array().expect("a list");
    let found = resources.iter().find(|resource| resource["address"] == address);
    found.and_then(|found| found["id"].as_str()).unwrap_or_else(|| panic!("{address} is there")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn destroy_names_what_blocks_it_before_it_deletes() {
    let world = World::start();
    world.edit("replicas: 2", "replicas: 1");
    world.up();
    let status = world.status();
    let resources = status["resources"].as_array().expect("a list").iter();
    let mut addresses = resources.filter_map(|resource| resource["address"].as_str());
    let own_subnet = addresses.find(|address| address.starts_with("subnet.private-")).expect("there is one");
    let (vpc, subnet) = (id(&status, "vpc.main"), id(&status, own_subnet));
    let own_group = id(&status, "security_group.database");
    let config = world.sdk().await;
    let (ec2, elb, ecs) = (
        aws_sdk_ec2::Client::new(&config),
        aws_sdk_elasticloadbalancingv2::Client::new(&config),
        aws_sdk_ecs::Client::new(&config),
    );

    // Foreign resources: an interface, a group whose rule refers to one of the stack's groups, a subnet, a peering, a
    // listener, a service.
    let interface = ec2.create_network_interface().subnet_id(&subnet).description("a report's own").send().await;
    let interface = interface.expect("it is made").network_interface.expect("it is there");
    let interface = interface.network_interface_id.expect("it has one");
    let group = ec2.create_security_group().vpc_id(&vpc).group_name("reports").description("reports").send().await;
    let group = group.expect("it is made").group_id.expect("it has one");
    let pair = UserIdGroupPair::builder().group_id(&own_group).build();
    let from_ours =
        IpPermission::builder().ip_protocol("tcp").from_port(1).to_port(1).user_id_group_pairs(pair).build();
    let call = ec2.authorize_security_group_ingress().group_id(&group).ip_permissions(from_ours);
    call.send().await.expect("it is made");
    let other_subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.20.250.0/24").send().await.expect("it is made");
    let other_subnet = other_subnet.subnet.and_then(|subnet| subnet.subnet_id).expect("it has one");
    let other_vpc = ec2.create_vpc().cidr_block("10.99.0.0/16").send().await.expect("it is made");
    let other_vpc = other_vpc.vpc.and_then(|vpc| vpc.vpc_id).expect("it has one");
    let peering = ec2.create_vpc_peering_connection().vpc_id(&other_vpc).peer_vpc_id(&vpc).send().await;
    let peering = peering.expect("it is made").vpc_peering_connection.expect("it is there");
    let peering = peering.vpc_peering_connection_id.expect("it has one");
    let balancer = elb.describe_load_balancers().send().await.expect("it answers");
    let balancer = balancer.load_balancers()[0].load_balancer_arn().expect("it has one").to_owned();
    let answer = FixedResponseActionConfig::builder().status_code("200").build();
    let answer = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(answer).build();
    let listener = elb.create_listener().load_balancer_arn(&balancer).port(8080).protocol(ProtocolEnum::Http);
    let listener = listener.default_actions(answer).send().await.expect("it is made");
    let listener = listener.listeners()[0].listener_arn().expect("it has one").to_owned();
    let own = ecs.describe_services().cluster("demo-default-main").services("demo-default-web").send().await;
    let own = own.expect("it answers").services()[0].clone();
    let service = ecs.create_service().cluster("demo-default-main").service_name("reports").desired_count(0);
    let service = service.task_definition(own.task_definition().expect("it has one"));
    let service = service.set_network_configuration(own.network_configuration().cloned()).send().await;
    let service = service.expect("it is made").service.and_then(|service| service.service_arn).expect("it has one");

    let before = everything(&world).await;
    world.forget_calls().await;
    let refused = world.stackctl(&["destroy", "--confirm", "demo/default"]);
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for (blocker, told) in [
        (&interface, format!("in {own_subnet} (“a report's own”").as_str()),
        (&group, "names security_group.database"),
        (&other_subnet, "in vpc.main"),
        (&peering, "of vpc.main"),
        (&listener, "at load_balancer.main"),
        (&service, "in cluster.main"),
    ] {
        let line = said.lines().find(|line| line.contains(blocker.as_str()) && line.contains(told));
        assert!(line.is_some(), "{blocker} {told}: {said}");
    }
    assert!(said.contains("nothing was deleted") && said.contains("aws ec2 delete-network-interface"), "{said}");
    assert_eq!(world.writes().await, Vec::<String>::new());
    assert_eq!(everything(&world).await, before);
    assert_eq!(world.plan(), Vec::<String>::new(), "the stack is as it was");

    // Once they are deleted, the stack can be destroyed.
    ec2.delete_network_interface().network_interface_id(&interface).send().await.expect("it goes");
    ec2.delete_security_group().group_id(&group).send().await.expect("it goes");
    ec2.delete_subnet().subnet_id(&other_subnet).send().await.expect("it goes");
    ec2.delete_vpc_peering_connection().vpc_peering_connection_id(&peering).send().await.expect("it goes");
    ec2.delete_vpc().vpc_id(&other_vpc).send().await.expect("it goes");
    elb.delete_listener().listener_arn(&listener).send().await.expect("it goes");
    ecs.delete_service().cluster("demo-default-main").service(&service).force(true).send().await.expect("it goes");
    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(everything(&world).await, Vec::<String>::new());
}
