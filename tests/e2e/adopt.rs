//! Adoption: existing resources become part of the stack without a change.

use aws_sdk_ec2::Client;

use crate::{
    support::World,
    sweep::everything,
    until,
    users::{Database, secret},
};

/// The password that the previous owner set.
const THEIRS: &str = "their-own-password";

/// The default network range of stack.yaml.
const RANGE: &str = "10.20.0.0/16";

async fn vpc(ec2: &Client, range: &str) -> String {
    let made = ec2.create_vpc().cidr_block(range).send().await.expect("it is made");
    made.vpc.and_then(|vpc| vpc.vpc_id).expect("it has one")
}

async fn subnet(ec2: &Client, vpc: &str, zone: &str, range: &str) -> String {
    let call = ec2.create_subnet().vpc_id(vpc).availability_zone(zone).cidr_block(range);
    let made = call.send().await.expect("it is made");
    made.subnet.and_then(|subnet| subnet.subnet_id).expect("it has one")
}

/// Creates a database outside the stack in these subnets and waits until it answers.
async fn database(world: &World, subnets: Vec<String>) {
    let rds = aws_sdk_rds::Client::new(&world.sdk().await);
    let call = rds.create_db_subnet_group().db_subnet_group_name("theirs").db_subnet_group_description("theirs");
    call.set_subnet_ids(Some(subnets)).send().await.expect("it is made");
    let call = rds.create_db_instance().db_instance_identifier("theirs").db_subnet_group_name("theirs");
    let call = call.engine("postgres").engine_version("16").db_instance_class("db.t4g.micro");
    let call = call.allocated_storage(30).storage_type("gp3").db_name("app");
    let call = call.master_username("postgres").master_user_password(THEIRS).publicly_accessible(true);
    call.send().await.expect("it is made");
    let answers = async || {
        let found = rds.describe_db_instances().send().await.expect("it answers");
        found.db_instances()[0].db_instance_status() == Some("available")
    };
    until::so("it is available", answers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_and_a_database_with_its_data_are_adopted() {
    let world = World::start();
    world.edit("replicas: 2", "replicas: 1");
    world.edit("nat: single", "nat: none");
    world.edit("storage: 20", "storage: 30");
    let ec2 = Client::new(&world.sdk().await);
    let (other, ours) = (vpc(&ec2, "10.99.0.0/16").await, vpc(&ec2, RANGE).await);
    let before = everything(&world).await;

    // Invalid adoptions are refused with the reason, and nothing changes.
    let said = world.ends_with(3, &["adopt", "vpc.mian", &ours]);
    assert!(said.contains("stack.yaml does not describe vpc.mian") && said.contains("vpc.main"), "{said}");
    let said = world.ends_with(3, &["adopt", "service.web", "theirs"]);
    assert!(said.contains("cannot adopt service.web"), "{said}");
    let said = world.ends_with(1, &["adopt", "vpc.main", "vpc-00000000000000000", "--yes"]);
    assert!(said.contains("vpc vpc-00000000000000000 not found in eu-west-1"), "{said}");
    let said = world.ends_with(1, &["adopt", "vpc.main", &other, "--yes"]);
    assert!(said.contains("10.99.0.0/16 → 10.20.0.0/16") && said.contains("does not match vpc.main"), "{said}");
    let (b, c) = ("eu-west-1b", "eu-west-1c");
    let private = [subnet(&ec2, &ours, b, "10.20.32.0/19").await, subnet(&ec2, &ours, c, "10.20.96.0/19").await];
    let said = world.ends_with(1, &["adopt", "subnet.private-b", &private[0], "--yes"]);
    assert!(said.contains("first adopt the resource that contains it"), "{said}");
    let said = world.ends_with(3, &["adopt", "vpc.main", &ours]);
    assert!(said.contains("already matches what stack.yaml says of vpc.main") && said.contains("add --yes"), "{said}");

    for (address, id) in [("vpc.main", &ours), ("subnet.private-b", &private[0]), ("subnet.private-c", &private[1])] {
        world.ends_with(0, &["adopt", address, id, "--yes"]);
    }
    let said = world.ends_with(0, &["adopt", "vpc.main", &ours, "--yes"]);
    assert!(said.contains(&format!("Adopted {ours} as vpc.main")), "an answer may have been lost: {said}");
    let said = world.ends_with(1, &["adopt", "vpc.main", &other, "--yes"]);
    assert!(said.contains(&format!("demo/default already has vpc.main: {ours}")), "{said}");
    let left = world.plan();
    for made in ["create vpc.main", "create subnet.private-b", "create subnet.private-c"] {
        assert!(!left.contains(&made.to_owned()), "{left:?}");
    }

    // The database keeps its data, and its master user gets a password that only the stack knows.
    database(&world, private.to_vec()).await;
    let theirs = Database::of(&world).await;
    theirs.ask("postgres", THEIRS, "CREATE TABLE theirs AS SELECT 42 AS answer");
    let said = world.ends_with(0, &["adopt", "db_instance.database", "theirs", "--yes"]);
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for change in ["public true → false", "password changed by somebody else → the stack's own"] {
        assert!(words.contains(change), "{said}");
    }
    let url = world.up();
    assert_eq!(world.get(&format!("{url}/")).await.0, 200);
    let own = secret(&world, "database-password").await;
    assert_eq!(theirs.ask("postgres", &own, "SELECT answer FROM theirs"), "42");
    assert!(theirs.refusal("postgres", THEIRS, "SELECT 1").contains("password authentication failed"));
    assert_eq!(world.plan(), [""; 0]);

    // The stack's own means that it goes with the stack; what was never adopted stays.
    world.must(&["destroy", "--confirm", "demo/default"]);
    let mut left = everything(&world).await;
    left.retain(|one| !one.contains("theirs"));
    let mut expected = before;
    expected.retain(|one| !one.contains(&ours));
    assert_eq!(left, expected);
}
