//! The bastion: a host with users, SSH keys and packages, set up by cloud-init.

use std::{fs, process::Command};

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    support::{World, repository, text},
    sweep,
};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

fn bastion(users: &str) -> String {
    format!("\nbastion:\n  packages: [curl, jq]\n  allow: [203.0.113.0/24]\n  users:\n{users}\nservices:")
}

fn user(name: &str, sudo: bool) -> String {
    format!("    {name}: {{ sudo: {sudo}, ssh_key: \"{KEY} {name}\" }}\n")
}

async fn user_data(world: &World) -> String {
    let ec2 = aws_sdk_ec2::Client::new(&world.sdk().await);
    let found = ec2.describe_instances().send().await.expect("it lists");
    let running: Vec<_> = found
        .reservations()
        .iter()
        .flat_map(aws_sdk_ec2::types::Reservation::instances)
        .filter(|instance| {
            instance.state().and_then(|state| state.name()).is_some_and(|name| name.as_str() == "running")
        })
        .collect();
    assert_eq!(running.len(), 1, "there is one host");
    let id = running[0].instance_id().expect("it has an id");
    let attribute = aws_sdk_ec2::types::InstanceAttributeName::UserData;
    let answer = ec2.describe_instance_attribute().instance_id(id).attribute(attribute).send().await;
    let data = answer.expect("it answers").user_data.and_then(|data| data.value).expect("there is some");
    String::from_utf8(BASE64_STANDARD.decode(data).expect("it is base64")).expect("it is text")
}

#[tokio::test(flavor = "multi_thread")]
async fn bastion_has_its_users_and_reaches_the_database() {
    let world = World::start();
    world.up();
    world.edit("\nservices:", &bastion(&(user("admin", true) + &user("guest", false))));
    let mut plan = world.plan();
    plan.sort();
    assert_eq!(
        plan,
        [
            "create instance.bastion",
            "create security_group.bastion",
            "update cluster.main",
            "update security_group.database"
        ],
        "a host is added to a stack that runs, and touches nothing else"
    );
    world.up();
    assert_eq!(world.plan(), Vec::<String>::new());

    let config = user_data(&world).await;
    let file = world.project().join("user-data");
    fs::write(&file, &config).expect("it can be written");
    let checked = Command::new(repository().join("scripts/cloud-init-schema")).arg(&file).output();
    let checked = checked.expect("the script runs");
    assert!(checked.status.success(), "{config}\n{}", text(&checked));
    assert!(config.contains("NOPASSWD") && config.contains("\"guest\""), "{config}");

    // A changed user replaces the host, because cloud-init creates users only at the first start.
    world.edit(&user("guest", false), "");
    assert_eq!(world.plan(), ["replace instance.bastion", "delete_replaced instance.bastion"]);
    world.up();
    assert!(!user_data(&world).await.contains("guest"));

    world.must(&["destroy", "--confirm", "demo/default"]);
    assert_eq!(sweep::everything(&world).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn bastion_without_a_login_is_refused_before_creation() {
    let world = World::start();
    world.edit(
        "\nservices:",
        &bastion("    admin: { ssh_key: \"ssh-ed25519 AAAA admin\" }\n    root: { sudo: true }\n"),
    );
    let said = world.stackctl(&["validate"]);
    assert_eq!(said.status.code(), Some(3));
    let said = text(&said);
    assert!(said.contains("the public key is incomplete or contains a typing error"), "{said}");
    assert!(said.contains("invalid user name `root`"), "{said}");
    assert!(said.contains("user `root` has no SSH key"), "{said}");
}
