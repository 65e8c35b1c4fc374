//! `destroy` deletes the resources that GuardDuty's Runtime Monitoring leaves in the network.

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification, VpcEndpointType};

use crate::{sweep::everything, tiny::Tiny};

fn managed(resource: ResourceType) -> TagSpecification {
    let tag = Tag::builder().key("GuardDutyManaged").value("true").build();
    TagSpecification::builder().resource_type(resource).tags(tag).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn destroy_removes_what_guard_duty_has_left() {
    let tiny = Tiny::start();
    tiny.0.up();
    let ec2 = aws_sdk_ec2::Client::new(&tiny.0.sdk().await);
    let ours = Filter::builder().name("tag:stackctl:stack").values("tiny").build();
    let subnets = ec2.describe_subnets().filters(ours).send().await.expect("it answers");
    let vpc = subnets.subnets()[0].vpc_id().expect("it has one").to_owned();
    let group = ec2.create_security_group().vpc_id(&vpc).description("made by GuardDuty");
    let group = group.group_name(format!("GuardDutyManagedSecurityGroup-{vpc}"));
    let group = group.tag_specifications(managed(ResourceType::SecurityGroup)).send().await.expect("it is made");
    let mut endpoint = ec2
        .create_vpc_endpoint()
        .vpc_id(&vpc)
        .service_name("com.amazonaws.eu-west-1.guardduty-data")
        .vpc_endpoint_type(VpcEndpointType::Interface)
        .security_group_ids(group.group_id().expect("it has one"))
        .tag_specifications(managed(ResourceType::VpcEndpoint));
    for subnet in subnets.subnets() {
        endpoint = endpoint.subnet_ids(subnet.subnet_id().expect("it has one"));
    }
    endpoint.send().await.expect("it is made");
    tiny.0.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(everything(&tiny.0).await, Vec::<String>::new());
}
