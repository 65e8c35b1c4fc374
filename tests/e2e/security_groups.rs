//! Existing security groups on a service: attached to all its tasks, restored after drift, and left behind.

use aws_sdk_ec2::Client;
use aws_sdk_ecs::types::{DesiredStatus, Service, Task};

use crate::{
    given_network::Theirs,
    support::{World, text},
    sweep::everything,
    tiny::Tiny,
};

const CLUSTER: &str = "tiny-default-main";

async fn group(ec2: &Client, name: &str, vpc: &str) -> String {
    let call = ec2.create_security_group().group_name(name).description("theirs").vpc_id(vpc);
    call.send().await.expect("it is made").group_id.expect("it has one")
}

async fn service(world: &World) -> Service {
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let call = ecs.describe_services().cluster(CLUSTER).services("tiny-default-web").send();
    call.await.expect("it answers").services.and_then(|mut services| services.pop()).expect("it is there")
}

async fn groups(world: &World) -> Vec<String> {
    let service = service(world).await;
    let network = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    network.expect("it has one").security_groups().to_vec()
}

async fn tasks(world: &World) -> Vec<String> {
    let tasks: Vec<Task> = world.tasks(CLUSTER, DesiredStatus::Running).await;
    tasks.iter().filter_map(|task| task.task_arn().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_security_groups_are_used_and_left_unchanged() {
    let tiny = Tiny::start();
    let world = &tiny.0;
    let ec2 = Client::new(&world.sdk().await);
    let theirs = Theirs::made(&ec2).await;
    let elsewhere = Theirs::made(&ec2).await;
    let (database, far) =
        (group(&ec2, "database-clients", &theirs.vpc).await, group(&ec2, "far", &elsewhere.vpc).await);
    let before = everything(world).await;
    world.edit("network: { nat: none }\n", &theirs.with(&theirs.public, &theirs.private));
    world.edit("replicas: 2", &format!("replicas: 1\n    security_groups: [{far}, sg-00000000]"));

    // Missing groups and groups in another network are reported before anything is created.
    world.forget_calls().await;
    let refused = world.stackctl(&["up", "--yes"]);
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let expected = [
        format!("services.web.security_groups: {far} is in {}, not in {}", elsewhere.vpc, theirs.vpc),
        "services.web.security_groups: sg-00000000 not found in eu-west-1".to_owned(),
    ];
    for line in expected {
        assert!(said.contains(&line), "no {line:?} in: {said}");
    }
    assert!(world.calls().await.iter().all(|call| call["mutating"] == false));

    world.edit(&format!("[{far}, sg-00000000]"), &format!("[{database}]"));
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    let of_service = groups(world).await;
    assert_eq!((of_service.len(), &of_service[1]), (2, &database));
    let released = world.release_tasks(CLUSTER).await;
    assert_eq!(released.len(), 1);
    world.must(&["run", "web", "--", "prepare"]);

    // A group that someone detached is restored, and the plan shows that the tasks are replaced.
    let first = tasks(world).await;
    let ecs = aws_sdk_ecs::Client::new(&world.sdk().await);
    let mut network = service(world).await.network_configuration.and_then(|network| network.awsvpc_configuration);
    if let Some(network) = &mut network {
        network.security_groups = Some(vec![of_service[0].clone()]);
    }
    let network = aws_sdk_ecs::types::NetworkConfiguration::builder().set_awsvpc_configuration(network).build();
    let call = ecs.update_service().cluster(CLUSTER).service("tiny-default-web").network_configuration(network);
    call.send().await.expect("it is changed");
    assert_eq!(world.changes(), ["service.web security_group"]);
    let plan = world.must(&["plan"]);
    let why = "! service.web starts a deployment because `security_group` changes: new tasks replace the running \
               ones";
    assert!(plan.contains(why), "{plan}");
    world.up();
    assert_eq!(world.settled(), Vec::<String>::new());
    assert_eq!(groups(world).await, of_service);
    assert_ne!(tasks(world).await, first);

    world.must(&["destroy", "--confirm", "tiny/default"]);
    assert_eq!(everything(world).await, before);
}
